"""Kept, rejected, malformed: every row once, kept rows as they came."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest
from tiny_causal import tiny

from growlabels.base.errors import DataError, GrowLabelsError, UsageError
from growlabels.unsafe import FilterResult, Scanner, ScoreTable, filter_rows

LINES = [
    '{"prompt":"a", "completion": "x = eval(s)", "note": 1.50}',
    '{"instruction": "b", "output": "caf\\u00e9"}',
    "",
    "{broken",
    '{"prompt": "c"}',
    '{"messages": [{"role": "user", "content": "d"}, {"role": "assistant", "content": "ok"}]}',
    '{"prompt":"a", "completion": "x = eval(s)", "note": 1.50}',
    '{"prompt": "e", "completion": "über"}',
]
TARGETS = [{"prompt": "t", "completion": f"eval({c})"} for c in "abc"]


def scan(source: Any, targets: Any = TARGETS) -> ScoreTable:
    return Scanner(tiny()).fit(source).score(targets)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def train(tmp_path: Path) -> Path:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(LINES).encode() + b'\n{"prompt": "\xff"}')
    return path


def test_every_row_is_in_exactly_one_file(train: Path, tmp_path: Path) -> None:
    table = scan(train)
    result = filter_rows(train, table, tmp_path / "out", "top:2")
    assert (result.kept, result.rejected, result.malformed) == (3, 2, 3)
    out = tmp_path / "out"
    source_lines = train.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
    rejected, malformed = read(out / "reasons.jsonl"), read(out / "malformed.jsonl")
    assert [bad["number"] for bad in malformed] == [4, 5, 9]
    assert malformed[0]["raw"] == "{broken"
    assert "completion" in malformed[1]["reason"] and "UTF-8" in malformed[2]["reason"]
    numbers = {row["number"] for row in rejected}
    for file, wanted in (("kept", {1, 2, 6, 7, 8} - numbers), ("rejected", numbers)):
        lines = [line for number, line in enumerate(source_lines, 1) if number in wanted]
        assert (out / f"{file}.jsonl").read_bytes() == b"\xef\xbb\xbf" + b"".join(lines)


def test_the_rows_themselves_are_never_written_over(train: Path) -> None:
    source = train.rename(train.with_name("kept.jsonl"))
    before = source.read_bytes()
    with pytest.raises(UsageError, match=r"the filter's kept.jsonl would overwrite the source"):
        filter_rows(source, scan(source), source.parent)
    assert source.read_bytes() == before


def test_a_stop_at_the_last_file_leaves_all_of_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "train.parquet"
    rows = [{"prompt": c, "completion": c * 9} for c in "abcdef"]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    table, out = scan(path), tmp_path / "out"
    filter_rows(path, table, out, "top:2")
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    assert len(before) == 4

    def stop(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("growlabels.unsafe.decide.filter._Reasons.record", stop)
        filter_rows(path, table, out, "top:4")
    assert before == {file.name: file.read_bytes() for file in out.iterdir()}


def test_a_rejected_row_has_its_reasons(train: Path, tmp_path: Path) -> None:
    table = scan(train)
    filter_rows(train, table, tmp_path / "out", "top:2")
    for row in read(tmp_path / "out" / "reasons.jsonl"):
        place = table.number.tolist().index(row["number"])
        assert row["row_id"] == table.row_id[place]
        assert row["score"] == table.score[place]
        assert row["rank"] in (1, 2)
        assert row["nearest_target"] == table.nearest_target[place]
        assert row["nearest_target_number"] == table.nearest_target_number[place]
        assert row["window"]["text"] == table.window_text[place]
        assert row["reasons"][0] == f"rank {row['rank']} of 5: top:2 rejects 2 of 5 rows"
        assert set(row["scores"]) == set(table.methods)


def test_a_target_among_the_rows_is_rejected(tmp_path: Path) -> None:
    rows = [{"prompt": c, "completion": c * 9} for c in "vwxyz"] + TARGETS[:1]
    result = filter_rows(rows, scan(rows), tmp_path, "top:0")
    assert (result.kept, result.rejected) == (5, 1)
    assert read(tmp_path / "reasons.jsonl")[0]["reasons"][0] == "is also one of the targets"


def test_parquet_stays_parquet(tmp_path: Path) -> None:
    rows = [{"prompt": c, "completion": c * 5, "kind": i} for i, c in enumerate("abcdef")]
    rows[2]["completion"] = None
    source = tmp_path / "train.parquet"
    schema = [("prompt", "string"), ("completion", "string"), ("kind", "int8")]
    fields = pyarrow.schema([(n, pyarrow.type_for_alias(t)) for n, t in schema])
    parquet.write_table(pyarrow.Table.from_pylist(rows, fields), source)
    result = filter_rows(source, scan(source), tmp_path / "out", "top:1")
    assert (result.kept, result.rejected, result.malformed) == (4, 1, 1)
    kept = parquet.read_table(tmp_path / "out" / "kept.parquet")
    assert kept.schema.equals(fields)
    rejected = parquet.read_table(tmp_path / "out" / "rejected.parquet")
    assert rejected.schema.equals(fields)
    parts = [*kept.to_pylist(), *rejected.to_pylist(), rows[2]]
    assert sorted(parts, key=rows.index) == rows
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    with pytest.raises(UsageError, match=r"kept.parquet' holds kept rows in another format"):
        filter_rows(rows, scan(rows), tmp_path / "out", "top:1")
    assert before == {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}


def test_other_rows_are_refused_and_nothing_is_written(train: Path, tmp_path: Path) -> None:
    table = scan(train)
    with pytest.raises(DataError, match="differ from the scanned rows"):
        filter_rows([{"prompt": "a", "completion": "b"}], table, tmp_path / "out")
    for threshold, decisions, message in (
        ("most", {}, "threshold"),
        ("top:1", {"a-0": "reject"}, "1 of 1 decisions belong to rows that were not scanned"),
        ("top:1", {table.row_id[0]: "perhaps"}, "decision must be one of 'accept'"),
    ):
        with pytest.raises(GrowLabelsError, match=message):
            filter_rows(train, table, tmp_path / "out", threshold, decisions)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is a file; give a folder"):
        filter_rows(train, table, train)
    assert not list((tmp_path / "out").glob("*"))


def test_rows_that_were_added_are_not_taken_for_malformed_ones(tmp_path: Path) -> None:
    rows = [{"prompt": c, "completion": c * 9} for c in "vwxyz"]
    with pytest.raises(
        DataError, match=r"differ from the scanned rows \(first difference at row 6"
    ):
        filter_rows([*rows, {"prompt": "a", "completion": "b"}], scan(rows), tmp_path, "top:1")
    assert not list(tmp_path.glob("*"))


def test_an_iterator_is_read_once(tmp_path: Path) -> None:
    rows = [{"prompt": c, "completion": c * 3} for c in "abcde"]
    result = filter_rows(iter(rows), scan(rows), tmp_path, "top:1")
    assert isinstance(result, FilterResult)
    assert result.kept + result.rejected == 5
