from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_causal import byte_tokenizer, tiny

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.model.chat import chat_turn
from growlabels.unsafe.model.encode import Encoded, batches, encode, pad
from growlabels.unsafe.model.model import CausalModel


@dataclass(frozen=True)
class Pair:
    prompt: str
    response: str
    id: str = "r-0"


def text(ids: np.ndarray) -> str:
    return tiny().tokenizer.decode(ids)


def test_the_plain_turn() -> None:
    row = encode(tiny(), Pair("add", "four"))
    assert text(row.input_ids) == "### Instruction:\nadd\n\n### Response:\nfour"
    assert text(row.input_ids[row.response_start :]) == "four" and not row.truncated


@pytest.mark.parametrize(
    ("token", "before", "after"),
    [
        ("<|im_start|>", "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"),
        (
            "<|start_header_id|>",
            "<|start_header_id|>user<|end_header_id|>\n\n",
            "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        ("<start_of_turn>", "<start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>model\n"),
    ],
)
def test_turns_of_known_families(token: str, before: str, after: str) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": [token]})
    tokenizer.chat_template = "a default system turn{{ messages[0]['content'] }}"
    turn = chat_turn(tokenizer)
    assert tokenizer.decode(turn.before) == before and tokenizer.decode(turn.after) == after


def test_an_unknown_family_uses_its_template() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = "Q: {{ messages[0]['content'] }}\nA: "
    turn = chat_turn(tokenizer)
    assert (tokenizer.decode(turn.before), tokenizer.decode(turn.after)) == ("Q: ", "\nA: ")


@pytest.mark.parametrize(
    "template", ["{{ broken", "{{ raise_exception('no') }}", "{{ 1 / 0 }}", "no prompt"]
)
def test_a_template_of_no_use_gives_way_to_the_plain_turn(template: str) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = template
    assert chat_turn(tokenizer) == chat_turn(byte_tokenizer())


def test_special_tokens_in_text_stay_text() -> None:
    row = encode(tiny(), Pair("</s>", "<s>"))
    assert not {0, 1} & set(row.input_ids.tolist())


def test_truncation_keeps_both_ends_of_a_prompt_and_the_start_of_a_response() -> None:
    row = encode(tiny(), Pair("abcdefgh", "12345"), 4, 3)
    assert text(row.input_ids) == "### Instruction:\nabgh\n\n### Response:\n123"
    assert row.truncated
    assert not encode(tiny(), Pair("abcd", "123"), 4, 3).truncated


@pytest.mark.parametrize(("prompt", "response"), [(600, 600), (5, 600), (600, 5), (5, 5)])
def test_a_row_is_no_longer_than_the_models_positions(prompt: int, response: int) -> None:
    model = tiny("gpt2")  # learnt positions: one more token, and it cannot run
    row = encode(model, Pair("p" * prompt, "r" * response), 500, 500)
    assert row.truncated == (prompt + response > 10)
    assert len(row) == (256 if row.truncated else 10 + model_turn(model))
    assert len(row) - row.response_start >= min(response, 100)
    assert row.response_start - model_turn(model) >= min(prompt, 100)
    assert model.model(torch.from_numpy(row.input_ids)[None]).logits.isfinite().all()


def model_turn(model: CausalModel) -> int:
    return len(model.turn.before) + len(model.turn.after)


def test_a_very_long_row_is_cut_before_it_is_tokenised() -> None:
    row = encode(tiny(), Pair("a" * 10**6 + "z", "b" * 10**6), 4, 3)
    assert text(row.input_ids) == "### Instruction:\naaaz\n\n### Response:\nbbb"
    assert row.truncated


def test_limits() -> None:
    with pytest.raises(
        UsageError, match="max_response_tokens must be at least 1, and whole, it was 0"
    ):
        encode(tiny(), Pair("a", "b"), 4, 0)
    with pytest.raises(DataError, match="row r-0 has no tokens"):
        encode(tiny(), Pair("a", ""))
    with pytest.raises(UsageError, match="tokens_per_batch"):
        list(batches([], 0))


@given(st.lists(st.integers(2, 40), max_size=30), st.integers(1, 120))
def test_batches_cover_every_row_once_within_the_limit(lengths: list[int], limit: int) -> None:
    rows = [Encoded(np.zeros(n, np.int64), 1, False) for n in lengths]
    groups = list(batches(rows, limit))
    assert sorted(place for group in groups for place in group) == list(range(len(rows)))
    for group in groups:
        longest, shortest = (pick(lengths[place] for place in group) for pick in (max, min))
        assert len(group) == 1 or len(group) * longest <= limit
        assert longest <= 1.25 * shortest + 8


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=6))
def test_padding_as_row_by_row(lengths: list[tuple[int, int]]) -> None:
    rows = [Encoded(np.arange(1, p + r + 1), p, False) for p, r in lengths]
    batch = pad(rows)
    width = max(p + r for p, r in lengths)
    for slot, (p, r) in enumerate(lengths):
        blank = width - p - r
        assert batch.input_ids[slot].tolist() == [*range(1, p + r + 1), *[0] * blank]
        assert batch.attention_mask[slot].tolist() == [True] * (p + r) + [False] * blank
        assert batch.response_mask[slot].tolist() == [False] * p + [True] * r + [False] * blank
