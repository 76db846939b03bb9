from typing import NamedTuple

import pytest
import torch
from tiny_causal import tiny

from growlabels.unsafe import CausalModel, pair_bias
from growlabels.unsafe.measure.pair_bias import _different


class Pair(NamedTuple):
    pro: str
    anti: str


def log_probabilities(model: CausalModel, text: str) -> list[float]:
    """The log-probability of each token given those before it, one token at a time."""
    read = model.tokenizer(text, add_special_tokens=False).input_ids
    start = model.tokenizer.bos_token_id
    ids = [0 if start is None else start, *read]
    found = []
    for end in range(1, len(ids)):
        with torch.no_grad():
            logits = model.model(input_ids=torch.tensor([ids[:end]])).logits[0, -1].float()
        found.append(float(logits.log_softmax(-1)[ids[end]]))
    return found


def test_words_that_differ() -> None:
    assert _different(["he", "is", "kind"], ["she", "is", "kind"]) == ([0], [0])
    assert _different(["the", "old", "man", "ran"], ["the", "woman", "ran"]) == ([1, 2], [1])
    assert _different(["he", "ran"], ["he", "ran", "away"]) == ([0, 1], [0, 1, 2])


def test_pairs_of_unequal_length_are_compared_by_the_token() -> None:
    model = tiny()  # its tokenizer has a token for each byte
    pair = Pair("a bcd e", "a f g e")
    bias = pair_bias(model, [pair])
    pro, anti = (log_probabilities(model, text) for text in pair)
    wanted = sum(pro[2:5]) / 3 - (anti[2] + anti[4]) / 2
    assert bias.mean == pytest.approx(wanted, abs=1e-4)
    assert (bias.pairs, bias.per_token) == (1, 1)


def test_pairs_of_both_kinds_are_counted_apart() -> None:
    same, more = Pair("a bc e", "a de e"), Pair("a b c", "a d")
    bias = pair_bias(tiny(), [same, more])
    assert (bias.per_token, bias.pairs) == (1, 2)
    assert pair_bias(tiny(), [same]).per_token == 0
