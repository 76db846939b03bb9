"""Define the products with axis-aligned class vectors, and choose the products of a codebook."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.codes.forms import QuadraticForms
from growlabels.classes.products.class_vectors import ClassVectors, DenseVectors
from growlabels.classes.products.compiled_vectors import CompiledSignVectors


class IdentityVectors(ClassVectors):
    """The standard unit vectors: the cosines are the coordinates of the embedding."""

    def cosines(self, z: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows classes"]:
        return z[:, : self.n_classes].clone()

    def combine(self, weights: Float[Tensor, "rows classes"]) -> Float[Tensor, "rows dim"]:
        return nn.functional.pad(weights, (0, self.dim - self.n_classes))

    def select(self, index: Int[Tensor, " rows"]) -> Float[Tensor, "rows dim"]:
        return nn.functional.one_hot(index, self.dim).float()


class CrossPolytopeVectors(ClassVectors):
    """The standard unit vectors, then their opposites."""

    def cosines(self, z: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows classes"]:
        return torch.cat([z, -z], 1)[:, : self.n_classes]

    def combine(self, weights: Float[Tensor, "rows classes"]) -> Float[Tensor, "rows dim"]:
        padded = nn.functional.pad(weights, (0, 2 * self.dim - self.n_classes))
        return padded[:, : self.dim] - padded[:, self.dim :]

    def select(self, index: Int[Tensor, " rows"]) -> Float[Tensor, "rows dim"]:
        sign = 1.0 - 2.0 * (index >= self.dim)
        return nn.functional.one_hot(index % self.dim, self.dim) * sign[:, None]


class SimplexVectors(ClassVectors):
    """The corners of the regular simplex.

    For i < dim the vector is ``stretch e_i + shift (1, ..., 1)``. The last vector is
    ``-(1, ..., 1) / sqrt(dim)``.
    """

    def __init__(self, dim: int, n_classes: int) -> None:
        super().__init__(dim, n_classes)
        self.stretch: Any = (1.0 + 1.0 / dim) ** 0.5
        self.shift: Any = (dim**-0.5 - self.stretch) / dim

    def cosines(self, z: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows classes"]:
        along = z.sum(1, keepdim=True)
        corners = torch.cat([z * self.stretch + along * self.shift, -along / self.dim**0.5], 1)
        return corners[:, : self.n_classes]

    def combine(self, weights: Float[Tensor, "rows classes"]) -> Float[Tensor, "rows dim"]:
        padded = nn.functional.pad(weights, (0, self.dim + 1 - self.n_classes))
        first, last = padded[:, : self.dim], padded[:, self.dim :]
        along = first.sum(1, keepdim=True) * self.shift - last / self.dim**0.5
        return first * self.stretch + along

    def select(self, index: Int[Tensor, " rows"]) -> Float[Tensor, "rows dim"]:
        last = (index == self.dim)[:, None]
        corners = nn.functional.one_hot(index.clamp(max=self.dim - 1), self.dim)
        return torch.where(last, -(self.dim**-0.5), corners * self.stretch + self.shift)


AXIS_KINDS: dict[str, type[ClassVectors]] = {
    "identity": IdentityVectors,
    "cross-polytope": CrossPolytopeVectors,
    "simplex": SimplexVectors,
}


def sign_vectors(forms: QuadraticForms, first: int, last: int) -> CompiledSignVectors:
    """Return the products for classes first .. last - 1; ``first`` is the start of a basis."""
    start, end = first // forms.dim, min(-(-last // forms.dim), forms.count)
    signs = torch.from_numpy(forms.sign_rows(start, end))
    return CompiledSignVectors(signs, last - first, forms.count - start)


def class_vectors(codebook: Codebook, n_classes: int) -> ClassVectors:
    """Return the products for the first ``n_classes`` vectors of a codebook.

    Vectors are stored only for a codebook without structure.

    Examples
    --------
    >>> class_vectors(Codebook.for_classes(3, dim=8), 3).cosines(torch.eye(8)[:1])
    tensor([[1., 0., 0.]])
    """
    if (forms := codebook.forms) is not None:
        return sign_vectors(forms, 0, n_classes)
    if codebook.kind in AXIS_KINDS:
        return AXIS_KINDS[codebook.kind](codebook.dim, n_classes)
    return DenseVectors(torch.from_numpy(codebook.vectors(range(n_classes))), n_classes)
