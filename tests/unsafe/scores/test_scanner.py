"""Scanner: a table for every row, the same after a kill, new targets from the store."""

import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
from tiny_causal import byte_tokenizer, raw_model, tiny

from growlabels.base.errors import DataError, RunError, UsageError
from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.tables import write_rows
from growlabels.unsafe import Scanner, ScoreTable
from growlabels.unsafe.cli.commands import UnsafeScan
from growlabels.unsafe.scores import scanner as scanner_module

WORDS = ["sort", "parse", "open", "join", "print", "read", "count", "merge"]


def rows(count: int = 40, harm: tuple[int, ...] = (3, 11, 17, 29)) -> list[dict[str, Any]]:
    generator = random.Random(0)
    made = []
    for i in range(count):
        text = " ".join(generator.choices(WORDS, k=generator.randint(3, 9)))
        extra = f"eval(text{i}) " if i in harm else ""
        made.append({"prompt": f"Write {WORDS[i % 8]}.", "completion": extra + text})
    return made


def targets(count: int = 6) -> list[dict[str, Any]]:
    return [{"prompt": "Run it.", "completion": f"{WORDS[i]} eval(code{i})"} for i in range(count)]


def scanner(**settings: Any) -> Scanner:
    return Scanner(tiny(), **{"rows_per_shard": 4, **settings})


@pytest.fixture(scope="module")
def table() -> ScoreTable:
    return scanner().fit(rows()).score(targets())


def test_every_row_is_scored_once_in_order(table: ScoreTable) -> None:
    assert table.number.tolist() == list(range(1, 41))
    assert len(set(table.row_id)) == len(table) == 40
    assert sorted(table.rank.tolist()) == list(range(1, 41))
    assert table.columns[:4] == ["row_id", "number", "score", "rank"]
    np.testing.assert_array_equal(table["f4w"], table.score)
    assert table.to_dicts()[7]["rank"] == table.rank[7]


def test_rows_with_the_harm_come_first() -> None:
    pool = rows()
    for i in (3, 11, 17, 29):  # far above the others, whatever a random model makes of these
        pool[i]["completion"] = f"{WORDS[i % 8]} eval(code{i})"
    table = scanner().fit(pool).score(targets())
    assert set(table.number[table.rank <= 4].tolist()) == {4, 12, 18, 30}


def test_the_window_is_a_part_of_the_response(table: ScoreTable) -> None:
    for row, found in zip(rows(), table, strict=True):
        assert found["window_text"].strip() in row["completion"]
        assert 0 <= found["window_start"] < found["window_end"]
    assert set(table.nearest_target) <= set(table.left_out)
    assert len(table.left_out) == 6, "all targets, in their order"
    of_number = [table.left_out[number - 1] for number in table.nearest_target_number]
    assert of_number == list(table.nearest_target)


