import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from growlabels.unsafe.model import token_loss
from growlabels.unsafe.model.token_loss import token_losses


@given(
    st.integers(1, 40), st.integers(1, 30), st.sampled_from([1e-3, 1.0, 50.0]), st.integers(0, 9)
)
def test_equal_to_the_ordinary_loss(positions: int, words: int, size: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = size * torch.randn(positions, words, generator=generator, dtype=torch.float64)
    wanted = torch.randint(0, words, (positions,), generator=generator)
    weights = torch.rand(positions, generator=generator, dtype=torch.float64)
    slow = logits.clone().requires_grad_()
    (cross_entropy(slow, wanted, reduction="none") @ weights).backward()
    fast = logits.float().requires_grad_()
    losses = token_losses(fast, wanted)
    (losses @ weights.float()).backward()
    assert slow.grad is not None and fast.grad is not None
    expected = cross_entropy(logits, wanted, reduction="none")
    torch.testing.assert_close(losses.double(), expected, rtol=1e-5, atol=1e-6 * size)
    torch.testing.assert_close(fast.grad.double(), slow.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("lead", [0.0, 5.0, 10.0, 20.0])
def test_sure_tokens_keep_their_precision(lead: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits, wanted = torch.randn(8, 5000, generator=generator), torch.arange(8)
    logits[wanted, wanted] += lead
    slow = logits.double().requires_grad_()
    expected = cross_entropy(slow, wanted, reduction="none")
    expected.sum().backward()
    fast = logits.clone().requires_grad_()
    losses = token_losses(fast, wanted)
    losses.sum().backward()
    assert slow.grad is not None and fast.grad is not None
    torch.testing.assert_close(losses.double(), expected.detach(), rtol=1e-5, atol=0)
    torch.testing.assert_close(fast.grad.double(), slow.grad, rtol=1e-5, atol=0)


def test_positions_taken_in_parts_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, wanted = torch.randn(23, 11), torch.arange(23) % 11
    found = []
    for cells in (1, 30, 10_000):
        monkeypatch.setattr(token_loss, "CELLS", cells)
        own = logits.clone().requires_grad_()
        losses = token_losses(own, wanted)
        losses.sum().backward()
        found.append((losses.detach(), own.grad))
    for losses, gradient in found[1:]:
        assert losses.equal(found[0][0]) and gradient.equal(found[0][1])


def test_half_precision_keeps_its_type_and_the_logits_stay_as_they_are() -> None:
    logits = torch.randn(5, 300).bfloat16().requires_grad_()
    before, wanted = logits.detach().clone(), torch.arange(5)
    losses = token_losses(logits, wanted)
    losses.sum().backward()
    assert losses.dtype == torch.float32 and logits.grad is not None
    assert logits.grad.dtype == torch.bfloat16 and logits.detach().equal(before)
    torch.testing.assert_close(losses, cross_entropy(before.float(), wanted, reduction="none"))


def test_without_a_gradient_none_is_made() -> None:
    with torch.no_grad():
        losses = token_losses(torch.zeros(2, 4), torch.tensor([0, 3]))
    assert losses.exp().tolist() == pytest.approx([4, 4])
