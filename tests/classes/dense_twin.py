"""Slow, plain versions that the tests compare with: dense matrices, float64."""

import numpy as np
import torch

from growlabels.classes import Codebook
from growlabels.classes.heads.margin import angular_margin


def random_signs(dim: int, seed: int, bases: int | None = None) -> np.ndarray:
    """Sign rows of as many bases as a whole set has; the algebra holds for any signs."""
    generator = np.random.default_rng(seed)
    shape = (dim // 2 if bases is None else bases, dim)
    return generator.choice(np.array([-1, 1], dtype=np.int8), shape)


def sylvester_by_popcount(dim: int) -> np.ndarray:
    index = np.arange(dim)
    return 1.0 - 2.0 * (np.bitwise_count(index[:, None] & index) % 2)


def unit_rows(rows: int, dim: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(rows, dim, generator=generator), dim=1)


def rows_near_targets(w: torch.Tensor, y: torch.Tensor, cosine: float, seed: int) -> torch.Tensor:
    """Unit rows that have a given cosine with their target's vector, float32."""
    generator = torch.Generator().manual_seed(seed)
    across = torch.randn(len(y), w.shape[1], generator=generator, dtype=torch.float64)
    across -= (across * w[y]).sum(1, keepdim=True) * w[y]
    across /= across.norm(dim=1, keepdim=True)
    return (cosine * w[y] + (1 - cosine**2) ** 0.5 * across).float()


def dense_loss(
    x: torch.Tensor,
    y: torch.Tensor,
    codebook: Codebook,
    n_classes: int,
    scale: float,
    margin: float = 0.0,
    smoothing: float = 0.0,
    cosine_margin: float = 0.0,
) -> torch.Tensor:
    """One loss per row in float64 over the whole matrix, by log-sum-exp of the non-targets."""
    w = torch.from_numpy(codebook.vectors(range(n_classes), np.float64))
    cosines = torch.nn.functional.normalize(x, dim=1) @ w.T
    own = angular_margin(cosines.gather(1, y[:, None])[:, 0], margin)[0] - cosine_margin
    logits = scale * cosines.scatter(1, y[:, None], own[:, None])
    target = torch.nn.functional.one_hot(y, n_classes).bool()
    rest = torch.logsumexp(logits.masked_fill(target, -torch.inf), 1)
    loss = torch.log1p(torch.exp(rest - scale * own))
    return loss + smoothing * (scale * own - logits.mean(1))
