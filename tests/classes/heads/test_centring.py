"""Standardised features ahead of a head's projection."""

import pytest
import torch
from torch import nn

from growlabels.classes import Codebook, EBVHead
from growlabels.classes.heads.centring import Centring


def features(rows: int, seed: int) -> torch.Tensor:
    return 3 + 2 * torch.randn(rows, 5, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(12, 5), (3, 4, 5)])
def test_equals_batch_normalisation(shape: tuple[int, ...]) -> None:
    own, twin = Centring(5), nn.BatchNorm1d(5, affine=False)
    for seed in range(3):
        x = features(12, seed)
        assert torch.allclose(own(x.view(shape)).view(12, 5), twin(x), atol=1e-5)
    own.eval()
    x = features(7, 9)
    assert torch.allclose(own(x), (x - own.mean) / (own.variance + 1e-5).sqrt(), atol=1e-5)
    assert torch.allclose(own.mean, twin.running_mean, atol=1e-6)  # type: ignore[arg-type]


def test_one_row_is_standardised_by_the_running_averages() -> None:
    own = Centring(5)
    own(features(12, 0))
    mean = own.mean.clone()
    x = features(1, 1)
    assert torch.allclose(own(x), own.eval()(x))
    assert torch.equal(own.mean, mean)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_head_ignores_what_all_rows_share(dtype: torch.dtype) -> None:
    head = EBVHead(5, Codebook.for_classes(9, 16), centre=True)
    x = features(12, 0).to(dtype)
    y = torch.arange(12) % 9
    assert torch.allclose(head.loss(x, y), head.loss(100 + x, y), rtol=1e-3)
    assert torch.allclose(head(x), head(100 + x), atol=1e-2)


def test_the_averages_are_saved_with_the_head() -> None:
    head, other = (EBVHead(5, Codebook.for_classes(9, 16), centre=True) for _ in range(2))
    head(features(12, 0))
    other.load_state_dict(head.state_dict())
    x = features(4, 1)
    assert torch.equal(head.eval()(x), other.eval()(x))
