"""Define the products with all class vectors W of a codebook, and those of a stored matrix.

Heads need five products of unit embeddings ``z`` and class weights: ``z W^T``, ``weights W``,
single rows of W, the k largest entries of ``z W^T``, and the sums of exponentials of the
cross-entropy. :class:`ClassVectors` defines all five and implements the last two by the first two.
:class:`~growlabels.classes.products.sign_vectors.SignVectors` computes them basis by basis.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

# Columns (bases times rows) that are transformed together: 1 MB at d = 1024, which fits in a cache.
COLUMNS = 256


class ClassVectors(nn.Module):
    """Unit class vectors W as linear maps; class ``i`` is row ``i`` of W.

    Parameters
    ----------
    dim
        Dimension of a class vector.
    n_classes
        Number of classes in use; it can be increased later.
    """

    def __init__(self, dim: int, n_classes: int) -> None:
        super().__init__()
        self.dim = dim
        self.n_classes = n_classes
        self._total: tuple[int, Tensor] | None = None
        self.marker: Tensor
        self.register_buffer("marker", torch.empty(0), persistent=False)

    def cosines(self, z: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows classes"]:
        """Return ``z W^T``."""
        raise NotImplementedError

    def combine(self, weights: Float[Tensor, "rows classes"]) -> Float[Tensor, "rows dim"]:
        """Return ``weights W``, the adjoint of :meth:`cosines`."""
        raise NotImplementedError

    def select(self, index: Int[Tensor, " rows"]) -> Float[Tensor, "rows dim"]:
        """Return one class vector per entry of ``index``, in a dtype that is exact or float64."""
        raise NotImplementedError

    def topk(
        self, z: Float[Tensor, "rows dim"], k: int
    ) -> tuple[Float[Tensor, "rows k"], Int[Tensor, "rows k"]]:
        """Return the ``k`` largest cosines and their classes; ties are ordered by class."""
        return exact_topk(self.cosines(z), k)

    def sum_exp(
        self,
        z: Float[Tensor, "rows dim"],
        target: Int[Tensor, " rows"],
        scale: float,
        shift: float,
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, "rows dim"]]:
        """Sum ``e_j = exp(scale cos_j - shift)`` over all classes except the target.

        Parameters
        ----------
        z
            Unit rows.
        target
            Class index of each row that is excluded.
        scale
            Inverse temperature, above 0.
        shift
            Value that is subtracted from each logit to avoid overflow.

        Returns
        -------
        sums, combined
            ``sum_j e_j`` and ``sum_j e_j W_j``, both float64.
        """
        weights = exponentials(self.cosines(z), scale, shift)
        weights[torch.arange(len(target), device=z.device), target] = 0
        return weights.sum(1, dtype=torch.float64), self.combine(weights).double()

    def total(self) -> Float[Tensor, " dim"]:
        """Return the sum of all class vectors in use, float64; cached until classes are added."""
        if self._total is None or self._total[0] != self.n_classes:
            self._total = self.n_classes, self._sum()
        return self._total[1].to(self.device)

    def _sum(self) -> Tensor:
        ones = torch.ones(1, self.n_classes, dtype=torch.float64, device=self.device)
        return self.combine(ones)[0]

    @property
    def device(self) -> torch.device:
        """Device of the buffers."""
        return self.marker.device


class DenseVectors(ClassVectors):
    """Class vectors without structure, stored as a matrix.

    Parameters
    ----------
    vectors
        Unit vectors, one per row.
    n_classes
        Number of classes in use, at most the number of rows.
    """

    def __init__(self, vectors: Float[Tensor, "capacity dim"], n_classes: int) -> None:
        super().__init__(vectors.shape[1], n_classes)
        self.vectors: Tensor
        self.register_buffer("vectors", vectors, persistent=False)

    def cosines(self, z: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows classes"]:
        return z @ self.vectors[: self.n_classes].to(z.dtype).T

    def combine(self, weights: Float[Tensor, "rows classes"]) -> Float[Tensor, "rows dim"]:
        return weights @ self.vectors[: self.n_classes].to(weights.dtype)

    def select(self, index: Int[Tensor, " rows"]) -> Float[Tensor, "rows dim"]:
        return self.vectors[index]

    def _apply(self, fn: Any, recurse: bool = True) -> "DenseVectors":
        """Move the vectors with the model but keep their dtype, because rounding moves them."""
        before = self.vectors
        super()._apply(fn, recurse)
        if self.vectors.dtype != before.dtype:
            self.vectors = before.to(self.vectors.device)
        return self


def in_jit_trace() -> bool:
    """Return whether torch.jit.trace or the older ONNX exporter is recording a graph."""
    return torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]


def is_traced() -> bool:
    """Return whether torch.compile, torch.export or torch.jit.trace is recording a graph."""
    return torch.compiler.is_compiling() or in_jit_trace()


def has_values(x: Tensor) -> bool:
    """Return whether a tensor has values that can be read: it is not meta, fake or traced."""
    return not (x.is_meta or is_traced() or hasattr(x, "fake_mode"))


def sylvester(order: int) -> Float[Tensor, "order order"]:
    """Return the Sylvester matrix with entries ``(-1)^popcount(i & j)``, float32.

    Parameters
    ----------
    order
        Number of rows, a power of two.

    Examples
    --------
    >>> sylvester(2).tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
    h = torch.ones(1, 1)
    while len(h) < order:
        h = torch.cat([torch.cat([h, h], 1), torch.cat([h, -h], 1)])
    return h


