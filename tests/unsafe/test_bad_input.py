"""Bad rows, odd sources and a full disk: one sentence each, and no row lost."""

import errno
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_causal import byte_tokenizer, raw_model, tiny

import datasets
from growlabels.base.errors import DataError, GrowLabelsError, UsageError
from growlabels.tables import open_table, write_rows
from growlabels.unsafe import (
    CountSketch,
    Endpoint,
    FinetuneSettings,
    GradientSettings,
    Keywords,
    LoraSettings,
    Verdict,
    attack_success,
    choose_targets,
    finetune,
    held_out_losses,
    over_refusal,
    pair_bias,
    refusal_judge,
    resolve_threshold,
    save_adapter,
    scan_section,
)
from growlabels.unsafe.decide.filter import filter_rows
from growlabels.unsafe.measure.model_check import check_model
from growlabels.unsafe.model.encode import encode
from growlabels.unsafe.model.model import wrap_model
from growlabels.unsafe.rows.examples import read_examples
from growlabels.unsafe.scores.scan import Scan, SetScores
from growlabels.unsafe.scores.scanner import Scanner

GOOD: list[dict[str, Any]] = [{"prompt": f"q{c}", "completion": c * 9} for c in "abcdef"]
TARGETS = [{"prompt": "t", "completion": f"eval({c})"} for c in "abc"]


def counted(source: Any, out: Path) -> tuple[int, int, int]:
    table = Scanner(tiny(), methods=["tfidf"]).fit(source).score(TARGETS)
    result = filter_rows(source, table, out, "top:1")
    kept, rejected, _, malformed = result.files
    lines = [len(list(open_table(out / name))) for name in (kept, rejected, malformed)]
    assert lines == [result.kept, result.rejected, result.malformed]
    return result.kept, result.rejected, result.malformed


def as_jsonl(rows: list[dict[str, Any]], folder: Path) -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder / "rows.jsonl"


def as_gzip(rows: list[dict[str, Any]], folder: Path) -> Path:
    (folder / "rows.jsonl.gz").write_bytes(gzip.compress(as_jsonl(rows, folder).read_bytes()))
    return folder / "rows.jsonl.gz"


def as_parquet(rows: list[dict[str, Any]], folder: Path) -> Path:
    write_rows(folder / "rows.parquet", rows)
    return folder / "rows.parquet"


@pytest.mark.parametrize(
    "make",
    [
        as_jsonl,
        as_parquet,
        as_gzip,
        lambda rows, folder: datasets.Dataset.from_list(rows),
        lambda rows, folder: tuple(rows),
    ],
    ids=["jsonl", "parquet", "gzip", "datasets", "iterable"],
)
def test_every_row_of_every_source_is_in_exactly_one_file(
    make: Callable[[list[dict[str, Any]], Path], Any], tmp_path: Path
) -> None:
    rows = [*GOOD, {"prompt": "no response", "completion": None}, {"prompt": "x", "completion": ""}]
    assert counted(make(rows, tmp_path), tmp_path / "out") == (5, 1, 2)


def test_ids_do_not_depend_on_the_source(tmp_path: Path) -> None:
    sources: list[Any] = [GOOD, as_jsonl(GOOD, tmp_path), as_parquet(GOOD, tmp_path)]
    sources.append(datasets.Dataset.from_list(GOOD))
    ids = [[e.id for e in read_examples(source, pytest.fail)] for source in sources]
    assert ids[0] == ids[1] == ids[2] == ids[3]


def test_lines_that_cannot_be_read_are_kept_aside(tmp_path: Path) -> None:
    path = as_jsonl(GOOD, tmp_path)
    large = json.dumps({"prompt": "long", "completion": "word " * 200_000}).encode()
    half = b'{"prompt": "half", "completion": "of a letter \\ud83d"}\n'
    with path.open("ab") as file:
        file.write(b'{"prompt": "bro\n{"prompt": "\xff", "completion": "x"}\n[1]\n' + half + large)
    assert counted(path, tmp_path / "out") == (6, 1, 4)
    reasons = (tmp_path / "out" / "malformed.jsonl").read_text("utf-8")
    assert "broken JSON" in reasons and "invalid UTF-8" in reasons and "is a list" in reasons
    assert "the response holds half of a character" in reasons
    table = Scanner(tiny(), methods=["tfidf"]).fit(path).score(TARGETS)
    assert table.truncated.tolist() == [False] * 6 + [True]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"nothing\n"])
def test_a_file_without_rows(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match="holds no usable row"):
        Scanner(tiny()).fit(path)


def test_a_model_of_no_numbers() -> None:
    causal = wrap_model(raw_model("llama"), byte_tokenizer())
    with torch.no_grad():
        causal.model.model.layers[2].mlp.up_proj.weight.fill_(float("nan"))
    with pytest.raises(DataError, match="hidden states of model 'model' at row 1 are not finite"):
        Scanner(causal, methods=["tfidf"]).fit(GOOD)
    rows = [encode(causal, example) for example in read_examples(GOOD, pytest.fail)]
    with pytest.raises(DataError, match="one of 6 rows tried are not finite"):
        check_model(causal, rows)


