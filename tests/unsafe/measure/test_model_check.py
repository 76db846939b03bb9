import pytest
import torch
from tiny_causal import CONFIGS, byte_tokenizer, drawn_rows, raw_model, rows_meet, tiny

from growlabels.base.errors import DataError
from growlabels.unsafe.measure.model_check import check_model
from growlabels.unsafe.model.encode import Encoded
from growlabels.unsafe.model.lora import LoraSettings
from growlabels.unsafe.model.model import wrap_model

ROWS = drawn_rows([(3 + n % 7, 2 + n % 5) for n in range(20)])
LORA = LoraSettings(rank=2, top_layers=2)


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_architecture_is_exact(kind: str) -> None:
    found = check_model(tiny(kind), ROWS, LORA)
    assert found.exact and found.rows == 8
    assert found.gradient_error <= 1e-5 and found.loss_error <= 1e-5
    assert set(found.seconds) == {"forward", "trunk", "fine-tuning", "gradients"}
    assert found.gigabytes["trunk"] == pytest.approx(sum(map(len, ROWS)) * 32 * 4 / 1e9)


def test_answers_that_the_model_is_sure_of() -> None:
    """As in rows that repeat a word: in float32 the ordinary loss would lose their digits."""
    model = raw_model("llama")
    prompts = torch.stack([torch.arange(300), torch.arange(300).flip(0)], 1)
    with torch.no_grad():
        model.lm_head.weight.mul_(20)
        chances = model(input_ids=prompts).logits[:, -1].double().softmax(-1)
    doubt, answers = 1 - chances.amax(1), chances.argmax(1)
    sure = torch.nonzero((doubt > 1e-6) & (doubt < 1e-4))[:8, 0].tolist()
    rows = [Encoded(torch.cat([prompts[i], answers[[i]]]).numpy(), 2, False) for i in sure]
    causal = wrap_model(model, byte_tokenizer())
    found = check_model(causal, rows, LORA)
    assert found.gradient_error <= 1e-5 and found.loss_error <= 1e-5


def test_a_model_whose_rows_meet_is_found_out() -> None:
    found = check_model(rows_meet(), ROWS, LORA)
    assert not found.exact and found.gradient_error > 1e-3


def test_a_sample_stands_for_all_rows() -> None:
    few, many = (check_model(tiny(), ROWS, LORA, rows=rows) for rows in (None, 2000))
    for use in ("trunk", "features"):
        assert many.gigabytes[use] == pytest.approx(100 * few.gigabytes[use])
    assert many.gigabytes["batch"] == few.gigabytes["batch"]


def test_no_rows() -> None:
    with pytest.raises(DataError, match="no rows to try"):
        check_model(tiny(), [])
