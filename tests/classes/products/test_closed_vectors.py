"""Closed-form products against the codebook's own vectors."""

import pytest
import torch
from tests.classes.dense_twin import unit_rows

from growlabels.classes import Codebook
from growlabels.classes.products.class_vectors import DenseVectors
from growlabels.classes.products.closed_vectors import AXIS_KINDS, class_vectors
from growlabels.classes.products.sign_vectors import SignVectors

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
    ("gold", 8, 72),
    ("gold", 32, 1050),
    ("gold", 128, 700),
    ("delsarte-goethals", 16, 1040),
    ("delsarte-goethals", 16, 1027),
    ("delsarte-goethals", 64, 3000),
    ("kerdock-blocks", 40, 280),
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
    assert (fast.combine(weights) - weights.double() @ w).abs().max() < 1e-5 * n_classes**0.5
    index = torch.arange(n_classes)
    torch.testing.assert_close(fast.select(index).double(), w, rtol=0, atol=1e-7)
    torch.testing.assert_close(fast.total(), w.sum(0), rtol=1e-9, atol=1e-9)
    assert torch.equal(fast.topk(z, 3)[1], (z.double() @ w.T).topk(3).indices)


@pytest.mark.parametrize(
    ("kind", "dim", "n_classes"),
    [("gold", 128, 5000), ("delsarte-goethals", 64, 6001), ("delsarte-goethals", 256, 40_000)],
)
def test_layers_and_gold_sets_are_searched_and_summed_without_a_matrix(
    kind: str, dim: int, n_classes: int
) -> None:
    """From 4,096 classes on and with d = 4^k these take the compiled kernels where they apply."""
    codebook = Codebook.for_classes(n_classes, dim, kind)
    fast = class_vectors(codebook, n_classes)
    assert isinstance(fast, SignVectors)
    assert sum(b.numel() * b.element_size() for b in fast.buffers()) < 2 * n_classes
    w = torch.from_numpy(codebook.vectors(range(n_classes)))
    dense = DenseVectors(w, n_classes)
    for rows in (1, 18):
        z = unit_rows(rows, dim, seed=rows)
        assert torch.equal(fast.topk(z, 3)[1], dense.topk(z.double(), 3)[1])
        assert (fast.cosines(z) - dense.cosines(z.double())).abs().max() < 1e-6
        target = torch.arange(rows) * 7
        target[-1] = n_classes - 1
        found = fast.sum_exp(z, target, 20.0, -3.0)
        exact = dense.sum_exp(z.double(), target, 20.0, -3.0)
        for ours, theirs in zip(found, exact, strict=True):
            assert (ours - theirs).norm() <= 1e-5 * theirs.norm()


def test_no_structured_kind_stores_its_vectors() -> None:
    for kind in AXIS_KINDS:
        fast = class_vectors(Codebook.for_classes(60, 60, kind), 60)
        assert sum(buffer.numel() for buffer in fast.buffers()) == 0
    codebook = Codebook.for_classes(100_352, 1024)
    fast = class_vectors(codebook, 100_352)
    assert isinstance(fast, SignVectors)
    assert sum(b.numel() * b.element_size() for b in fast.buffers()) < 110_000


@pytest.mark.parametrize("cast", ["half", "bfloat16", "double"])
def test_stored_vectors_keep_their_type_in_a_model_of_another(cast: str) -> None:
    codebook = Codebook.for_classes(10, 5, criterion="absolute")
    model = torch.nn.Sequential(torch.nn.Linear(2, 5), class_vectors(codebook, 10))
    getattr(model, cast)()
    stored: torch.Tensor = model[1].get_buffer("vectors")
    assert torch.equal(stored, torch.from_numpy(codebook.vectors()))
    assert model.to("meta")[1].get_buffer("vectors").device.type == "meta"