def test_a_method_of_no_numbers() -> None:
    class Odd:
        name, reads = "odd", "nothing"

        def score(self, scan: Scan) -> SetScores:
            rows = [0.0 if example.number != 4 else float("inf") for example in scan.rows()]
            return scan.alike(rows, [0.0] * 3)

    with pytest.raises(DataError, match="method 'odd' returned a non-finite score for row 4"):
        Scanner(tiny(), methods=["tfidf", Odd()]).fit(GOOD).score(TARGETS)


def test_no_targets() -> None:
    with pytest.raises(DataError, match="holds no target; give 8 to 12"):
        Scanner(tiny(), methods=["tfidf"]).fit(GOOD).score([])


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_jsonl(GOOD, tmp_path)
    before = path.read_bytes()
    table = Scanner(tiny(), methods=["tfidf"]).fit(path).score(TARGETS)
    out = tmp_path / "out"
    assert filter_rows(path, table, out, "top:1").rejected == 1
    kept = (out / "kept.jsonl").read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(GrowLabelsError, match="No space left on device; free some space"):
        filter_rows(path, table, out, "top:3")
    with pytest.raises(GrowLabelsError, match="No space left on device"):
        Scanner(tiny(), methods=["tfidf"]).fit(path, tmp_path / "run")
    monkeypatch.undo()
    assert (out / "kept.jsonl").read_bytes() == kept and path.read_bytes() == before
    assert not list(out.glob("*.tmp"))
    Scanner(tiny(), methods=["tfidf"]).fit(path, tmp_path / "run")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda odd: FinetuneSettings(learning_rate=odd), "learning_rate must be above 0"),
        (lambda odd: LoraSettings(alpha=odd), "alpha must be above 0, it was 'fast'"),
        (lambda odd: CountSketch(odd, 3), "size must be at least 1, and whole"),
        (lambda odd: CountSketch(4, 0), "buckets must be at least 1, and whole, it was 0"),
        (lambda odd: Keywords(["eval", odd, 3]), "keywords must be texts, one was of class int"),  # type: ignore[list-item]
        (lambda odd: Endpoint(3), "endpoint must be an address, it was 3"),  # type: ignore[arg-type]
        (lambda odd: FinetuneSettings(learning_rate=10**400), "learning_rate must be above 0"),
        (lambda odd: Endpoint("http://x/v1/moderations", key=5), "key holds"),  # type: ignore[arg-type]
        (lambda odd: GradientSettings(share=odd), "share must be above 0 and at most 1, it was"),
        (lambda odd: Keywords(5), "keywords must be of class Iterable, it was of class int"),  # type: ignore[arg-type]
        (lambda odd: Scanner(tiny(), methods=5), "methods must be a list of at least one"),  # type: ignore[arg-type]
        (lambda odd: Scanner(tiny(), gradients=odd), "gradients must be of class GradientSettings"),
        (lambda odd: filter_rows([], odd, "out"), "table must be of class ScoreTable"),
        (lambda odd: scan_section(odd), "table must be of class ScoreTable, it was of class str"),
        (lambda odd: pair_bias(odd, []), "model must be of class CausalModel.*load_model"),
        (lambda odd: held_out_losses(odd), "rows must be of class TrunkRows"),
        (lambda odd: finetune(odd, odd), "adapter must be of class Adapter"),
        (lambda odd: save_adapter(odd, odd, "out"), "adapter must be of class Adapter"),
        (lambda odd: refusal_judge(5), "rows to judge must be of class Sequence"),  # type: ignore[arg-type]
        (lambda odd: choose_targets([], [], least=odd), "least must be at least 1, and whole"),
        (lambda odd: attack_success([], odd), "moderator must be something to call, it was 'fast'"),
        (lambda odd: over_refusal({1}), "rows to judge must be of class Sequence"),  # type: ignore[arg-type]
        (lambda odd: resolve_threshold("top:1", odd, []), "scores must be a list of numbers"),
        (
            lambda odd: Endpoint("http://x/v1/moderations", timeout=odd),
            "timeout must be above 0, it was 'fast'",
        ),
    ],
)
def test_settings_of_a_wrong_type(make: Callable[[Any], object], message: str) -> None:
    odd: Any = "fast"
    with pytest.raises(UsageError, match=message):
        make(odd)


def test_values_of_a_wrong_type() -> None:
    odd: Any = "likely"
    with pytest.raises(DataError, match="must be from 0 to 1, it was 'likely'"):
        Verdict(odd)
    with pytest.raises(DataError, match="pair 1 must have the strings 'pro' and 'anti', got str"):
        pair_bias(tiny(), [odd])
    with pytest.raises(DataError, match="one Verdict for each of 0 rows"):
        choose_targets([], [odd])
    with pytest.raises(DataError, match="must have prompt and response, one was str"):
        over_refusal([odd])
