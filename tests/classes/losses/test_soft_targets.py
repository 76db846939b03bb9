"""Soft targets and class weights: equality with torch's cross-entropy over the whole matrix."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import Codebook, EBVHead, soft_target_loss, weighted_loss
from growlabels.classes.heads.checks import check_shape

KINDS = [(100, 128), (129, 128), (200, 128), (1000, 64)]


def made(count: int, dim: int, seed: int = 0, **settings: float) -> tuple[EBVHead, Tensor]:
    torch.manual_seed(seed)
    head = EBVHead(10, Codebook.for_classes(count, dim), **settings)  # type: ignore[arg-type]
    return head, torch.randn(6, 10, requires_grad=True)


def gradients(loss: Tensor, head: EBVHead, x: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, [x, *head.parameters()])


def assert_same(ours: Tensor, plain: Tensor, head: EBVHead, x: Tensor) -> None:
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)
    expected = gradients(plain.sum(), head, x)
    for a, b in zip(gradients(ours.sum(), head, x), expected, strict=True):
        assert (a - b).norm() <= 3e-5 * b.norm() + 1e-7


@pytest.mark.parametrize(("count", "dim"), KINDS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_soft_targets_equal_the_dense_loss(count: int, dim: int, reduction: str) -> None:
    head, x = made(count, dim, label_smoothing=0.1)
    q = torch.rand(6, count).pow(8)
    q = q / q.sum(1, keepdim=True)
    plain = nn.functional.cross_entropy(head(x), q, reduction=reduction, label_smoothing=0.1)
    assert_same(soft_target_loss(head, x, q, None, reduction), plain, head, x)  # type: ignore[arg-type]


@given(st.integers(0, 2**31), st.sampled_from([0.0, 0.2]), st.sampled_from([0.3, 1.0, 2.0]))
@settings(max_examples=15)
def test_any_soft_targets_with_weights(seed: int, smoothing: float, total: float) -> None:
    head, x = made(70, 16, seed, label_smoothing=smoothing)
    q = torch.rand(6, 70).pow(20) * total
    weight = torch.rand(70)
    plain = nn.functional.cross_entropy(head(x), q, weight, label_smoothing=smoothing)
    assert_same(soft_target_loss(head, x, q, weight), plain, head, x)


@given(st.integers(0, 2**31), st.sampled_from([0.0, 0.2]), st.sampled_from(["mean", "sum", "none"]))
@settings(max_examples=15)
def test_any_class_weights(seed: int, smoothing: float, reduction: str) -> None:
    head, x = made(70, 16, seed, label_smoothing=smoothing)
    y = torch.tensor([0, 69, -100, 3, 3, 40])
    weight = torch.rand(70)
    plain = nn.functional.cross_entropy(
        head(x), y, weight, reduction=reduction, label_smoothing=smoothing
    )
    assert_same(weighted_loss(head, x, y, weight, reduction), plain, head, x)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{}, {"margin": 0.2}, {"cosine_margin": 0.3}])
def test_second_derivatives_are_those_of_all_logits(settings: dict) -> None:
    torch.manual_seed(0)
    head = EBVHead(3, Codebook.for_classes(9, 4), label_smoothing=0.1, **settings).double()
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    y, weight, q = torch.tensor([0, 8]), torch.rand(9), torch.rand(2, 9)
    assert torch.autograd.gradgradcheck(
        lambda v: weighted_loss(head, v, y, weight), (x,), fast_mode=True
    )
    assert torch.autograd.gradgradcheck(
        lambda v: soft_target_loss(head, v, q, weight), (x,), fast_mode=True
    )


@pytest.mark.parametrize(
    "settings", [{}, {"margin": 0.2, "cosine_margin": 0.1}, {"margin": 0.2, "label_smoothing": 0.1}]
)
def test_equal_weights_are_the_plain_loss(settings: dict) -> None:
    head, x = made(100, 64, **settings)
    y = torch.arange(6)
    assert_same(weighted_loss(head, x, y, torch.full((100,), 3.0)), head.loss(x, y), head, x)


def test_soft_targets_on_one_class_keep_the_precision_of_confident_rows() -> None:
    head, _ = made(200, 256, tau=0.02)
    with torch.no_grad():
        head.projection.weight.copy_(torch.eye(256)[:, :10])
        head.projection.bias.copy_(0.05 * torch.from_numpy(head.codebook.vectors([3])[0]) * 100)
    x, y = 1e-3 * torch.ones(1, 10, requires_grad=True), torch.tensor([3])
    ours = soft_target_loss(head, x, nn.functional.one_hot(y, 200).float())
    assert 0 < ours < 1e-15
    torch.testing.assert_close(ours, head.loss(x, y), rtol=1e-6, atol=0)


def test_leading_axes_and_a_single_row() -> None:
    head, x = made(70, 16)
    q = torch.full((2, 3, 70), 1 / 70)
    many = soft_target_loss(head, x.view(2, 3, 10), q, reduction="none")
    assert many.shape == (2, 3)
    assert soft_target_loss(head, x[0], q[0, 0], reduction="none").shape == ()
    one = weighted_loss(head, x[0], torch.tensor(4), torch.ones(70))
    torch.testing.assert_close(one, head.loss(x[0], torch.tensor(4)))


def test_autocast_keeps_float32() -> None:
    head, x = made(70, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = weighted_loss(head, x, torch.arange(6), torch.ones(70))
    assert loss.dtype == torch.float32
    loss.backward()


def test_wrong_inputs() -> None:
    head, x = made(70, 16)
    y, q = torch.arange(6), torch.full((6, 70), 1 / 70)
    with pytest.raises(UsageError, match=r"weight must be a tensor of shape \(70,\), it was \(69,"):
        weighted_loss(head, x, y, torch.ones(69))
    with pytest.raises(
        UsageError, match=r"weight must be a tensor of shape \(70,\), it was 'list'"
    ):
        check_shape("weight", [1.0] * 70, (70,))
    with pytest.raises(DataError, match=r"weight must be finite .* was -1.0 at \[2\]"):
        weighted_loss(head, x, y, torch.ones(70).index_fill(0, torch.tensor([2]), -1.0))
    with pytest.raises(UsageError, match=r"targets must be a tensor of shape \(6, 70\)"):
        soft_target_loss(head, x, q[:, :3])
    with pytest.raises(DataError, match=r"targets must be finite .* was nan at \[1, 2\]"):
        q[1, 2] = torch.nan
        soft_target_loss(head, x, q)
    with pytest.raises(UsageError, match="reduction must be one of"):
        soft_target_loss(head, x, q, None, "median")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="it was 70 in row 5"):
        weighted_loss(head, x, torch.tensor([0, 1, 2, 3, 4, 70]), torch.ones(70))
