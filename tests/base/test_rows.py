"""Every row of the input comes out once."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growlabels.base.errors import DataError, UsageError
from growlabels.base.rows import (
    MalformedRow,
    read_rows,
    shard,
    write_jsonl,
    write_parquet,
)

row = st.dictionaries(st.text(min_size=1), st.one_of(st.text(), st.integers(), st.none()))


@given(st.lists(row, max_size=8))
def test_ids_are_unique_and_follow_content(rows: list[dict]) -> None:
    read = list(read_rows(rows))
    assert [r.data for r in read] == rows
    assert len({r.id for r in read}) == len(rows)
    backwards = list(read_rows(rows[::-1]))
    assert {r.id for r in backwards} == {r.id for r in read}


@pytest.mark.parametrize("write, ending", [(write_jsonl, "jsonl"), (write_parquet, "parquet")])
def test_round_trip(tmp_path: Path, write, ending: str) -> None:
    rows = [{"prompt": "ä\u2028b", "n": 1, "messages": [{"role": "user"}]}] * 3
    path = tmp_path / f"rows.{ending}"
    assert write(path, rows) == 3
    assert [r.data for r in read_rows(path)] == rows
    assert [r.id for r in read_rows(path)] == [r.id for r in read_rows(rows)]


def test_malformed_rows_are_set_aside_with_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"a": 1}\n\n{"a": \n[1]\nnull\n"x"\n{"a": "\xff"}\n'
        + b"[" * 99_999
        + b'\n{"a": 2}\r\n'
    )
    aside: list[MalformedRow] = []
    good = list(read_rows(path, aside.append))
    assert [(r.number, r.data["a"]) for r in good] == [(1, 1), (9, 2)]
    assert [m.number for m in aside] == [3, 4, 5, 6, 7, 8]
    for found, expected in zip(
        aside, ["broken JSON", "a list", "null", "a string", "UTF-8 at byte 7", ""], strict=True
    ):
        assert expected in found.reason


def test_without_set_aside_the_first_malformed_row_raises(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a"\n')
    with pytest.raises(DataError, match=r"rows\.jsonl line 2: broken JSON"):
        list(read_rows(path))
    with pytest.raises(DataError, match="input row 1: is int, not an object"):
        list(read_rows([3]))  # type: ignore[list-item]


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        list(read_rows(tmp_path / "no.jsonl"))
    with pytest.raises(UsageError, match=r"is a folder; give the path of a file$"):
        list(read_rows(tmp_path))
    (tmp_path / "rows.txt").write_text("x")
    with pytest.raises(UsageError, match=r"must end in \.jsonl"):
        list(read_rows(tmp_path / "rows.txt"))
    (tmp_path / "rows.json").write_text("[]")
    with pytest.raises(UsageError, match="one object a line, for example with"):
        list(read_rows(tmp_path / "rows.json"))
    (tmp_path / "state.json").touch()  # as a saved Hugging Face dataset has
    with pytest.raises(UsageError, match=r"path of a file, which load_from_disk\(folder\)"):
        list(read_rows(tmp_path))
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        list(read_rows(tmp_path / "rows.parquet"))


@given(st.integers(0, 500), st.integers(1, 40))
def test_shards_are_disjoint_and_together_everything(count: int, shards: int) -> None:
    joined = [i for k in range(shards) for i in shard(count, k, shards)]
    assert joined == list(range(count))


def test_numbers_of_numpy_are_written_as_numbers(tmp_path: Path) -> None:
    row = {"a": np.float32(1.5), "b": np.arange(2), "c": np.int64(3), "d": np.bool_(True)}
    write_jsonl(tmp_path / "A.JSONL", [row])
    assert [r.data for r in read_rows(tmp_path / "A.JSONL")] == [
        {"a": 1.5, "b": [0, 1], "c": 3, "d": True}
    ]


def test_a_parquet_row_that_is_no_text_is_set_aside(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    _, offsets, _ = pyarrow.array(["one", "two", "ten"]).buffers()
    text = pyarrow.py_buffer(b"onetw\xfften")
    column = pyarrow.Array.from_buffers(pyarrow.utf8(), 3, [None, offsets, text])
    parquet.write_table(pyarrow.table({"a": column}), tmp_path / "rows.parquet")
    bad: list[MalformedRow] = []
    rows = list(read_rows(tmp_path / "rows.parquet", bad.append))
    assert [(row.number, row.data["a"]) for row in rows] == [(1, "one"), (3, "ten")]
    assert [(row.number, row.reason) for row in bad] == [(2, "invalid UTF-8 at byte 2")]
    with pytest.raises(DataError, match="row 2: invalid UTF-8"):
        list(read_rows(tmp_path / "rows.parquet"))


def test_a_parquet_file_that_is_damaged_inside(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_parquet(path, [{"a": f"{place} words"} for place in range(500)])
    data = bytearray(path.read_bytes())
    data[100:160] = b"\xff" * 60
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"rows.parquet is not a readable Parquet file"):
        list(read_rows(path))


@pytest.mark.parametrize("rows", [[{"a": 1}, {"a": "x"}], [{"a": "\ud800"}], [{"a": object()}]])
def test_what_parquet_cannot_hold_is_one_sentence(tmp_path: Path, rows: list[dict]) -> None:
    with pytest.raises(DataError, match="cannot be written as Parquet"):
        write_parquet(tmp_path / "a.parquet", rows)
    assert list(tmp_path.iterdir()) == []


def test_shard_out_of_range() -> None:
    with pytest.raises(UsageError, match="shards must be at least 1, it was 0"):
        shard(5, 0, 0)
    with pytest.raises(UsageError, match="shard index must be from 0 to 1"):
        shard(5, 2, 2)


def test_written_lines_are_one_json_object_each(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"a": "x\ny"}, {}])
    lines = (tmp_path / "a.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"a": "x\ny"}, {}]


def test_half_letters_from_broken_text_survive(tmp_path: Path) -> None:
    rows = [{"a": "\ud800 and \udfff"}]
    write_jsonl(tmp_path / "a.jsonl", rows)
    assert [row.data for row in read_rows(tmp_path / "a.jsonl")] == rows
