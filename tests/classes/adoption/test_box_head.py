"""Detection head: background as a class, background by rejection."""

from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import Codebook, EBVBoxHead, EBVHead, rejection_scores


def made(background: Literal["class", "reject"], classes: int = 30) -> tuple[EBVBoxHead, Tensor]:
    torch.manual_seed(0)
    head = EBVBoxHead(10, Codebook.for_classes(classes, 64), background, label_smoothing=0.1)
    return head, torch.randn(8, 10)


def test_background_as_the_first_class_is_the_plain_loss() -> None:
    head, x = made("class")
    y = torch.tensor([0, 0, 3, 29, 1, 0, 7, 8])
    logits, offsets = head(x)
    assert logits.shape == (8, 30) and offsets.shape == (8, 4)
    plain = nn.functional.cross_entropy(logits, y, label_smoothing=0.1)
    torch.testing.assert_close(head.loss(x, y), plain)
    assert torch.equal(head.predict(x)[0], logits.argmax(1))


@pytest.mark.parametrize("y", [[0, 0, 3, 30, 1, 0, 7, 8], [0] * 8, [5] * 8])
def test_background_without_a_vector_is_pushed_to_no_class(y: list[int]) -> None:
    head, x = made("reject")
    target, logits = torch.tensor(y), head(x)[0]
    plain = nn.functional.cross_entropy(
        logits, target - 1, reduction="none", ignore_index=-1, label_smoothing=0.1
    )
    evenly = torch.logsumexp(logits, 1) - logits.mean(1)
    expected = torch.where(target > 0, plain, evenly).mean()
    torch.testing.assert_close(head.loss(x, target), expected)
    head.loss(x, target).backward()
    assert head.classifier.projection.weight.grad is not None


def test_training_separates_objects_from_background() -> None:
    head, _ = made("reject", 6)
    generator = torch.Generator().manual_seed(0)
    centres = 3 * torch.randn(12, 10, generator=generator)
    trunk = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 10))

    def rows(count: int) -> tuple[Tensor, Tensor]:
        which = torch.randint(12, (count,), generator=generator)
        noise = 0.5 * torch.randn(count, 10, generator=generator)
        return centres[which] + noise, torch.where(which < 6, which + 1, 0)

    optimizer = torch.optim.Adam([*trunk.parameters(), *head.parameters()], 5e-3)
    for _ in range(80):
        x, y = rows(64)
        optimizer.zero_grad()
        head.loss(trunk(x), y).backward()
        optimizer.step()
    x, y = rows(2000)
    held, rest = slice(0, 1000), slice(1000, 2000)
    features = trunk(x)
    head.fit_threshold(features[held][y[held] > 0], 0.05)
    found = head.predict(features[rest])[0]
    objects = y[rest] > 0
    assert (found[objects] == 0).float().mean() < 0.09
    assert (found[~objects] == 0).float().mean() > 0.9
    assert (found[objects] == y[rest][objects]).float().mean() > 0.85


def test_threshold_is_part_of_the_state() -> None:
    head, x = made("reject")
    threshold = head.fit_threshold(x, 0.25)
    assert threshold == rejection_scores(head.classifier, x).sort().values[1]
    twin, _ = made("reject")
    assert (twin.predict(x)[0] > 0).all()
    twin.load_state_dict(head.state_dict())
    assert torch.equal(twin.predict(x)[0], head.predict(x)[0])
    assert int((twin.predict(x)[0] == 0).sum()) == 1
    assert isinstance(twin.classifier, EBVHead)


def test_wrong_inputs() -> None:
    with pytest.raises(UsageError, match="background must be one of 'class', 'reject'"):
        EBVBoxHead(4, Codebook.for_classes(5), "none")  # type: ignore[arg-type]
    head, x = made("reject")
    with pytest.raises(UsageError, match="y must be a tensor of shape"):
        head.loss(x, torch.zeros(7, dtype=torch.long))
    with pytest.raises(UsageError, match=r"y must be of type torch\.int64, it was torch\.bool"):
        head.loss(x, torch.ones(8, dtype=torch.bool))
    for target in (-1, 31):
        y = torch.tensor([0, 3, target, 0, 0, 0, 0, 0])
        with pytest.raises(DataError, match=rf"0 \(background\) to 30, it was {target} in row 2"):
            head.loss(x, y)
    with pytest.raises(UsageError, match="scores must be at least 19"):
        head.fit_threshold(x)
