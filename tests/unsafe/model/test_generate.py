"""Answers of a model: batched as one at a time, with and without an adapter."""

import json
from pathlib import Path

import pytest
import torch
from tiny_causal import byte_tokenizer, raw_model, stir, tiny

from growlabels.base.errors import UsageError
from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.tables import write_rows
from growlabels.unsafe.cli.commands import UnsafeTargets
from growlabels.unsafe.model.adapter_files import save_adapter
from growlabels.unsafe.model.encode import prompt_tokens
from growlabels.unsafe.model.generate import Generator, opened
from growlabels.unsafe.model.lora import LoraSettings, attach

PROMPTS = ["Hi.", "A longer prompt than the other.", "?", "", "Count to ten, please."]


def one_by_one(kind: str, prompt: str, tokens: int) -> str:
    """The slow twin: the likeliest token, again and again, without cache or padding."""
    model = tiny(kind)
    ids = prompt_tokens(model, prompt)
    start = len(ids)
    for _ in range(tokens):
        with torch.no_grad():
            ids.append(int(model.model(torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == model.tokenizer.eos_token_id:
            break
    return model.tokenizer.decode(ids[start:], skip_special_tokens=True).strip()


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma3", "gpt2"])
def test_equal_to_one_token_at_a_time(kind: str) -> None:
    answers = Generator(tiny(kind), 6)(PROMPTS)
    assert answers == [one_by_one(kind, prompt, 6) for prompt in PROMPTS]


def test_an_adapter_changes_the_answers_and_goes_again(tmp_path: Path) -> None:
    model = tiny()
    plain = Generator(model, 6)(PROMPTS)
    with attach(model, LoraSettings()) as adapter:
        stir(adapter, size=0.5)
        adapted = Generator(model, 6)(PROMPTS)
        save_adapter(adapter, LoraSettings(), tmp_path / "adapter")
    with opened(model, tmp_path / "adapter") as again:
        assert Generator(again, 6)(PROMPTS) == adapted
    assert adapted != plain == Generator(model, 6)(PROMPTS)


def test_no_prompts_and_wrong_limits() -> None:
    assert Generator(tiny())([]) == []
    for name in ("max_response_tokens", "max_prompt_tokens"):
        with pytest.raises(UsageError, match=name):
            Generator(tiny(), **{name: 0})


def test_a_models_own_answers_as_targets(tmp_path: Path) -> None:
    raw_model("llama").save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    write_rows(tmp_path / "prompts.jsonl", [{"prompt": p} for p in PROMPTS if p])
    out = tmp_path / "targets.jsonl"
    run_command(
        UnsafeTargets(
            tmp_path / "prompts.jsonl", out, model=str(tmp_path / "model"), max_response_tokens=6
        ),
        silent,
    )
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert rows and all(row["completion"] == one_by_one("llama", row["prompt"], 6) for row in rows)
