"""Compute the cross-entropy over a sample of the classes, with the logQ correction."""

import torch
from torch import Tensor

from growlabels.base.errors import DataError, UsageError, is_whole
from growlabels.classes.heads.checks import check_shape
from growlabels.classes.heads.head import EBVHead
from growlabels.classes.heads.margin import angular_margin


def sampled_loss(
    head: EBVHead,
    x: Tensor,
    y: Tensor,
    samples: int = 1024,
    proposal: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the mean cross-entropy, estimated from a sample of the other classes.

    The function draws ``samples`` classes j with replacement from Q, once for all rows. It
    divides the exponential of each by ``samples * Q_j``, that is, it adds
    ``-log(samples * Q_j)`` to the logit. The target is always included without correction, and
    draws of the target are discarded. The sum over the other classes is thus unbiased, and the
    loss converges to :meth:`EBVHead.loss` as the sample grows (Bengio and Senecal, IEEE
    Transactions on Neural Networks 19(4), 2008). For a finite sample its mean lies below the
    exact loss.

    Use this loss for large codebooks of stored vectors (optimised or imported). Structured
    codebooks rarely need it: for 100,352 Kerdock classes the exact loss is faster than a sample
    of 1,024.

    Parameters
    ----------
    head
        Head whose projection, class vectors, scale and margins are used. Its label smoothing has
        no effect.
    x
        Features, (rows, in_features).
    y
        Class indices, (rows,). No row can be ignored.
    samples
        Number of draws, at least 1; default 1024.
    proposal
        The distribution Q: a positive weight per class, for example its frequency. By default
        all classes have the same weight.
    generator
        Random generator of the draws. By default torch's global generator is used.

    Raises
    ------
    UsageError
        ``samples`` is below 1, ``head`` is not an :class:`EBVHead`, or shapes do not fit.
    DataError
        A target is out of range, or features or weights are not finite.

    Examples
    --------
    >>> from growlabels.classes import Codebook
    >>> head = EBVHead(4, Codebook.for_classes(2000, 64))
    >>> x, y = torch.ones(2, 4), torch.tensor([0, 1999])
    >>> sampled_loss(head, x, y, samples=100).shape
    torch.Size([])
    """
    if not is_whole(samples, 1):
        raise UsageError.parameter("samples", "must be at least 1", samples)
    UsageError.require_instance("head", head, EBVHead)
    head.check_rows(x, y, -100)
    if bool((y == -100).any()):
        raise DataError("sampled_loss cannot ignore rows; remove the rows with target -100")
    z = head.embed(x)
    drawn, correction = _draws(head, samples, proposal, generator)
    with torch.autocast(z.device.type, enabled=False):
        cosine = (z * head.vectors.select(y).to(z.dtype)).sum(1)
        own = head.scale * angular_margin(cosine, head.margin, head.cosine_margin)[0]
        others = head.scale * (z @ head.vectors.select(drawn).to(z.dtype).T)
        others = (others - correction.to(z.dtype)).masked_fill(drawn == y[:, None], -torch.inf)
        return torch.nn.functional.softplus(others.logsumexp(1) - own).mean()


def _draws(
    head: EBVHead, samples: int, proposal: Tensor | None, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Return the drawn classes and ``log(samples * Q)`` of each."""
    n, device = head.num_classes, head.vectors.device
    if proposal is None:
        drawn = torch.randint(n, (samples,), generator=generator, device=device)
        return drawn, torch.full((samples,), samples / n, device=device).log()
    check_shape("proposal", proposal, (n,))
    if not bool((torch.isfinite(proposal) & (proposal > 0)).all()):
        raise DataError(
            "proposal must be finite and above 0 for every class, otherwise the loss is biased"
        )
    # Inverse transform sampling, because torch.multinomial accepts at most 2^24 classes.
    weights = proposal.detach().double().to(device)
    steps = weights.cumsum(0)
    points = torch.rand(samples, generator=generator, device=device, dtype=torch.float64)
    drawn = torch.searchsorted(steps, points * steps[-1], right=True).clamp_max(n - 1)
    return drawn, (samples * weights[drawn] / steps[-1]).log()
