"""DenseEBVHead against one pixel at a time and torch's cross-entropy."""

import pytest
import torch
from torch import nn

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import Codebook, DenseEBVHead, EBVHead


def made(count: int = 100, dim: int = 64, **settings: float) -> tuple[DenseEBVHead, torch.Tensor]:
    torch.manual_seed(0)
    head = DenseEBVHead(6, Codebook.for_classes(count, dim), **settings)
    return head, torch.randn(2, 6, 3, 5)


@pytest.mark.parametrize(("count", "dim"), [(21, 32), (33, 32), (100, 64)])
def test_every_pixel_is_a_row_of_the_plain_head(count: int, dim: int) -> None:
    head, x = made(count, dim)
    plain = EBVHead(6, Codebook.for_classes(count, dim))
    plain.load_state_dict(head.state_dict())
    logits, (values, index) = head(x), head.predict_topk(x, 3)
    assert logits.shape == (2, count, 3, 5) and values.shape == index.shape == (2, 3, 3, 5)
    for b, i, j in [(0, 0, 0), (1, 2, 4), (0, 1, 3)]:
        torch.testing.assert_close(logits[b, :, i, j], plain(x[b, :, i, j]))
        assert torch.equal(index[b, :, i, j], plain.predict_topk(x[b, :, i, j], 3)[1])
    assert torch.equal(head.predict(x), logits.argmax(1))


def test_projection_is_a_1x1_convolution() -> None:
    head, x = made()
    weight, bias = head.projection.weight[:, :, None, None], head.projection.bias
    z = nn.functional.normalize(nn.functional.conv2d(x, weight, bias), dim=1)
    w = torch.from_numpy(head.codebook.vectors())[:, :, None, None]
    torch.testing.assert_close(head(x), nn.functional.conv2d(z, w) * head.scale)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_leaves_ignored_pixels_out(reduction: str, smoothing: float) -> None:
    head, x = made(label_smoothing=smoothing)
    x.requires_grad_()
    y = (torch.arange(30) * 7 % 100).view(2, 3, 5)
    y[:, 0] = 255
    plain = nn.functional.cross_entropy(
        head(x), y, reduction=reduction, ignore_index=255, label_smoothing=smoothing
    )
    ours = head.loss(x, y, reduction, ignore_index=255)  # type: ignore[arg-type]
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)
    found, expected = (
        torch.autograd.grad(v.sum(), [x, head.projection.weight]) for v in (ours, plain)
    )
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert not found[0][:, :, 0].any()


def test_channels_last_memory_and_margin() -> None:
    head, x = made(margin=0.1)
    y = torch.zeros(2, 3, 5, dtype=torch.long)
    last = x.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(head.loss(last, y), head.loss(x, y))
    assert head.loss(x, y) > made()[0].loss(x, y)


def test_autocast_keeps_float32() -> None:
    head, x = made()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert head(x).dtype == torch.float32
        assert head.loss(x, torch.zeros(2, 3, 5, dtype=torch.long)).dtype == torch.float32


def test_pixels_are_predicted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    head, x = made()
    whole = head.predict(x)
    monkeypatch.setattr("growlabels.classes.adoption.dense_head.LOGITS", 700)
    assert torch.equal(head.predict(x), whole)


def test_wrong_inputs() -> None:
    head, x = made()
    with pytest.raises(
        UsageError, match=r"x must be a tensor \(B, 6, H, W\), it was \(2, 5, 3, 5\)"
    ):
        head(x[:, :5])
    with pytest.raises(UsageError, match=r"shape \(2, 3, 5\) and .*, it has shape \(2, 5\)"):
        head.loss(x, torch.zeros(2, 5, dtype=torch.long))
    with pytest.raises(DataError, match="it was 100"):
        head.loss(x, torch.full((2, 3, 5), 100))
    y = torch.zeros(2, 3, 5, dtype=torch.long)
    y[1, 2, 4] = 100
    with pytest.raises(DataError, match=r"it was 100 in place \(1, 2, 4\);"):
        head.loss(x, y)
    x[1, 3, 0, 2] = float("nan")
    for call in (head, head.predict):
        with pytest.raises(DataError, match=r"NaN or infinity in place \(1, 0, 2\);"):
            call(x)
