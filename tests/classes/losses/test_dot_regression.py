"""Dot regression against its formula."""

import pytest
import torch
from torch import nn

from growlabels.base.errors import DataError
from growlabels.classes import Codebook, EBVHead, dot_regression_loss


@pytest.mark.parametrize(("count", "dim"), [(100, 128), (129, 128), (200, 128), (1000, 64)])
def test_equals_the_formula(count: int, dim: int) -> None:
    torch.manual_seed(0)
    head = EBVHead(10, Codebook.for_classes(count, dim))
    x, y = torch.randn(4, 10), torch.tensor([0, 1, count // 2, count - 1])
    z = nn.functional.normalize(head.projection(x).double(), dim=1)
    own = torch.from_numpy(head.codebook.vectors(y.numpy(), "float64"))
    expected = ((1 - (z * own).sum(1)) ** 2 / 2).mean()
    assert dot_regression_loss(head, x, y).item() == pytest.approx(expected.item(), rel=1e-5)


def test_training_with_it_alone_learns_the_classes() -> None:
    torch.manual_seed(0)
    head = EBVHead(20, Codebook.for_classes(40, 16))
    x, y = torch.randn(40, 20), torch.arange(40)
    trunk = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 20))
    optimizer = torch.optim.Adam([*trunk.parameters(), *head.parameters()], 1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        dot_regression_loss(head, trunk(x), y).backward()
        optimizer.step()
    assert torch.equal(head.predict_topk(trunk(x))[1][:, 0], y)


def test_wrong_targets() -> None:
    head = EBVHead(4, Codebook.for_classes(10, 16))
    with pytest.raises(DataError, match="it was 10 in row 1"):
        dot_regression_loss(head, torch.ones(2, 4), torch.tensor([0, 10]))
    with pytest.raises(DataError, match="cannot ignore rows"):
        dot_regression_loss(head, torch.ones(2, 4), torch.tensor([0, -100]))
