"""Compute the products with sign bases by signed Walsh-Hadamard transforms."""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor, nn

from growlabels.classes.products.class_vectors import (
    COLUMNS,
    ClassVectors,
    exact_topk,
    exponentials,
    is_traced,
    sylvester,
)


class SignVectors(ClassVectors):
    """Class vectors of a Kerdock, Gold or Delsarte-Goethals codebook.

    The vector of class ``b d + c`` is ``signs[b] * H[c] / sqrt(d)``, where
    ``H[c, x] = (-1)^popcount(c & x)``. The last basis, ``b = sign_bases``, is the standard basis.
    For ``d = q * r`` a transform multiplies by the q x q and r x r matrices H. Each column
    contains one embedding for one basis. Memory depends on a chunk of bases, not on the number
    of classes.

    Parameters
    ----------
    signs
        Signs of the bases in use, (bases, d), with entries -1 and 1 and d a power of 2.
    n_classes
        Number of classes in use. The last basis may be partial.
    sign_bases
        Number of sign bases in the whole codebook. The default is d / 2, as in Kerdock codebooks.
    """

    def __init__(
        self, signs: Int8[Tensor, "bases dim"], n_classes: int, sign_bases: int | None = None
    ) -> None:
        dim = signs.shape[1]
        super().__init__(dim, n_classes)
        self.sign_bases: int = dim // 2 if sign_bases is None else sign_bases
        self.root: Any = dim**0.5
        self.low: int = 1 << dim.bit_length() // 2  # r: sqrt(d), or the next power of 2
        self.signs: Tensor
        self.hadamard: Tensor
        self.register_buffer("signs", signs.T.contiguous(), persistent=False)
        self.register_buffer("hadamard", sylvester(self.low), persistent=False)

    @property
    def bases(self) -> int:
        """Number of bases in use, with the partial and the standard basis."""
        return -(-self.n_classes // self.dim)

    def cosines(self, z: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows classes"]:
        rows = z.shape[0]  # len() would make the number of rows constant in an exported graph
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
        """Find the largest cosine of each basis, then search only the k best bases.

        Other bases cannot contain one of the k largest cosines. The maximum of each of the k
        bases is larger than theirs, or equal with a lower class index.
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
            chunk = exponentials(self._cosines(columns, first, last), scale, shift)
            chunk = self._masked(chunk, first, last, 0.0)
            here = (basis >= first) & (basis < last)
            chunk[column[here], basis[here] - first, row[here]] = 0
            sums += chunk.sum(0).sum(0, dtype=torch.float64)
            combined += self._combined(chunk, first, last)
        return sums, combined.T.contiguous()

    def _sum(self) -> Tensor:
        """Return the sum of all class vectors; in a whole basis all but coordinate 0 cancels."""
        whole = min(self.n_classes // self.dim, self.sign_bases)
        rest = torch.zeros(self.dim, 1, 1, dtype=torch.float64, device=self.device)
        rest[: self.n_classes - whole * self.dim] = 1
        result = self._combined(rest, whole, whole + 1)[:, 0] if rest.any() else rest[:, 0, 0]
        result[0] += self.root * self.signs[0, :whole].sum(dtype=torch.float64)
        return result

    def _signed(self, basis: Tensor) -> Tensor:
        """Replace the standard basis by a sign basis; callers handle the standard one."""
        return basis.clamp(max=self.signs.shape[1] - 1)

    def _chunks(self, rows: int | torch.SymInt) -> Iterator[tuple[int, int]]:
        """Yield ranges of bases; the standard basis is always a range of its own."""
        # The graph of an export or compilation must not depend on the number of rows.
        step = COLUMNS if is_traced() else max(1, COLUMNS // max(1, rows))
        signed = min(self.bases, self.sign_bases)
        for first in range(0, signed, step):
            yield first, min(first + step, signed)
        if self.bases > self.sign_bases:
            yield self.sign_bases, self.bases

    def _cosines(self, columns: Tensor, first: int, last: int) -> Tensor:
        """Return cosines of columns with bases first .. last - 1, (dim, bases, rows)."""
        if first == self.sign_bases:
            return columns[:, None, :].clone()
        signs = self.signs[:, first:last].to(columns.dtype) / self.root
        return self._transform(columns[:, None, :] * signs[:, :, None])

    def _combined(self, weights: Tensor, first: int, last: int) -> Tensor:
        """Return the adjoint of :meth:`_cosines`, summed over the bases: (dim, rows)."""
        if first == self.sign_bases:
            return weights[:, 0, :]
        signs = self.signs[:, first:last].to(weights.dtype) / self.root
        return (self._transform(weights) * signs[:, :, None]).sum(1)

    def _transform(self, x: Tensor) -> Tensor:
        """Apply the unnormalised H to the first axis of ``(dim, ...)``."""
        q, r = self.dim // self.low, self.low
        h = self.hadamard.to(x.dtype)
        inner = torch.mm(h[:q, :q], x.reshape(q, -1)).view(q, r, -1)
        return torch.matmul(h, inner).view(x.shape)

    def _masked(self, chunk: Tensor, first: int, last: int, fill: float) -> Tensor:
        """Set the entries of ``(dim, bases, rows)`` that belong to no class to ``fill``."""
        used = self.n_classes - (last - 1) * self.dim
        if used < self.dim:
            chunk[used:, last - 1 - first] = fill
        return chunk
