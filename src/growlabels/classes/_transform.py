"""Products with all class vectors W of a codebook, without storing W where it has structure.

Every head needs the same few products of unit embeddings ``z`` and class weights: ``z W^T``,
``weights W``, single rows of W, the k largest of ``z W^T``, and the sums of exponentials of the
cross-entropy. :class:`ClassVectors` states them once, with a plain implementation by the first
two; :class:`SignVectors` streams over bases instead.
"""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor, nn

# Columns (bases times rows) transformed together: 1 MB at d = 1024, so that it stays in a cache.
COLUMNS = 256


class ClassVectors(nn.Module):
    """Unit class vectors W as linear maps; class ``i`` is row ``i`` of W.

    Parameters
    ----------
    dim
        Length of a class vector.
    n_classes
        How many classes are in use; may be raised later.
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
        """Return one class vector per entry of ``index``, exact or float64."""
        raise NotImplementedError

    def topk(
        self, z: Float[Tensor, "rows dim"], k: int
    ) -> tuple[Float[Tensor, "rows k"], Int[Tensor, "rows k"]]:
        """Return the ``k`` largest cosines and their classes; ties go to the lowest class."""
        return exact_topk(self.cosines(z), k)

    def sum_exp(
        self,
        z: Float[Tensor, "rows dim"],
        target: Int[Tensor, " rows"],
        scale: float,
        shift: float,
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, "rows dim"]]:
        """Sum ``e_j = exp(scale cos_j - shift)`` over all classes but the target.

        Returns
        -------
        sums, combined
            ``sum_j e_j`` and ``sum_j e_j W_j``, both float64.
        """
        weights = _exponentials(self.cosines(z), scale, shift)
        weights[torch.arange(len(target), device=z.device), target] = 0
        return weights.sum(1, dtype=torch.float64), self.combine(weights).double()

    def total(self) -> Float[Tensor, " dim"]:
        """Return the sum of all class vectors in use, float64; kept until classes are added."""
        if self._total is None or self._total[0] != self.n_classes:
            self._total = self.n_classes, self._sum()
        return self._total[1].to(self.device)

    def _sum(self) -> Tensor:
        ones = torch.ones(1, self.n_classes, dtype=torch.float64, device=self.device)
        return self.combine(ones)[0]

    @property
    def device(self) -> torch.device:
        """Where the buffers are."""
        return self.marker.device


class DenseVectors(ClassVectors):
    """Class vectors without structure: a stored matrix."""

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
        """Move with the model but keep the type: half precision would turn the vectors."""
        before = self.vectors
        super()._apply(fn, recurse)
        if self.vectors.dtype != before.dtype:
            self.vectors = before.to(self.vectors.device)
        return self


class SignVectors(ClassVectors):
    """Class vectors of a Kerdock, Gold or Delsarte-Goethals code: sign flips of a Hadamard basis.

    Class ``b d + c`` is ``signs[b] * H[c] / sqrt(d)`` with ``H[c, x] = (-1)^popcount(c & x)``;
    the last basis, ``b = sign_bases``, is the standard basis. With ``d = q * r`` a transform
    is products with the q x q and r x r matrices H, embeddings and bases side by side in the
    columns. Memory is that of a chunk of bases, whatever the number of classes.

    Parameters
    ----------
    signs
        ``(bases, d)``, entries -1 and 1, ``d`` a power of 2: the bases in use.
    n_classes
        The last basis in use may be partial.
    sign_bases
        How many bases of signs the whole code has; d / 2, as Kerdock codes, by default.
    """

    def __init__(
        self, signs: Int8[Tensor, "bases dim"], n_classes: int, sign_bases: int | None = None
    ) -> None:
        dim = signs.shape[1]
        super().__init__(dim, n_classes)
        self.sign_bases = dim // 2 if sign_bases is None else sign_bases
        self.root = dim**0.5
        self.low = 1 << dim.bit_length() // 2  # r: sqrt(d), or the next power of 2
        self.signs: Tensor
        self.hadamard: Tensor
        self.register_buffer("signs", signs.T.contiguous(), persistent=False)
        self.register_buffer("hadamard", sylvester(self.low), persistent=False)

    @property
    def bases(self) -> int:
        """Bases in use, the partial one included."""
        return -(-self.n_classes // self.dim)

    def cosines(self, z: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows classes"]:
        rows = z.shape[0]  # len() would fix the number of rows of an exported graph
        out = z.new_empty(rows, self.bases, self.dim)
        columns = z.T.contiguous()
        for first, last in self._chunks(rows):
            out[:, first:last] = self._cosines(columns, first, last).permute(2, 1, 0)
        return out.flatten(1)[:, : self.n_classes]

    def combine(self, weights: Float[Tensor, "rows classes"]) -> Float[Tensor, "rows dim"]:
        rows = len(weights)
        result = weights.new_zeros(self.dim, rows)
        for first, last in self._chunks(rows):
            part = weights[:, first * self.dim : last * self.dim]
            padded = nn.functional.pad(part, (0, (last - first) * self.dim - part.shape[1]))
            chunk = padded.view(rows, last - first, self.dim).permute(2, 1, 0).contiguous()
            result += self._combined(chunk, first, last)
        return result.T.contiguous()

    def select(self, index: Int[Tensor, " rows"]) -> Float[Tensor, "rows dim"]:
        basis, column = index // self.dim, index % self.dim
        high = self.hadamard[column // self.low, : self.dim // self.low]
        low = self.hadamard[column % self.low]
        vectors = (high[:, :, None] * low[:, None, :]).view(len(index), self.dim)
        if not self.root.is_integer():  # float32 would round 1 / sqrt(d)
            vectors = vectors.double()
        vectors = vectors / self.root
        vectors = vectors * self.signs[:, self._signed(basis)].T
        standard = basis == self.sign_bases
        if standard.any():
            vectors[standard] = nn.functional.one_hot(column[standard], self.dim).to(vectors.dtype)
        return vectors

    def topk(
        self, z: Float[Tensor, "rows dim"], k: int
    ) -> tuple[Float[Tensor, "rows k"], Int[Tensor, "rows k"]]:
        """Find the largest cosine of each basis, then look only into the k best bases.

        No basis outside these can hold one of the k largest: each of the k has a larger
        maximum, or an equal one at a lower class index.
        """
        if k >= self.bases or len(z) == 0:
            return exact_topk(self.cosines(z), k)
        maxima = z.new_empty(self.bases, len(z))
        columns = z.T.contiguous()
        for first, last in self._chunks(len(z)):
            chunk = self._masked(self._cosines(columns, first, last), first, last, -torch.inf)
            torch.amax(chunk, 0, out=maxima[first:last])
        best = exact_topk(maxima.T, k)[1].sort(1).values  # (rows, k), ascending bases
        signs = self.signs[:, self._signed(best)].to(z.dtype) / self.root
        inside = self._transform(columns[:, :, None] * signs).permute(1, 2, 0)
        standard = (best == self.sign_bases)[:, :, None]
        inside = torch.where(standard, z[:, None, :], inside)
        classes = best[:, :, None] * self.dim + torch.arange(self.dim, device=z.device)
        inside = inside.masked_fill(classes >= self.n_classes, -torch.inf)
        values, place = exact_topk(inside.flatten(1), k)
        return values, classes.flatten(1).gather(1, place)

    def sum_exp(
        self,
        z: Float[Tensor, "rows dim"],
        target: Int[Tensor, " rows"],
        scale: float,
        shift: float,
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, "rows dim"]]:
        rows = len(z)
        sums = z.new_zeros(rows, dtype=torch.float64)
        combined = z.new_zeros(self.dim, rows, dtype=torch.float64)
        columns = z.T.contiguous()
        row = torch.arange(rows, device=z.device)
        basis, column = target // self.dim, target % self.dim
        for first, last in self._chunks(rows):
            chunk = _exponentials(self._cosines(columns, first, last), scale, shift)
            chunk = self._masked(chunk, first, last, 0.0)
            here = (basis >= first) & (basis < last)
            chunk[column[here], basis[here] - first, row[here]] = 0
            sums += chunk.sum(0).sum(0, dtype=torch.float64)
            combined += self._combined(chunk, first, last)
        return sums, combined.T.contiguous()

    def _sum(self) -> Tensor:
        """Add up whole bases in closed form: all but coordinate 0 cancels."""
        whole = min(self.n_classes // self.dim, self.sign_bases)
        rest = torch.zeros(self.dim, 1, 1, dtype=torch.float64, device=self.device)
        rest[: self.n_classes - whole * self.dim] = 1
        result = self._combined(rest, whole, whole + 1)[:, 0] if rest.any() else rest[:, 0, 0]
        result[0] += self.root * self.signs[0, :whole].sum(dtype=torch.float64)
        return result

    def _signed(self, basis: Tensor) -> Tensor:
        """Put some sign basis in place of the standard one, which is treated apart."""
        return basis.clamp(max=self.signs.shape[1] - 1)

    def _chunks(self, rows: int | torch.SymInt) -> Iterator[tuple[int, int]]:
        """Yield ranges of bases; the standard basis always stands alone."""
        # An exported or compiled graph must not depend on the number of rows.
        step = COLUMNS if is_traced() else max(1, COLUMNS // max(1, rows))
        signed = min(self.bases, self.sign_bases)
        for first in range(0, signed, step):
            yield first, min(first + step, signed)
        if self.bases > self.sign_bases:
            yield self.sign_bases, self.bases

    def _cosines(self, columns: Tensor, first: int, last: int) -> Tensor:
        """Cosines of ``(dim, rows)`` columns with bases first..last: (dim, bases, rows)."""
        if first == self.sign_bases:
            return columns[:, None, :].clone()
        signs = self.signs[:, first:last].to(columns.dtype) / self.root
        return self._transform(columns[:, None, :] * signs[:, :, None])

    def _combined(self, weights: Tensor, first: int, last: int) -> Tensor:
        """Adjoint of :meth:`_cosines`, summed over the bases: (dim, rows)."""
        if first == self.sign_bases:
            return weights[:, 0, :]
        signs = self.signs[:, first:last].to(weights.dtype) / self.root
        return (self._transform(weights) * signs[:, :, None]).sum(1)

    def _transform(self, x: Tensor) -> Tensor:
        """Apply H (not normalised) to the leading axis of ``(dim, ...)``."""
        q, r = self.dim // self.low, self.low
        h = self.hadamard.to(x.dtype)
        inner = torch.mm(h[:q, :q], x.reshape(q, -1)).view(q, r, -1)
        return torch.matmul(h, inner).view(x.shape)

    def _masked(self, chunk: Tensor, first: int, last: int, fill: float) -> Tensor:
        """Overwrite the places of ``(dim, bases, rows)`` that belong to no class."""
        used = self.n_classes - (last - 1) * self.dim
        if used < self.dim:
            chunk[used:, last - 1 - first] = fill
        return chunk


def in_jit_trace() -> bool:
    """Say whether torch.jit.trace, or the older exporter of ONNX, is making a graph."""
    return torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]


def is_traced() -> bool:
    """Say whether a graph is being made, by torch.compile, torch.export or torch.jit.trace."""
    return torch.compiler.is_compiling() or in_jit_trace()


def has_values(x: Tensor) -> bool:
    """Say whether the numbers of a tensor can be looked at: not on meta, fake or in a graph."""
    return not (x.is_meta or is_traced() or hasattr(x, "fake_mode"))


def sylvester(order: int) -> Float[Tensor, "order order"]:
    """Return the Sylvester-Hadamard matrix, entries ``(-1)^popcount(i & j)``, float32.

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
    """Return the k largest entries of each row; equal ones in ascending order of column.

    ``torch.topk`` leaves the choice among equal entries open; rows where that matters are
    sorted instead.

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


def _exponentials(cosines: Tensor, scale: float, shift: float) -> Tensor:
    return cosines.mul_(scale).sub_(shift).exp_()


def topk_without(
    vectors: ClassVectors, z: Tensor, k: int, removed: list[int]
) -> tuple[Tensor, Tensor]:
    """Return the ``k`` largest cosines and their classes, the removed ones left out."""
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
