"""Class vectors with compiled kernels against their torch twin, alone and inside a head."""

import builtins
import copy
import pickle
from typing import Any

import pytest
import torch

from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.cross_entropy import cross_entropy
from growlabels.classes.heads.head import EBVHead
from growlabels.classes.products import compiled_vectors
from growlabels.classes.products.closed_vectors import class_vectors
from growlabels.classes.products.compiled_vectors import CompiledSignVectors
from growlabels.classes.products.sign_vectors import SignVectors

if not compiled_vectors.available():
    pytest.skip("numba compiles neither for AVX-512 nor for AVX2", allow_module_level=True)

DIM, CLASSES = 256, 4500


@pytest.fixture
def pair() -> tuple[CompiledSignVectors, SignVectors]:
    compiled = class_vectors(Codebook.for_classes(CLASSES, DIM), CLASSES)
    assert isinstance(compiled, CompiledSignVectors)
    return compiled, SignVectors(compiled.signs.T, CLASSES)


def unit_rows(rows: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    rows_ = torch.randn(rows, DIM, generator=torch.Generator().manual_seed(rows), dtype=dtype)
    return torch.nn.functional.normalize(rows_)


@pytest.mark.parametrize("rows", [0, 1, 20])
def test_topk_equals_the_twin(pair: tuple[CompiledSignVectors, SignVectors], rows: int) -> None:
    z = unit_rows(rows)
    for k in (1, 4):
        values, index = pair[0].topk(z, k)
        expected, expected_index = pair[1].topk(z, k)
        assert torch.equal(index, expected_index)
        torch.testing.assert_close(values, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("rows", [0, 1, 20])
def test_all_logits_and_their_gradient_equal_the_twin(
    pair: tuple[CompiledSignVectors, SignVectors], rows: int
) -> None:
    z = unit_rows(rows)
    torch.testing.assert_close(pair[0].cosines(z), pair[1].cosines(z), atol=1e-6, rtol=0)
    weights = torch.randn(rows, CLASSES, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(
        pair[0].combine(weights), pair[1].combine(weights), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("margin", [0.0, 0.2])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_loss_and_gradient_equal_the_twin(
    pair: tuple[CompiledSignVectors, SignVectors],
    margin: float,
    smoothing: float,
    reduction: str,
) -> None:
    target = torch.arange(20) * 229
    target[3], target[7] = CLASSES - 1, -100
    results = []
    for vectors in pair:
        z = unit_rows(20).requires_grad_()
        loss = cross_entropy(
            z, target, vectors, 24.0, (margin, 0.0), smoothing, reduction=reduction
        )  # pyright: ignore[reportArgumentType]
        (gradient,) = torch.autograd.grad(loss.sum(), z)
        results.append((loss.detach(), gradient))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=2e-6, atol=0)
    error = (results[0][1] - results[1][1]).norm() / results[1][1].norm()
    assert error < 2e-6


def test_other_types_and_few_classes_take_the_twin(
    pair: tuple[CompiledSignVectors, SignVectors], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: CompiledSignVectors) -> None:
        raise AssertionError("the compiled kernels were used")

    monkeypatch.setattr(CompiledSignVectors, "_prepared", never)
    pair[0].topk(unit_rows(2, torch.float64), 3)
    pair[0].sum_exp(unit_rows(2, torch.float64), torch.tensor([0, 1]), 20.0, 0.0)
    few = class_vectors(Codebook.for_classes(300, DIM), 300)
    few.topk(unit_rows(2), 3)
    with pytest.raises(AssertionError, match="compiled"):
        pair[0].topk(unit_rows(2), 3)
    monkeypatch.setattr(compiled_vectors, "compiled_kernels", lambda: None)
    pair[0].topk(unit_rows(2), 3)


@pytest.mark.parametrize("error", [ImportError, RuntimeError])
def test_not_available_where_the_kernels_cannot_be_imported(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name == "growlabels.classes.products.kernels" and "entry" in rest[2]:
            raise error
        return original(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    assert compiled_vectors.compiled_kernels.__wrapped__() is None


def test_copies_and_pickles_leave_the_tables_behind(
    pair: tuple[CompiledSignVectors, SignVectors],
) -> None:
    z = unit_rows(3)
    expected = pair[0].topk(z, 2)[1]
    for copied in (copy.deepcopy(pair[0]), pickle.loads(pickle.dumps(pair[0]))):  # noqa: S301
        assert copied._plan is None
        assert torch.equal(copied.topk(z, 2)[1], expected)


def test_a_head_trains_predicts_and_grows_with_the_kernels() -> None:
    torch.manual_seed(0)
    head = EBVHead(8, Codebook.for_classes(6000, DIM), num_classes=CLASSES)
    x, y = torch.randn(18, 8), torch.randint(0, CLASSES, (18,))
    loss = head.loss(x, y)
    loss.backward()
    gradient = head.projection.weight.grad
    assert gradient is not None
    head.projection.weight.grad = None
    torch.nn.functional.cross_entropy(head(x), y).backward()
    assert head.projection.weight.grad is not None
    torch.testing.assert_close(gradient, head.projection.weight.grad, rtol=1e-4, atol=1e-6)
    assert torch.equal(head.predict_topk(x, 1)[1][:, 0], head(x).argmax(1))
    head.add_classes(1500)
    assert head.num_classes == 6000
    assert torch.equal(head.predict_topk(x, 1)[1][:, 0], head(x).argmax(1))
