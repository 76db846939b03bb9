"""Sampled softmax: the estimator against exact sums."""

import pytest
import torch
from torch import Tensor

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import Codebook, EBVHead, sampled_loss


def made(margin: float = 0.0, cosine_margin: float = 0.0) -> tuple[EBVHead, Tensor, Tensor]:
    torch.manual_seed(0)
    head = EBVHead(10, Codebook.for_classes(300, 64), margin=margin, cosine_margin=cosine_margin)
    return head, torch.randn(5, 10, requires_grad=True), torch.tensor([0, 7, 7, 150, 299])


@pytest.mark.parametrize("margins", [(0.0, 0.0), (0.2, 0.1)])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_large_sample_gives_the_exact_loss_and_gradient(
    margins: tuple[float, float], weighted: bool
) -> None:
    head, x, y = made(*margins)
    proposal = torch.linspace(1, 5, 300) if weighted else None
    generator = torch.Generator().manual_seed(1)
    ours, exact = sampled_loss(head, x, y, 200_000, proposal, generator), head.loss(x, y)
    assert ours.item() == pytest.approx(exact.item(), rel=0.01)
    found = torch.autograd.grad(ours, head.projection.weight)[0]
    expected = torch.autograd.grad(exact, head.projection.weight)[0]
    assert (found - expected).norm() <= 0.02 * expected.norm()


def test_one_draw_by_hand() -> None:
    head, x, y = made()
    proposal = torch.full((300,), 1e-12).index_fill(0, torch.tensor([42]), 1.0)
    logits = head(x).detach().double()
    # three draws, all of class 42: its exponential, corrected by 3 Q, counts three times
    expected = torch.log1p(torch.exp(logits[:, 42] - logits.gather(1, y[:, None])[:, 0])).mean()
    found = sampled_loss(head, x, y, 3, proposal, torch.Generator().manual_seed(0))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_mean_over_samples_is_below_the_exact_loss_but_near() -> None:
    head, x, y = made()
    generator = torch.Generator().manual_seed(2)
    losses = torch.stack([sampled_loss(head, x, y, 50, None, generator) for _ in range(300)])
    exact = head.loss(x, y).item()
    assert 0.97 * exact < losses.mean().item() < exact


def test_a_sample_of_the_target_alone_leaves_nothing_to_lose() -> None:
    head, x, _ = made()
    only = torch.full((300,), 1e-12).index_fill(0, torch.tensor([42]), 1.0)
    loss = sampled_loss(head, x, torch.full((5,), 42), 3, only, torch.Generator().manual_seed(0))
    loss.backward()
    assert loss.item() == 0.0
    assert x.grad is not None and torch.isfinite(x.grad).all()


def test_wrong_inputs() -> None:
    head, x, y = made()
    with pytest.raises(UsageError, match="samples must be at least 1, it was 0"):
        sampled_loss(head, x, y, 0)
    with pytest.raises(UsageError, match=r"samples must be at least 1, it was 2\.5"):
        sampled_loss(head, x, y, 2.5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match=r"proposal must be a tensor of shape \(300,\)"):
        sampled_loss(head, x, y, 5, torch.ones(3))
    with pytest.raises(DataError, match="above 0 for every class"):
        sampled_loss(head, x, y, 5, torch.zeros(300))
    with pytest.raises(DataError, match="cannot ignore rows"):
        sampled_loss(head, x, torch.tensor([0, 1, 2, 3, -100]))
    with pytest.raises(DataError, match="it was 300 in row 0"):
        sampled_loss(head, x, y + 300)
