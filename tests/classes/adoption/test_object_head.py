"""One more logit for what is no object, first or last."""

import pytest
import torch
from torch import nn

from growlabels.base.errors import UsageError
from growlabels.classes import Codebook, EBVHead
from growlabels.classes.adoption.object_head import ObjectHead, SharedOffsets

CODEBOOK = Codebook.for_classes(20, 64)


@pytest.mark.parametrize(("background", "place"), [("first", 0), ("last", 20)])
def test_logits_are_those_of_the_head_and_one_more(background: str, place: int) -> None:
    head = ObjectHead(6, CODEBOOK, background)  # type: ignore[arg-type]
    x = torch.randn(2, 3, 6)
    logits = head(x)
    rest = [i for i in range(21) if i != place]
    torch.testing.assert_close(logits[..., rest], EBVHead.forward(head, x))
    torch.testing.assert_close(logits[..., place], head.nothing(x)[..., 0])
    y = torch.tensor([[0, 20, -100], [1, 2, 3]])
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
    torch.testing.assert_close(head.loss(x, y), expected)
    assert head.loss(x, y, "none").shape == (2, 3)


def test_offsets_follow_the_number_of_logits() -> None:
    head = ObjectHead(6, CODEBOOK, "first", num_classes=4)
    boxes = SharedOffsets(6, head)
    assert boxes(torch.zeros(2, 6)).shape == (2, 20) and len(list(boxes.parameters())) == 2
    head.add_classes(1)
    assert boxes(torch.zeros(2, 6)).shape == (2, 24)


def test_the_place_of_the_background_is_checked() -> None:
    with pytest.raises(UsageError, match="background must be one of 'first', 'last'"):
        ObjectHead(6, CODEBOOK, "middle")  # type: ignore[arg-type]
