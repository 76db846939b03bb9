"""Every kind of source gives the same rows, and what is wrong with it is one sentence."""

import bz2
import gzip
import io
import json
import lzma
import os
import threading
from pathlib import Path

import numpy as np
import pandas
import polars
import pyarrow
import pytest
import zstandard
from pyarrow import parquet

from growlabels.base.errors import DataError, UsageError
from growlabels.tables import MalformedRow, open_table, row_ids, write_rows

ROWS = [{"a": "x", "b": "ü, 1"}, {"a": "y", "b": 'say "z"\nagain'}]
CSV = 'a,b\nx,"ü, 1"\ny,"say ""z""\nagain"\n'
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
TEXTS = [
    ("r.csv", CSV, "csv"),
    ("r.CSV", CSV.replace("\n", "\r\n").replace('z""\r\n', 'z""\n'), "csv"),
    (
        "r.tsv",
        CSV.replace('x,"ü, 1"', "x\tü, 1").replace("a,b", "a\tb").replace("y,", "y\t"),
        "csv",
    ),
    ("r.txt", CSV.replace(",", ";").replace("ü;", "ü,"), "csv"),
    ("r.psv", CSV.replace(",", "|").replace("ü|", "ü,"), "csv"),
    ("r.csv", "\ufeff" + CSV, "csv"),
    ("r.csv", "\n" + CSV + "\n", "csv"),
    ("r.jsonl", LINES, "jsonl"),
    ("r.ndjson", "\n" + LINES.replace("\n", "\r\n"), "jsonl"),
    ("r.json", LINES, "jsonl"),
    ("r.json", json.dumps(ROWS), "json"),
    ("r.json", json.dumps(ROWS, indent=2) + "\n", "json"),
    ("r.json", "\ufeff " + json.dumps(ROWS, indent=1), "json"),
    ("r.jsonl", json.dumps(ROWS), "json"),
    ("r.json", "\n\n".join(json.dumps(row, indent=2) for row in ROWS), "json"),
    ("r.dat", LINES, "jsonl"),
    ("r", json.dumps(ROWS, indent=2), "json"),
]


def read(source, **options):
    return [dict(row.data) for row in open_table(source, **options)]


@pytest.mark.parametrize(("name", "text", "form"), TEXTS)
@pytest.mark.parametrize("packing", ["", *PACK, ".GZ"])
def test_text(tmp_path: Path, name: str, text: str, form: str, packing: str) -> None:
    data = text.encode()
    path = tmp_path / (name + packing)
    path.write_bytes(PACK[packing.lower()](data) if packing else data)
    table = open_table(path)
    assert table.format == form
    assert [row.data for row in table] == ROWS == [row.data for row in table]
    assert table.head(1)[0].data == ROWS[0]
    assert table.kept == 2
    assert table.aside == 0


@pytest.mark.parametrize(("name", "text", "form"), TEXTS)
def test_standard_input(monkeypatch, name: str, text: str, form: str) -> None:
    for data in (text.encode(), gzip.compress(text.encode())):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        table = open_table("-")
        assert (table.name, table.format, table.one_pass) == ("standard input", form, True)
        assert table.head(1)[0].data == ROWS[0] == table.head(1)[0].data
        assert [row.data for row in table] == ROWS
        with pytest.raises(UsageError, match="standard input can be read once only"):
            list(table)
        assert read(io.BytesIO(data)) == ROWS


@pytest.mark.parametrize("text", [CSV, LINES])
def test_a_live_pipe_gives_each_row_as_soon_as_it_is_whole(text: str) -> None:
    receive, send = os.pipe()
    got: list = []
    first, last = text.encode()[:-5], text.encode()[-5:]
    with os.fdopen(receive, "rb") as source, os.fdopen(send, "wb", buffering=0) as sink:
        sink.write(first)
        seen = threading.Event()

        def consume() -> None:
            for row in open_table(source):
                got.append(row.data)
                seen.set()

        reader = threading.Thread(target=consume)
        reader.start()
        assert seen.wait(60)
        sink.write(last)
        sink.close()
        reader.join(60)
    assert got == ROWS


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".feather", ".csv", ".jsonl", ".json"])
def test_written_rows_come_back(tmp_path: Path, ending: str, packing: str) -> None:
    path = tmp_path / f"r{ending}{packing}"
    assert write_rows(path, ROWS) == 2
    assert read(path) == ROWS
    with path.open("rb") as file:
        assert read(io.BytesIO(file.read())) == ROWS


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(("name", "text", "form"), TEXTS)
def test_no_cut_of_the_bytes_matters(name: str, text: str, form: str, size: int) -> None:
    class Slow(io.BytesIO):
        def read1(self, _=-1):
            return super().read1(size)

    table = open_table(Slow(text.encode()))
    assert (table.format, [row.data for row in table]) == (form, ROWS)


