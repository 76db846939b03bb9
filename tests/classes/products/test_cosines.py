"""Cosines and their derivatives of first and second order."""

import torch
from tests.classes.dense_twin import unit_rows

from growlabels.classes import Codebook
from growlabels.classes.products.closed_vectors import class_vectors
from growlabels.classes.products.cosines import cosines


def test_values_and_derivatives_of_both_orders() -> None:
    codebook = Codebook.for_classes(100, 16)
    vectors = class_vectors(codebook, 100)
    z = unit_rows(3, 16, seed=1).double().requires_grad_()
    w = torch.from_numpy(codebook.vectors(range(100), "float64"))
    torch.testing.assert_close(cosines(z, vectors), z @ w.T)

    def squares(rows: torch.Tensor) -> torch.Tensor:
        return cosines(rows, vectors).square()

    assert torch.autograd.gradcheck(squares, (z,))
    assert torch.autograd.gradgradcheck(squares, (z,))