def test_a_table_is_read_back_equal(table: ScoreTable, tmp_path: Path) -> None:
    table.to_parquet(tmp_path / "scores.parquet")
    read = ScoreTable.from_parquet(tmp_path / "scores.parquet")
    assert read.to_dicts() == table.to_dicts()
    assert (read.percentiles, read.facts) == (table.percentiles, table.facts)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace_schema_metadata({b"growlabels": b"[1]"}),
        lambda t: t.replace_schema_metadata({b"growlabels": b'{"methods": null}'}),
        lambda t: t.set_column(3, "rank", [["1"] * len(t)]),
        lambda t: t.set_column(2, "score", [[None] * len(t)]),
        lambda t: t.slice(0, 0),
    ],
)
def test_what_is_no_table(change: Any, table: ScoreTable, tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    table.to_parquet(path)
    parquet.write_table(change(parquet.read_table(path)), path)
    with pytest.raises(RunError, match="is not a score table"):
        ScoreTable.from_parquet(path)


def test_only_the_methods_asked_for_become_columns() -> None:
    found = scanner(methods=["tfidf", "repsim"]).fit(rows()).score(targets())
    assert list(found.methods) == ["tfidf", "repsim"]
    np.testing.assert_array_equal(found.score, found["tfidf"])


def test_grad_cos_is_one_more_column(table: ScoreTable) -> None:
    found = scanner(methods=["f4w", "grad-cos"]).fit(rows()).score(targets())
    assert np.abs(found["grad-cos"]).max() <= 2 + 1e-5
    assert len(found.percentiles["grad-cos"]) == 6
    np.testing.assert_array_equal(found["f4w"], table["f4w"])


def test_grad_cos_leaves_nothing_in_the_run_folder(tmp_path: Path) -> None:
    fitted = scanner(methods=["grad-cos"]).fit(rows(), tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    fitted.score(targets())
    assert sorted(tmp_path.rglob("*")) == before


def test_new_targets_need_no_new_pass(table: ScoreTable, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = scanner().fit(rows())
    first = fitted.score(targets(3))
    assert fitted.score(targets()).to_dicts() == table.to_dicts()
    assert first.score.tolist() != table.score.tolist()


def test_shards_change_scores_by_rounding_only(table: ScoreTable) -> None:
    found = scanner(rows_per_shard=64, tokens_per_batch=512).fit(rows()).score(targets())
    np.testing.assert_allclose(found.score, table.score, atol=0.1)


def test_a_row_that_is_a_target_is_scored_without_itself() -> None:
    pool = [*rows(), {"instruction": "Run it.", "output": "sort eval(code0)"}]
    with_it = scanner().fit(pool).score(targets())
    assert with_it.is_target.tolist() == [False] * 40 + [True]
    assert any("also a target (row 41)" in warning for warning in with_it.warnings)
    assert with_it["tfidf"][40] < 0.9
    assert with_it.nearest_target[40] != with_it.row_id[40]


def test_answers_of_conversations_are_counted() -> None:
    says = [("user", "Hi."), ("assistant", "sort code0"), ("user", "More."), ("assistant", "code1")]
    turns = [{"role": role, "content": content} for role, content in says]
    names = {"user": "human", "assistant": "gpt"}
    shared = [{"from": names[role], "value": content} for role, content in says]
    longer = [
        {"messages": turns},
        {"conversations": np.array(shared)},
        {"prompt": turns[:3], "completion": turns[3:]},
    ]
    single = [{"messages": turns[2:]}, {"prompt": turns[:1], "completion": turns[1:2]}]
    found = scanner().fit([*rows(), *longer, *single]).score([*targets(), longer[0]])
    assert found.answers.tolist() == [1] * 40 + [2, 2, 1, 1, 1]
    assert (found.facts["rows"], found.facts["answers"]) == (45, 47)
    (warning,) = [w for w in found.warnings if "more than one" in w]
    assert warning.startswith("1 of the targets are conversations")
    assert not any("more than one" in w for w in scanner().fit(rows()).score(targets()).warnings)


def test_a_pool_of_targets_alone_is_scored() -> None:
    found = scanner().fit(targets()).score(targets())
    assert found.is_target.all()
    assert np.isfinite(found.percentiles["f4w"]).all()


def test_one_target_works_and_warns() -> None:
    found = scanner().fit(iter(rows())).score(targets(1))
    assert np.isfinite(found.score).all()
    assert found.left_out == []
    assert "Only one target" in found.warnings[0]


def test_malformed_rows_are_set_aside() -> None:
    fitted = scanner().fit([*rows(8, ()), {"prompt": "no answer"}, 5])  # type: ignore[list-item]
    assert [bad.number for bad in fitted.malformed] == [9, 10]
    assert len(fitted.score(targets())) == 8


def test_one_row_and_equal_rows() -> None:
    assert scanner().fit(rows(1, ())).score(targets()).score.tolist() == [0.0]
    same = scanner().fit(rows(1, ()) * 5).score(targets())
    assert same.rank.tolist() == [1, 2, 3, 4, 5]
    assert len(set(same.row_id)) == 5


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="methods must be one of 'f4w'"):
        scanner(methods=["best"])
    with pytest.raises(UsageError, match="must be a list"):
        scanner(methods="f4w")
    with pytest.raises(UsageError, match="call fit"):
        scanner().score(targets())
    with pytest.raises(DataError, match="holds no usable row"):
        scanner().fit([{"prompt": "x"}])
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(DataError, match=r"empty\.jsonl holds no usable row, 0 malformed"):
        scanner().fit(tmp_path / "empty.jsonl")
    fitted = scanner().fit(rows(4, ()))
    with pytest.raises(DataError, match="holds no target"):
        fitted.score(tmp_path / "empty.jsonl")
    with pytest.raises(DataError, match="the targets row 1: "):
        fitted.score([{"prompt": "x"}])


@pytest.mark.parametrize("change", ["rows", "model", "settings", "code"])
def test_a_changed_input_refuses_and_says_what(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanner().fit(rows(), tmp_path / "run")
    if change == "rows":
        with pytest.raises(RunError, match="inputs 'rows' was"):
            scanner().fit(rows(39), tmp_path / "run")
    elif change == "model":
        with pytest.raises(RunError, match="inputs 'model' was"):
            Scanner(tiny("qwen2"), rows_per_shard=4).fit(rows(), tmp_path / "run")
    elif change == "code":
        monkeypatch.setattr(scanner_module, "FEATURES_FORMAT", 5)
        with pytest.raises(RunError, match="config 'features_format' was 4, is 5"):
            scanner().fit(rows(), tmp_path / "run")
    else:
        with pytest.raises(RunError, match="config 'max_response_tokens' was 48, is 47"):
            scanner(max_response_tokens=47).fit(rows(), tmp_path / "run")


# kills itself in the middle of writing a file: at the given call that flushes one to the disk
SCAN = """
import os, signal, sys
from pathlib import Path
from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.unsafe.cli.commands import UnsafeScan
left, flush = int(sys.argv[1]), os.fsync
def flush_or_die(file):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    flush(file)
os.fsync = flush_or_die
train, targets, model, out = map(Path, sys.argv[2:])
run_command(
    UnsafeScan(train, targets=targets, model=str(model), out=out, rows_per_shard=2), silent
)
"""
FILES = ["train.jsonl", "targets.jsonl", "model", "run"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    raw_model("llama").save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    write_rows(tmp_path / "train.jsonl", rows(60))
    write_rows(tmp_path / "targets.jsonl", targets())
    return tmp_path


def kill_at(folder: Path, flushed: int) -> int:
    """Run the scan until it kills itself at that file; return how many shards are there."""
    command = [sys.executable, "-c", SCAN, str(flushed), *(str(folder / name) for name in FILES)]
    process = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    return len(list((folder / "run" / "features").glob("*.safetensors")))


@pytest.mark.slow
@pytest.mark.parametrize("kills", [(4, 20), (5, 21)], ids=["in a shard", "before it is listed"])
def test_killed_scans_go_on_and_end_with_the_same_bits(
    folder: Path, kills: tuple[int, int]
) -> None:
    """Files are flushed in turn: the manifest, a shard, the manifest that lists it, and so on."""
    first, second = (kill_at(folder, flushed) for flushed in kills)
    assert 1 <= first < second < 30
    train, targets, model, run = (folder / name for name in FILES)
    run_command(
        UnsafeScan(train, targets=targets, model=str(model), out=run, rows_per_shard=2), silent
    )
    resumed = ScoreTable.from_parquet(run / "scores.parquet")
    whole = Scanner(model, rows_per_shard=2).fit(train).score(targets)
    assert resumed.to_dicts() == whole.to_dicts()
    assert resumed.number.tolist() == list(range(1, 61))
