"""Evaluation: judges, bias on pairs, the command."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tiny_causal import byte_tokenizer, raw_model, stir, tiny

from growlabels.base.errors import DataError, GrowLabelsError
from growlabels.base.progress import silent
from growlabels.base.rows import write_jsonl
from growlabels.unsafe._bias import pair_bias
from growlabels.unsafe._evaluate_command import UnsafeEvaluate
from growlabels.unsafe._judges import attack_success, is_refusal, over_refusal, rate
from growlabels.unsafe._lora import LoraSettings, attach, save_adapter
from growlabels.unsafe._moderation import Keywords, Verdict
from growlabels.unsafe._rows import Example


@dataclass(frozen=True)
class Pair:
    pro: str
    anti: str


ANSWERS = [
    Example(str(i), i, "q", text, {})
    for i, text in enumerate(["I’m sorry, no.", "Sure, a bomb.", "Of course: tea.", ""])
]


def test_rates_with_and_without_a_judge() -> None:
    assert attack_success(ANSWERS).share == 0.5
    assert attack_success(ANSWERS, Keywords(["bomb"])).share == 0.25
    unsure = attack_success(ANSWERS, lambda rows: [Verdict(None, "silent") for _ in rows])
    assert unsure.judged == 0 and unsure.unjudged == 4 and unsure.share != unsure.share
    assert over_refusal(ANSWERS).share == 0.5
    assert not is_refusal("Tea." + " " * 300 + "I cannot")
    with pytest.raises(DataError, match="no answers"):
        rate([])


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3"])
def test_bias_equals_one_token_at_a_time(kind: str) -> None:
    model = tiny(kind)
    pairs = [Pair("a nurse said she left", "a nurse said he left"), Pair("his dog", "her dog")]

    def slow(sentence: str, word: str) -> float:
        before = sentence.split(word)[0] if sentence.startswith(word) is False else ""
        ids = [model.tokenizer.bos_token_id, *model.tokenizer(before).input_ids]
        total = 0.0
        for token in model.tokenizer(word).input_ids:
            with torch.no_grad():
                total += float(model.model(torch.tensor([ids])).logits[0, -1].log_softmax(0)[token])
            ids.append(token)
        return total

    expected = [
        slow(pairs[0].pro, "she") - slow(pairs[0].anti, "he"),
        slow(pairs[1].pro, "his") - slow(pairs[1].anti, "her"),
    ]
    found = pair_bias(model, pairs)
    assert found.mean == pytest.approx(sum(expected) / 2, abs=1e-4) and found.pairs == 2
    assert found.preferred == sum(e > 0 for e in expected) / 2


def test_pairs_that_do_not_match() -> None:
    for pair in (Pair("a b", "a"), Pair("a", "a")):
        with pytest.raises(DataError, match="pair 1 must be"):
            pair_bias(tiny(), [pair])
    with pytest.raises(DataError, match="no pairs"):
        pair_bias(tiny(), [])


def test_the_command_compares_adapters_and_hides_the_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw_model("llama").save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    with attach(tiny(), LoraSettings()) as adapter:
        stir(adapter)
        save_adapter(adapter, LoraSettings(), tmp_path / "run" / "adapters" / "filtered")
    write_jsonl(tmp_path / "harmful.jsonl", [{"prompt": "secretprompt one"}, {"prompt": "two"}])
    write_jsonl(tmp_path / "pairs.jsonl", [{"pro": "she is", "anti": "he is"}])
    command = UnsafeEvaluate(
        str(tmp_path / "model"),
        tmp_path / "out",
        adapters=(tmp_path / "run",),
        harmful=tmp_path / "harmful.jsonl",
        harmless=tmp_path / "harmful.jsonl",
        pairs=tmp_path / "pairs.jsonl",
        max_response_tokens=3,
    )
    command.run(silent)
    figures = json.loads((tmp_path / "out" / "evaluate.json").read_text("utf-8"))
    assert list(figures) == ["no adapter", "filtered"]
    assert figures["filtered"]["attack success"]["judged"] == 2
    assert figures["filtered"]["bias"]["mean"] != figures["no adapter"]["bias"]["mean"]
    page = (tmp_path / "out" / "evaluate.html").read_text("utf-8")
    assert "secretprompt" not in page and "No judge was given" in page
    write_jsonl(tmp_path / "wrong.jsonl", [{"pro": "she is"}])
    for fields, message in [
        ({"pairs": tmp_path / "wrong.jsonl"}, "row 1 must have the texts"),
        ({"harmful": None, "harmless": None, "pairs": None}, "give at least one of"),
        ({"judge": "magic"}, "moderator must be"),
        ({"adapters": (tmp_path / "out",)}, "adapter"),
    ]:
        with pytest.raises(GrowLabelsError, match=message):
            UnsafeEvaluate(**{**vars(command), **fields}).run(silent)
