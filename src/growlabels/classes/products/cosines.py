"""Compute all cosines by a function that can be differentiated any number of times."""

from typing import Any, cast

import torch
from torch import Tensor

from growlabels.classes.products.class_vectors import ClassVectors, in_jit_trace


def cosines(z: Tensor, vectors: ClassVectors) -> Tensor:
    """Return the cosines ``z W^T`` of unit rows with all class vectors.

    Examples
    --------
    >>> from growlabels.classes.products.class_vectors import DenseVectors
    >>> cosines(torch.eye(2)[:1], DenseVectors(torch.eye(2), 2))
    tensor([[1., 0.]])
    """
    if in_jit_trace():  # a traced graph cannot contain a custom autograd function
        return vectors.cosines(z)
    return cast(Tensor, _Cosines.apply(z, vectors))


class _Cosines(torch.autograd.Function):
    """``z W^T``; its derivative is :class:`_Combine`, whose derivative is this function."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, vectors: ClassVectors) -> Tensor:
        ctx.vectors = vectors
        return vectors.cosines(z)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None]:
        return cast(Tensor, _Combine.apply(outer[0], ctx.vectors)), None


class _Combine(torch.autograd.Function):
    """``weights W``, the adjoint of :class:`_Cosines`."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, vectors: ClassVectors) -> Tensor:
        ctx.vectors = vectors
        return vectors.combine(weights)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None]:
        return cosines(outer[0], ctx.vectors), None
