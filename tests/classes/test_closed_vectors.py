"""Closed-form products against the codebook's own vectors."""

import pytest
import torch
from tests.classes.dense_twin import unit_rows

from growlabels.classes import Codebook
from growlabels.classes._closed_vectors import AXIS_KINDS, class_vectors
from growlabels.classes._transform import KerdockVectors

SIZES = [
    ("identity", 9, 7),
    ("identity", 9, 9),
    ("simplex", 9, 10),
    ("simplex", 9, 9),
    ("simplex", 9, 4),
    ("cross-polytope", 9, 18),
    ("cross-polytope", 9, 11),
    ("cross-polytope", 9, 5),
    ("kerdock", 16, 10),
    ("kerdock", 16, 100),
    ("kerdock", 16, 136),
]


@pytest.mark.parametrize(("kind", "dim", "n_classes"), SIZES)
def test_products_equal_those_with_the_vectors_of_the_codebook(
    kind: str, dim: int, n_classes: int
) -> None:
    codebook = Codebook.for_classes(n_classes, dim, kind)
    fast = class_vectors(codebook, n_classes)
    w = torch.from_numpy(codebook.vectors(range(n_classes), "float64"))
    z = unit_rows(6, dim, seed=0)
    assert (fast.cosines(z) - z.double() @ w.T).abs().max() < 1e-6
    weights = torch.randn(6, n_classes, generator=torch.Generator().manual_seed(0))
    assert (fast.combine(weights) - weights.double() @ w).abs().max() < 1e-5
    index = torch.arange(n_classes)
    torch.testing.assert_close(fast.select(index).double(), w, rtol=0, atol=1e-7)
    torch.testing.assert_close(fast.total(), w.sum(0), rtol=1e-9, atol=1e-9)
    assert torch.equal(fast.topk(z, 3)[1], (z.double() @ w.T).topk(3).indices)


def test_no_structured_kind_stores_its_vectors() -> None:
    for kind in AXIS_KINDS:
        fast = class_vectors(Codebook.for_classes(60, 60, kind), 60)
        assert sum(buffer.numel() for buffer in fast.buffers()) == 0
    codebook = Codebook.for_classes(100_352, 1024)
    fast = class_vectors(codebook, 100_352)
    assert isinstance(fast, KerdockVectors)
    assert sum(b.numel() * b.element_size() for b in fast.buffers()) < 110_000
