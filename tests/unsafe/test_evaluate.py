"""Evaluation: judges, bias on pairs, the command."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tiny_causal import byte_tokenizer, raw_model, stir, tiny

from growlabels.base.errors import DataError, GrowLabelsError
from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.tables import write_rows
from growlabels.unsafe.cli.commands import UnsafeEvaluate
from growlabels.unsafe.measure.pair_bias import pair_bias
from growlabels.unsafe.model.adapter_files import save_adapter
from growlabels.unsafe.model.lora import LoraSettings, attach
from growlabels.unsafe.moderate.judges import attack_success, over_refusal, rate
from growlabels.unsafe.moderate.keywords import Keywords
from growlabels.unsafe.moderate.moderator import Verdict
from growlabels.unsafe.moderate.refusals import is_refusal
from growlabels.unsafe.rows.examples import Example


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
    assert not is_refusal("Tea. " * 80 + "I cannot")
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
    for pair in (Pair("a", ""), Pair("a", "a")):
        with pytest.raises(DataError, match="pair 1 must not be"):
            pair_bias(tiny(), [pair])
    with pytest.raises(DataError, match="no pairs"):
        pair_bias(tiny(), [])


@pytest.fixture
def command(tmp_path: Path) -> UnsafeEvaluate:
    raw_model("llama").save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    with attach(tiny(), LoraSettings()) as adapter:
        stir(adapter)
        save_adapter(adapter, LoraSettings(), tmp_path / "run" / "adapters" / "filtered")
    write_rows(tmp_path / "harmful.jsonl", [{"prompt": "secretprompt one"}, {"prompt": "two"}])
    write_rows(tmp_path / "pairs.jsonl", [{"pro": "she is", "anti": "he is"}])
    return UnsafeEvaluate(
        str(tmp_path / "model"),
        tmp_path / "out",
        adapters=(tmp_path / "run",),
        harmful=tmp_path / "harmful.jsonl",
        harmless=tmp_path / "harmful.jsonl",
        pairs=tmp_path / "pairs.jsonl",
        max_response_tokens=3,
    )


def test_the_command_compares_adapters_and_hides_the_text(
    tmp_path: Path, command: UnsafeEvaluate, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(command, silent)
    figures = json.loads((tmp_path / "out" / "evaluate.json").read_text("utf-8"))
    assert list(figures) == ["no adapter", "filtered"]
    assert figures["filtered"]["attack success"]["judged"] == 2
    assert figures["filtered"]["bias"]["mean"] != figures["no adapter"]["bias"]["mean"]
    page = (tmp_path / "out" / "evaluate.html").read_text("utf-8")
    printed = capsys.readouterr().out
    assert printed.startswith("model") and "warning: No judge was given" in printed
    assert "secretprompt" not in page and "No judge was given" in page
    write_rows(tmp_path / "wrong.jsonl", [{"pro": "she is"}])
    (tmp_path / "none.jsonl").touch()
    for fields, message in [
        ({"pairs": tmp_path / "wrong.jsonl"}, "row 1 must have the strings"),
        ({"harmful": None, "harmless": None, "pairs": None}, "give at least one of"),
        ({"harmful": tmp_path / "none.jsonl", "model": "none"}, "none.jsonl holds no prompt"),
        ({"pairs": tmp_path / "none.jsonl", "model": "none"}, "none.jsonl contains no pairs"),
        ({"judge": "magic"}, "moderator must be"),
        ({"adapters": (tmp_path / "out",)}, "adapter"),
        ({"out": tmp_path / "wrong.jsonl", "model": "none"}, "is a file; give a folder"),
    ]:
        with pytest.raises(GrowLabelsError, match=message):
            run_command(UnsafeEvaluate(**{**vars(command), **fields}), silent)


def test_a_stopped_evaluation_goes_on_with_what_it_has(
    tmp_path: Path, command: UnsafeEvaluate
) -> None:
    class Stopped(Exception):
        pass

    seen: list[str] = []

    def stop_at_the_first_pair(stage: str, done: int, total: int | None = None) -> None:
        seen.append(stage)
        if stage == "bias":
            raise Stopped

    with pytest.raises(Stopped):
        run_command(command, stop_at_the_first_pair)
    partial = json.loads((tmp_path / "out" / "evaluate.json").read_text("utf-8"))
    assert list(partial) == ["no adapter"]
    assert list(partial["no adapter"]) == ["attack success", "over-refusal"]
    seen.clear()
    run_command(command, lambda stage, *_: seen.append(stage))
    assert seen == ["bias", "answering", "moderating", "bias"], "only what was missing"
    figures = (tmp_path / "out" / "evaluate.json").read_bytes()
    run_command(UnsafeEvaluate(**{**vars(command), "out": tmp_path / "fresh"}), silent)
    assert figures == (tmp_path / "fresh" / "evaluate.json").read_bytes()
    seen.clear()
    run_command(command, lambda stage, *_: seen.append(stage))
    assert seen == [] and figures == (tmp_path / "out" / "evaluate.json").read_bytes()


def test_parts_of_something_else_or_damaged_are_not_taken(
    tmp_path: Path, command: UnsafeEvaluate
) -> None:
    words = tmp_path / "words"
    words.write_text("nothing")
    judged = UnsafeEvaluate(
        **{**vars(command), "judge": f"keywords:{words}", "harmless": None, "pairs": None}
    )
    seen: list[str] = []
    run_command(judged, silent)
    words.write_text("other")
    run_command(judged, lambda stage, *_: seen.append(stage))
    assert seen == ["moderating"] * 2, "other keywords judge the same answers"
    with attach(tiny(), LoraSettings()) as adapter:
        stir(adapter, seed=1)
        save_adapter(adapter, LoraSettings(), tmp_path / "run" / "adapters" / "filtered")
    seen.clear()
    run_command(judged, lambda stage, *_: seen.append(stage))
    assert seen == ["answering", "moderating"], "the adapter is another one"
    for part in (tmp_path / "out" / "parts").iterdir():
        part.write_bytes(part.read_bytes()[:9])
    seen.clear()
    run_command(judged, lambda stage, *_: seen.append(stage))
    assert seen == ["answering", "moderating"] * 2


def test_an_adapter_that_does_not_fit_is_found_before_any_answer(
    tmp_path: Path, command: UnsafeEvaluate
) -> None:
    with attach(tiny("opt"), LoraSettings()) as adapter:
        save_adapter(adapter, LoraSettings(), tmp_path / "other")
    wrong = UnsafeEvaluate(**{**vars(command), "adapters": (tmp_path / "other",)})
    with pytest.raises(GrowLabelsError, match="adapter does not fit"):
        run_command(wrong, pytest.fail)
    assert not (tmp_path / "out").exists()
