"""The one-pass loss against float64 log-sum-exp over the whole matrix."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.classes.dense_twin import dense_loss, rows_near_targets, unit_rows

from growlabels.classes import Codebook
from growlabels.classes.heads.cross_entropy import cross_entropy
from growlabels.classes.heads.margin import angular_margin
from growlabels.classes.products.closed_vectors import class_vectors

CODES = [(16, 16), (17, 16), (30, 16), (136, 16), (131, 16), (700, 64), (3, 64)]


def compare(
    codebook: Codebook,
    n_classes: int,
    x: torch.Tensor,
    y: torch.Tensor,
    tau: float,
    margin: float,
    smoothing: float,
    cosine_margin: float = 0.0,
) -> tuple[float, float]:
    """Return the worst relative error of loss and gradient (by x, not by the unit row).

    Label smoothing adds a part of size smoothing / tau that may cancel the other one: errors
    are then relative to it as well.
    """
    x = x.clone().requires_grad_()
    z = torch.nn.functional.normalize(x, dim=1)
    vectors = class_vectors(codebook, n_classes)
    ours = cross_entropy(
        z, y, vectors, 1 / tau, (margin, cosine_margin), smoothing, reduction="none"
    )
    (gradient,) = torch.autograd.grad(ours.sum(), x)
    double = x.detach().double().requires_grad_()
    margins = margin, smoothing, cosine_margin
    exact = dense_loss(double, y, codebook, n_classes, 1 / tau, *margins)
    (exact_gradient,) = torch.autograd.grad(exact.sum(), double)
    part = smoothing / tau
    off = (gradient - exact_gradient).norm(dim=1) / (exact_gradient.norm(dim=1) + part)
    return float(((ours - exact).abs() / (exact + part)).detach().max()), float(off.max())


@pytest.mark.parametrize(("n_classes", "dim"), CODES)
@pytest.mark.parametrize("tau", [0.2, 0.0625, 0.0128])
@pytest.mark.parametrize("cosine", [0.0, 0.5, 0.9, 0.999])
def test_loss_and_gradient_within_1e5_of_float64(
    n_classes: int, dim: int, tau: float, cosine: float
) -> None:
    codebook = Codebook.for_classes(n_classes, dim)
    w = torch.from_numpy(codebook.vectors(range(n_classes), "float64"))
    y = torch.arange(9) * 5 % n_classes
    y[0] = n_classes - 1
    x = rows_near_targets(w, y, cosine, seed=n_classes)
    for margin, smoothing in ((0.0, 0.0), (0.1, 0.0), (0.0, 0.1), (0.2, 0.1)):
        loss, gradient = compare(codebook, n_classes, x, y, tau, margin, smoothing)
        assert loss <= 1e-5, (margin, smoothing)
        assert gradient <= 1e-5, (margin, smoothing)
    loss, gradient = compare(codebook, n_classes, x, y, tau, 0.1, 0.1, 0.35)
    assert loss <= 1e-5
    assert gradient <= 1e-5


@pytest.mark.parametrize("tau", [0.2, 0.0625, 0.0128])
@pytest.mark.parametrize("dim", [64, 256])
def test_rows_at_their_class_vector_keep_their_precision(dim: int, tau: float) -> None:
    n_classes = 5 * dim + 3
    codebook = Codebook.for_classes(n_classes, dim)
    w = torch.from_numpy(codebook.vectors(range(n_classes), "float64"))
    y = torch.tensor([0, dim, n_classes - 1])
    x = rows_near_targets(w, y, 1.0, seed=0)
    loss, gradient = compare(codebook, n_classes, x, y, tau, 0.0, 0.0)
    assert loss <= 1e-5
    assert gradient <= 1e-5


@pytest.mark.parametrize("cosine", [0.9999, 0.99999, 1.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_margins_keep_the_precision_of_confident_rows(cosine: float, smoothing: float) -> None:
    codebook = Codebook.for_classes(1000, 256)
    w = torch.from_numpy(codebook.vectors(range(1000), "float64"))
    y = torch.tensor([0, 256, 999])
    x = rows_near_targets(w, y, cosine, seed=0)
    for margin, cosine_margin in ((0.2, 0.0), (0.1, 0.3), (0.0, 0.35)):
        loss, gradient = compare(codebook, 1000, x, y, 0.06, margin, smoothing, cosine_margin)
        assert loss <= 1e-5
        assert gradient <= 1e-5


@pytest.mark.parametrize("cosine", [0.0, 0.9, 0.9999])
def test_second_derivatives_of_float32_rows(cosine: float) -> None:
    codebook = Codebook.for_classes(300, 64)
    w = torch.from_numpy(codebook.vectors(range(300), "float64"))
    y = torch.tensor([0, 64, 299])
    rows = rows_near_targets(w, y, cosine, seed=0)

    def twice(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = x.clone().requires_grad_()
        z = torch.nn.functional.normalize(x, dim=1)
        loss = cross_entropy(
            z, y, class_vectors(codebook, 300), 16.0, (0.2, 0.0), 0.1, reduction="sum"
        )
        (first,) = torch.autograd.grad(loss, x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        return first.detach().double(), second.double()

    for ours, exact in zip(twice(rows), twice(rows.double()), strict=True):
        assert ((ours - exact).norm(dim=1) <= 1e-5 * exact.norm(dim=1)).all()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 136),
    st.integers(1, 20),
    st.floats(0.0128, 0.5),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.sampled_from([0.0, 0.1, 0.9]),
    st.integers(0, 2**20),
)
def test_any_size_agrees_with_dense(
    n_classes: int, rows: int, tau: float, margin: float, smoothing: float, seed: int
) -> None:
    codebook = Codebook.for_classes(n_classes, 16)
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, n_classes, (rows,), generator=generator)
    x = torch.randn(rows, 16, generator=generator)
    loss, gradient = compare(codebook, n_classes, x, y, tau, margin, smoothing)
    assert loss <= 1e-5
    assert gradient <= 1e-5


def test_equals_torch_cross_entropy_in_every_reduction() -> None:
    codebook = Codebook.for_classes(200, 64)
    vectors = class_vectors(codebook, 200)
    z = unit_rows(12, 64, seed=1)
    y = torch.arange(12) * 17 % 200
    y[[2, 5]] = -100
    logits = 16 * vectors.cosines(z)
    for reduction in ("mean", "sum", "none"):
        for smoothing in (0.0, 0.1):
            ours = cross_entropy(
                z, y, vectors, 16.0, label_smoothing=smoothing, reduction=reduction
            )
            plain = torch.nn.functional.cross_entropy(
                logits, y, label_smoothing=smoothing, reduction=reduction
            )
            torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)


def test_only_ignored_rows_give_nan_as_torch_does() -> None:
    vectors = class_vectors(Codebook.for_classes(20, 16), 20)
    y = torch.full((3,), -100)
    assert cross_entropy(unit_rows(3, 16, 0), y, vectors, 16.0).isnan()
    assert cross_entropy(unit_rows(3, 16, 0), y, vectors, 16.0, reduction="sum") == 0


@settings(max_examples=50, deadline=None)
@given(st.floats(-0.999, 0.999), st.floats(0.01, 1.5))
def test_margin_slope_is_the_derivative(cosine: float, margin: float) -> None:
    at = torch.tensor([cosine], dtype=torch.float64, requires_grad=True)
    moved, slope = angular_margin(at, margin)
    (exact,) = torch.autograd.grad(moved.sum(), at)
    assert math.isclose(slope.item(), exact.item(), rel_tol=1e-9)
    assert moved.item() <= cosine + 1e-12


def test_margin_never_rises_with_the_angle() -> None:
    cosines = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    moved, _ = angular_margin(cosines, 0.5)
    assert (moved.diff() > -1e-12).all()
    assert moved.diff().max() < 0.05  # the straight line joins without a jump


@pytest.mark.parametrize("margins", [(0.0, 0.0), (0.1, 0.2)])
def test_gradient_and_its_own_pass_gradcheck_in_float64(margins: tuple[float, float]) -> None:
    vectors = class_vectors(Codebook.for_classes(9, 4), 9)
    y = torch.tensor([0, 8, 5])

    def mean_loss(x: torch.Tensor) -> torch.Tensor:
        z = torch.nn.functional.normalize(x, dim=1)
        return cross_entropy(z, y, vectors, 12.0, margins, 0.1)

    x = unit_rows(3, 4, seed=4).double().requires_grad_()
    assert torch.autograd.gradcheck(mean_loss, (x,))
    assert torch.autograd.gradgradcheck(mean_loss, (x,), fast_mode=True)