def exact_topk(
    values: Float[Tensor, "rows columns"], k: int
) -> tuple[Float[Tensor, "rows k"], Int[Tensor, "rows k"]]:
    """Return the k largest entries of each row and their columns; ties are ordered by column.

    ``torch.topk`` does not define which of several equal entries it returns. Rows where this
    matters are sorted instead.

    Parameters
    ----------
    values
        Matrix of finite or infinite entries.
    k
        Number of entries per row, from 1 to the number of columns.

    Examples
    --------
    >>> exact_topk(torch.tensor([[1.0, 3.0, 3.0, 3.0]]), 2)[1].tolist()
    [[1, 2]]
    """
    if k == 1:
        best = values.max(1, keepdim=True)
        return best.values, best.indices
    more = values.topk(min(k + 1, values.shape[1]), 1)
    top, index = more.values[:, :k], more.indices[:, :k]
    index, order = index.sort(1)
    top, order = top.gather(1, order).sort(dim=1, descending=True, stable=True)
    index = index.gather(1, order)
    open_rows = (more.values[:, k:] == top[:, -1:]).any(1)
    if open_rows.any():
        ordered = values[open_rows].sort(dim=1, descending=True, stable=True)
        top[open_rows], index[open_rows] = ordered.values[:, :k], ordered.indices[:, :k]
    return top, index


def exponentials(cosines: Tensor, scale: float, shift: float) -> Tensor:
    """Return ``exp(scale cosines - shift)``, computed in place."""
    return cosines.mul_(scale).sub_(shift).exp_()


def topk_without(
    vectors: ClassVectors, z: Tensor, k: int, removed: list[int]
) -> tuple[Tensor, Tensor]:
    """Return the ``k`` largest cosines and their classes without the removed classes."""
    if not removed:
        return vectors.topk(z, k)
    gone, spare = torch.tensor(removed, device=z.device), min(k, len(removed))
    while True:
        values, index = vectors.topk(z, k + spare)
        dead = torch.isin(index, gone)
        if spare == len(removed) or bool((dead.sum(1) <= spare).all()):
            order = dead.to(torch.int8).sort(dim=1, stable=True).indices[:, :k]
            return values.gather(1, order), index.gather(1, order)
        spare = min(4 * spare, len(removed))