def test_frames_and_datasets() -> None:
    import datasets

    for frame in (pandas.DataFrame(ROWS), polars.DataFrame(ROWS), polars.LazyFrame(ROWS)):
        assert read(frame) == ROWS
    table = pyarrow.Table.from_pylist(ROWS)
    assert read(table) == read(table.to_batches()[0]) == read(table.to_reader()) == ROWS
    assert read(datasets.Dataset.from_list(ROWS)) == ROWS
    assert read(iter(ROWS)) == ROWS
    assert read(pandas.DataFrame({1: [2.5], "b": ["x"]})) == [{"1": 2.5, "b": "x"}]


def test_what_a_frame_misses_is_none() -> None:
    frame = pandas.DataFrame(
        {
            "a": [1.5, float("nan")],
            "b": ["x", None],
            "c": pandas.array([1, None], dtype="Int64"),
            "d": pandas.to_datetime(["2020-01-01", None]),
            "e": [float("nan"), "y"],
        }
    )
    first, last = read(frame)
    assert (first["a"], first["b"], first["c"], first["e"]) == (1.5, "x", 1, None)
    assert last == {"a": None, "b": None, "c": None, "d": None, "e": "y"}
    assert read(polars.DataFrame({"a": [1.0, None, float("nan")]})) == [
        {"a": 1.0}, {"a": None}, {"a": None}
    ]  # fmt: skip


def test_class_labels_are_names_and_minus_one_is_none(tmp_path: Path) -> None:
    import datasets

    names = datasets.ClassLabel(names=["cat", "dog"])
    features = datasets.Features(
        {"y": names, "many": datasets.List(names), "in": {"y": names}, "n": datasets.Value("int64")}
    )
    rows = [
        {"y": 1, "many": [0, 1], "in": {"y": 0}, "n": 1},
        {"y": -1, "many": [], "in": {"y": -1}, "n": 0},
        {"y": None, "many": None, "in": {"y": None}, "n": 0},
    ]
    wanted = [
        {"y": "dog", "many": ["cat", "dog"], "in": {"y": "cat"}, "n": 1},
        {"y": None, "many": [], "in": {"y": None}, "n": 0},
        {"y": None, "many": None, "in": {"y": None}, "n": 0},
    ]
    dataset = datasets.Dataset.from_list(rows, features=features)
    assert read(dataset) == wanted
    dataset.to_parquet(tmp_path / "r.parquet")
    assert read(tmp_path / "r.parquet") == wanted
    dataset.save_to_disk(tmp_path / "saved")
    assert read(tmp_path / "saved") == wanted
    features["y"] = datasets.ClassLabel(names=["cat"])
    bad: list[MalformedRow] = []
    column = pyarrow.table({"y": [0, 1]}).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": {"y": features["y"].__dict__}}})}
    )
    metadata = {"info": {"features": {"y": {"_type": "ClassLabel", "names": ["cat"]}}}}
    column = column.replace_schema_metadata({"huggingface": json.dumps(metadata)})
    assert read(column, set_aside=bad.append) == [{"y": "cat"}]
    assert bad[0].reason == "column 'y': label 1 is beyond the 1 names of the dataset"


