"""The text classifier and the generative guard, on tiny models built from configurations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tiny_causal import byte_tokenizer, one_row_loss, raw_model, tiny

from growlabels.base.errors import DataError, GrowLabelsError, UsageError
from growlabels.unsafe.model.encode import Encoded
from growlabels.unsafe.model.model import wrap_model
from growlabels.unsafe.moderate.classifier import Classifier, Guard, word_log_probability
from growlabels.unsafe.rows.examples import Example

ROWS = [
    Example(c, 1, "Say.", text, {})
    for c, text in zip("abc", ["x" * 20, "y" * 500, "z" * 20], strict=True)
]


def saved(folder: Path, labels: list[str], **config: Any) -> Path:
    settings = transformers.BertConfig(
        vocab_size=300,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
        **config,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = transformers.BertForSequenceClassification(settings)
        torch.nn.init.normal_(model.classifier.weight)
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def logits(folder: Path, row: Example) -> torch.Tensor:
    """The slow twin: one row, no pipeline."""
    model = transformers.BertForSequenceClassification.from_pretrained(folder).eval()
    ids = byte_tokenizer()(f"{row.prompt}\n\n{row.response}").input_ids[:62]
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0]


@pytest.mark.parametrize(
    ("labels", "config", "unsafe", "expected"),
    [
        (["safe", "unsafe"], {}, None, lambda x: x.softmax(0)[1]),
        (["non-toxic", "toxic", "hate"], {}, None, lambda x: x.softmax(0)[1:].sum()),
        (["LABEL_0", "LABEL_1"], {}, ["LABEL_0"], lambda x: x.softmax(0)[0]),
        (
            ["threat", "insult", "neutral"],
            {"problem_type": "multi_label_classification"},
            None,
            lambda x: x.sigmoid()[:2].max(),
        ),
        (["toxic"], {}, None, lambda x: x.sigmoid()[0]),
    ],
)
def test_a_folder_judges_rows(
    labels: list[str], config: dict[str, Any], unsafe: Any, expected: Any, tmp_path: Path
) -> None:
    folder = saved(tmp_path / "judge", labels, **config)
    found = Classifier(folder, unsafe)(ROWS)
    for verdict, row in zip(found, ROWS, strict=True):
        assert verdict.probability == pytest.approx(float(expected(logits(folder, row))), abs=1e-5)


def test_folders_that_are_no_classifier(tmp_path: Path) -> None:
    folder = saved(tmp_path / "judge", ["LABEL_0", "LABEL_1"])
    with pytest.raises(UsageError, match="its labels are 'LABEL_0', 'LABEL_1'; say which"):
        Classifier(folder)
    with pytest.raises(UsageError, match="unsafe label must be one of"):
        Classifier(folder, ["toxic"])
    with pytest.raises(UsageError, match="is not a folder"):
        Classifier(tmp_path / "nowhere")
    causal = tmp_path / "causal"
    raw_model("llama").save_pretrained(causal)
    byte_tokenizer().save_pretrained(causal)
    with pytest.raises(DataError, match="not those of a text classifier"):
        Classifier(causal)
    (folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(DataError, match="cannot be loaded"):
        Classifier(folder, ["LABEL_0"])
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UsageError, match="pickled weights only"):
        Classifier(folder, ["LABEL_0"])


def drop_tokenizer(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()


def spoil(name: str, text: str | None) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text) if text else (folder / name).unlink()


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        (spoil("config.json", "null"), "cannot be loaded: .*; copy the whole model again"),
        (spoil("config.json", '{"model_type": "bert", "hidden_size": ""}'), "cannot be loaded: V"),
        (spoil("config.json", '{"model_type": "bert"}'), "is missing or of another shape"),
        (spoil("tokenizer.json", None), "cannot be loaded"),
        (drop_tokenizer, "knows no words; copy its files too"),
        (spoil("tokenizer.json", "{"), "cannot be loaded"),
        (spoil("model.safetensors", "version https://git-lfs.github"), "pointer to them of Git"),
    ],
)
def test_damaged_folders(
    spoilt: Callable[[Path], object],
    message: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = saved(tmp_path / "judge", ["safe", "unsafe"])
    spoilt(folder)
    capfd.readouterr()
    with pytest.raises(GrowLabelsError, match=message):
        Classifier(folder)
    assert capfd.readouterr() == ("", ""), "the loader's own report would hide the sentence"


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3"])
def test_the_probability_of_a_word_is_that_of_its_tokens(kind: str) -> None:
    import numpy as np

    model = tiny(kind)
    context = model.tokenizer("some text").input_ids
    word = model.tokenizer("unsafe").input_ids
    row = Encoded(np.array(context + word), len(context), False)
    assert word_log_probability(model, context, "unsafe") == pytest.approx(
        -float(one_row_loss(model, row)) * len(word), abs=1e-4
    )


@pytest.mark.parametrize(("lead", "word"), [("\n\n", "unsafe"), ("", "safe")])
def test_a_guard_that_was_taught(lead: str, word: str) -> None:
    """A tiny model learns one answer by heart; what may stand before the word is found out."""
    raw, tokenizer = raw_model("llama"), byte_tokenizer()
    guard = Guard(wrap_model(raw, tokenizer))
    untaught = guard(ROWS[:1])[0]
    assert untaught.probability is None and "neither" in untaught.reason
    context, answer = guard._context(ROWS[0]), tokenizer(lead + word).input_ids
    raw.requires_grad_(True)
    optimiser = torch.optim.AdamW(raw.parameters(), 5e-3)
    for _ in range(80):
        out = raw(torch.tensor([context + answer])).logits[0, len(context) - 1 : -1]
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(out, torch.tensor(answer)).backward()
        optimiser.step()
    raw.requires_grad_(False)
    assert guard(ROWS[:1])[0].unsafe == (word == "unsafe")


def test_a_guard_uses_the_template_and_cuts_the_middle() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}[verdict]"
    )
    guard = Guard(wrap_model(raw_model("llama"), tokenizer), max_tokens=50)
    written = tokenizer.decode(guard._context(ROWS[0]))
    assert written == f"[user]Say.[assistant]{'x' * 20}[verdict]"
    long = tokenizer.decode(guard._context(ROWS[1]))
    assert len(long) == 50 and long.startswith("[user]Say.") and long.endswith("y[verdict]")
    learnt = Guard(wrap_model(raw_model("gpt2"), byte_tokenizer()))  # 256 positions
    assert learnt(ROWS[1:2])[0].reason
    tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(DataError, match="template of guard 'model' cannot be used: roles must"):
        guard(ROWS)
    with pytest.raises(UsageError, match="max_tokens"):
        Guard(tiny(), max_tokens=1)
