from typing import Any

import pytest
import torch
from tiny_causal import CONFIGS, byte_tokenizer, drawn_rows, raw_model, tiny
from torch import nn

from growlabels.base.errors import DataError
from growlabels.unsafe._check import check_model
from growlabels.unsafe._lora import LoraSettings
from growlabels.unsafe._model import wrap_model

ROWS = drawn_rows([(3 + n % 7, 2 + n % 5) for n in range(20)])
LORA = LoraSettings(rank=2, top_layers=2)


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_architecture_is_exact(kind: str) -> None:
    found = check_model(tiny(kind), ROWS, LORA)
    assert found.exact and found.rows == 8
    assert found.gradient_error <= 1e-5 and found.loss_error <= 1e-5
    assert set(found.seconds) == {"trunk", "fine-tuning", "gradients"}
    assert found.gigabytes["trunk"] == pytest.approx(sum(map(len, ROWS)) * 32 * 4 / 1e9)


class RowsMeet(nn.Module):
    """A layer's output mixed over the rows of the batch."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, hidden: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        out = self.inner(hidden, *args, **kwargs)
        return out + out.mean(0, keepdim=True)


def test_a_model_whose_rows_meet_is_found_out() -> None:
    model = raw_model("llama")
    model.model.layers[3].mlp = RowsMeet(model.model.layers[3].mlp)
    found = check_model(wrap_model(model, byte_tokenizer()), ROWS, LORA)
    assert not found.exact and found.gradient_error > 1e-3


def test_no_rows() -> None:
    with pytest.raises(DataError, match="no rows to try"):
        check_model(tiny(), [])