def test_what_cannot_be_opened(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(UsageError, match=r"file '.*no.csv' does not exist"):
        open_table(tmp_path / "no.csv")
    for name, way_out in [
        ("a.xlsx", "save the sheet as CSV"),
        ("a.zip", "unzip it"),
        ("a.pkl", "a pickle can run code"),
        ("a.md", "rename it, or say its format"),
    ]:
        (tmp_path / name).write_text("x")
        with pytest.raises(UsageError, match=rf"file must end in one of \.csv .*{way_out}"):
            open_table(tmp_path / name)
    with pytest.raises(UsageError, match="holds no file that is a table"):
        open_table(tmp_path)
    with pytest.raises(UsageError, match="encoding must be the name of an encoding"):
        open_table(ROWS, encoding="utf-9")
    with pytest.raises(UsageError, match="encoding must be the name of an encoding"):
        open_table(ROWS, encoding="base64")
    with pytest.raises(UsageError, match="format must be one of 'csv', 'jsonl'"):
        open_table(ROWS, format="xls")
    with pytest.raises(UsageError, match="set_aside must be"):
        open_table(ROWS, set_aside=5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"not dict; give one of its parts \('train'\)"):
        open_table({"train": ROWS})
    with pytest.raises(UsageError, match=r"not int"):
        open_table(5)  # type: ignore[arg-type]
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DataError, match="standard input is closed"):
        open_table("-")
    for name in ("a.csv", "a.csv.gz", "a.txt"):
        (tmp_path / name).write_text("\n\n")
        with pytest.raises(DataError, match=f"{name} is empty"):
            open_table(tmp_path / name)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        open_table(tmp_path / "a.parquet")


@pytest.mark.parametrize("packing", PACK)
def test_packed_files_that_are_cut_off(tmp_path: Path, packing: str) -> None:
    values = np.random.default_rng(0).integers(0, 1 << 60, 5000)
    whole = PACK[packing]("".join(f'{{"a": {value}}}\n' for value in values).encode())
    path = tmp_path / f"r.jsonl{packing}"
    path.write_bytes(whole[: len(whole) // 2])
    table = open_table(path)
    with pytest.raises(DataError, match=r"after line \d+: the .* stream is cut off or damaged"):
        list(table)
    path.write_bytes(whole + whole)  # two packed parts, one after the other
    assert len(read(path)) == 10_000


def test_ids_are_unique_and_follow_content() -> None:
    name, back = row_ids(), row_ids()
    rows = [{"a": 1}, {"a": 2}, {"a": 1}]
    ids = [name(row) for row in rows]
    assert len(set(ids)) == 3
    assert {back(row) for row in rows[::-1]} == set(ids)


def test_bad_rows_of_memory(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="rows row 1: is int, not an object; mend or remove"):
        list(open_table([3]))  # type: ignore[list-item]
    bad: list[MalformedRow] = []
    assert read([{"a": 1}, 3, {"a": 2}], set_aside=bad.append) == [{"a": 1}, {"a": 2}]
    assert bad == [MalformedRow(2, "is int, not an object", "3")]


def test_a_parquet_row_that_is_no_text_is_set_aside(tmp_path: Path) -> None:
    _, offsets, _ = pyarrow.array(["one", "two", "ten"]).buffers()
    text = pyarrow.py_buffer(b"onetw\xfften")
    column = pyarrow.Array.from_buffers(pyarrow.utf8(), 3, [None, offsets, text])
    parquet.write_table(pyarrow.table({"a": column}), tmp_path / "rows.parquet")
    bad: list[MalformedRow] = []
    rows = list(open_table(tmp_path / "rows.parquet", set_aside=bad.append))
    assert [(row.number, row.data["a"]) for row in rows] == [(1, "one"), (3, "ten")]
    assert [(row.number, row.reason) for row in bad] == [(2, "column 'a': invalid UTF-8 at byte 2")]
    with pytest.raises(DataError, match="row 2: column 'a': invalid UTF-8"):
        read(tmp_path / "rows.parquet")


def test_a_parquet_file_that_is_damaged_inside(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_rows(path, [{"a": f"{place} words"} for place in range(500)])
    data = bytearray(path.read_bytes())
    data[100:160] = b"\xff" * 60
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"rows.parquet is not a readable Parquet file"):
        read(path)


def test_parquet_columns_of_one_name(tmp_path: Path) -> None:
    table = pyarrow.Table.from_arrays([pyarrow.array([1.0])] * 2, ["a", "a"])
    parquet.write_table(table, tmp_path / "r.parquet")
    with pytest.raises(DataError, match="has two columns named 'a'; rename one"):
        open_table(tmp_path / "r.parquet")


def test_a_parquet_file_whose_metadata_is_not_utf_8(tmp_path: Path) -> None:
    table = pyarrow.table({"a": [1, 2]})
    odd = {b"huggingface": b"\xff\xfe{", b"pandas": b"\xff", b"k\xff": b"v"}
    parquet.write_table(table.replace_schema_metadata(odd), tmp_path / "m.parquet")
    assert [row.data for row in open_table(tmp_path / "m.parquet")] == [{"a": 1}, {"a": 2}]
