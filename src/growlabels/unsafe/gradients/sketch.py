"""Compress long vectors by a count sketch: sums of the entries, with random signs, in buckets.

The sketch preserves inner products in expectation, with variance about 2 |a|² |b|² / buckets
(Charikar, Chen, Farach-Colton, 2002). It is the sparse Johnson-Lindenstrauss transform with one
entry per column.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from growlabels.base.errors import UsageError


class CountSketch:
    """Draw a random bucket and sign for every entry, and sketch vectors with them.

    Parameters
    ----------
    size
        Length of the vectors, at least 1.
    buckets
        Length of the sketches, at least 1.
    seed
        Seed of the draw, 0 or more. Default 0.

    Examples
    --------
    >>> sketch = CountSketch(6, 4)
    >>> tuple(sketch(torch.ones(2, 6)).shape)
    (2, 4)
    """

    def __init__(self, size: int, buckets: int, seed: int = 0) -> None:
        for name, value, least in (("size", size, 1), ("buckets", buckets, 1), ("seed", seed, 0)):
            UsageError.require_whole(name, value, least)
        draw = torch.Generator().manual_seed(seed)
        self.buckets = buckets
        self._bucket = torch.randint(buckets, (size,), generator=draw)
        self._sign = torch.randint(2, (size,), generator=draw).float() * 2 - 1

    def __call__(self, vectors: Float[Tensor, "rows size"]) -> Float[Tensor, "rows buckets"]:
        """Return the sketches of the vectors, which are linear in the vectors."""
        UsageError.require_instance("vectors", vectors, Tensor)
        if vectors.ndim != 2 or vectors.shape[1] != len(self._bucket):
            raise UsageError.parameter(
                "vectors", f"must be of shape (rows, {len(self._bucket)})", tuple(vectors.shape)
            )
        bucket, sign = self._bucket.to(vectors.device), self._sign.to(vectors)
        sketched = vectors.new_zeros((len(vectors), self.buckets))
        return sketched.index_add_(1, bucket, vectors * sign)
