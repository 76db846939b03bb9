"""Rows are written back in the form they came in, byte for byte where lines are kept."""

import gzip
import io
import json
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from growlabels.base.errors import DataError, UsageError
from growlabels.tables import open_table, write_rows, writer_like

ROWS = [{"a": "x", "b": 1}, {"a": "ü", "b": 2}, {"a": "z", "b": None}]


def copied(path: Path, keep=lambda row: True, extra=(), values=None, **options) -> Path:
    """Write the rows of a file back, or some of them, and return the new file."""
    table = open_table(path, **options)
    out = path.with_name(f"kept{table.ending}")
    with writer_like(table, out, extra) as writer:
        for row in table:
            if keep(row):
                writer.write(row, values)
    assert writer.count == sum(map(keep, open_table(path, **options)))
    return out


TEXTS = [
    ("r.csv", 'a,b\r\n"x",1\r\n\r\n"ü\r\n",2\r\n z ,3'),
    ("r.csv", '\ufeff\na ; b\nx;"1"\n"ü";1,50\n'),
    ("r.tsv", "a\tb\nx\t1\nü\t\n"),
    ("r.jsonl", '{"a":"x" }\r\n\r\n{"a" : "ü", "b":1.50}'),
    ("r.json", '\ufeff{"a":"x"}\n{"a":"\\u00fc"}\n'),
    ("r.json", '[\n\t{"a":1.50},\n\n\t{"a":"ü" } , {"a":2}\n]\n'),
    ("r.json", "[]\n"),
    ("r.json", '{\n"a": 1\n}\n{\n"a": 2}'),
    ("r.txt", "1,5 3:.5 7:1.20\n 2:1\n"),
    ("r.xmc", "2 10 6\r\n1,5 3:.5 7:1.20\r\n 2:1\r\n"),
    ("r.arff", "% c\n@relation r\n@attribute a real\n@data\n% d\n1.50\n\n{}\n{0 2}\n"),
]


@pytest.mark.parametrize(("name", "text"), TEXTS)
@pytest.mark.parametrize("packing", ["", ".gz"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_bytes_are_kept(tmp_path: Path, name: str, text: str, packing: str, encoding: str) -> None:
    text = text.removeprefix("\ufeff") if encoding != "utf-8" else text
    data = text.encode(encoding)
    path = tmp_path / (name + packing)
    path.write_bytes(gzip.compress(data) if packing else data)
    out = copied(path, encoding=encoding)
    assert out.name == f"kept{Path(name).suffix}{packing}"
    written = gzip.decompress(out.read_bytes()) if packing else out.read_bytes()
    blank_lines = name.endswith(("csv", "jsonl", "arff"))  # stand between rows and belong to none
    if not blank_lines:
        assert written == data
    assert [row.data for row in open_table(out, encoding=encoding)] == [
        row.data for row in open_table(path, encoding=encoding)
    ]
    assert [row.raw for row in open_table(out, encoding=encoding)] == [
        row.raw for row in open_table(path, encoding=encoding)
    ]


@given(st.lists(st.integers(0, 3), max_size=6), st.sets(st.integers(1, 6)))
@settings(deadline=None)
def test_any_choice_of_rows_of_an_array(tmp_path_factory, values, chosen) -> None:
    path = tmp_path_factory.mktemp("t") / "r.json"
    path.write_text(json.dumps([{"a": value} for value in values], indent=2))
    out = copied(path, lambda row: row.number in chosen)
    kept = [{"a": value} for number, value in enumerate(values, 1) if number in chosen]
    assert json.loads(out.read_text()) == kept


def test_columns_are_added_and_replaced(tmp_path: Path) -> None:
    new = {"p": 'q, "r"', "b": 7}
    path = tmp_path / "r.csv"
    path.write_bytes(b'a;b\r\n"x";1\r\ny;2')
    out = copied(path, extra=["p", "b"], values=new)
    assert out.read_bytes() == b'a;b;p\r\nx;7;"q, ""r"""\r\ny;7;"q, ""r"""\r\n'
    assert copied(path, extra=["p"], values={"p": None}).read_bytes() == b'a;b;p\r\n"x";1;\r\ny;2;'
    path = tmp_path / "r.jsonl"
    path.write_text('{"a":1.50 }\n{}\n{"b":1}')
    assert copied(path, values=new).read_text() == (
        '{"a":1.50, "p": "q, \\"r\\"", "b": 7}\n{"p": "q, \\"r\\"", "b": 7}\n'
        '{"b": 7, "p": "q, \\"r\\""}'
    )
    path = tmp_path / "r.parquet"
    write_rows(path, ROWS)
    table = parquet.read_table(copied(path, extra=["p", "b"], values=new))
    assert table.to_pylist() == [{**row, **new} for row in ROWS]
    assert table.schema.field("b").type == pyarrow.int64()
    with pytest.raises(UsageError, match="column 'p' was not named when the file was opened"):
        copied(path, values=new)
    path = tmp_path / "r.xmc"
    path.write_text("1 2:3\n")
    with pytest.raises(UsageError, match="columns cannot be added to rows of XMC"):
        copied(path, values=new)


def test_parquet_keeps_schema_types_and_metadata(tmp_path: Path) -> None:
    import datasets

    schema = pyarrow.schema(
        {
            "t": pyarrow.timestamp("ns"),
            "d": pyarrow.decimal128(5, 2),
            "s": pyarrow.dictionary(pyarrow.int8(), pyarrow.string()),
            "l": pyarrow.large_list(pyarrow.int16()),
        },
        {"made by": "hand"},
    )
    column = pyarrow.array([1_000_000_007, None], pyarrow.int64())
    table = pyarrow.table(
        {
            "t": column.cast(schema.field("t").type),
            "d": pyarrow.array([Decimal("1.5"), None], schema.field("d").type),
            "s": pyarrow.array(["x", "y"]).dictionary_encode().cast(schema.field("s").type),
            "l": pyarrow.array([[1], []], schema.field("l").type),
        },
        schema,
    )
    path = tmp_path / "r.parquet"
    parquet.write_table(table, path)
    assert parquet.read_table(copied(path)).equals(parquet.read_table(path), check_metadata=True)
    with (
        pyarrow.OSFile(str(tmp_path / "r.arrow"), "wb") as file,
        pyarrow.ipc.new_stream(file, table.schema) as writer,
    ):
        writer.write_table(table)
    with pyarrow.OSFile(str(copied(tmp_path / "r.arrow"))) as file:
        assert pyarrow.ipc.open_stream(file).read_all().equals(table, check_metadata=True)
    features = datasets.Features(
        {"a": datasets.Value("string"), "y": datasets.ClassLabel(names=["no", "yes"])}
    )
    rows = [{"a": "x", "y": 1}, {"a": "y", "y": -1}]
    dataset = datasets.Dataset.from_list(rows, features=features)
    dataset.to_parquet(path)
    back = datasets.Dataset.from_parquet(
        str(copied(path, extra=["p"], values={"p": 1.5})), cache_dir=str(tmp_path / "cache")
    )
    assert back.features == {**features, "p": datasets.Value("float64")}
    assert back.to_list() == [{**row, "p": 1.5} for row in rows]


def test_a_saved_dataset_stays_one(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features(
        {"a": datasets.Value("int32"), "y": datasets.ClassLabel(names=["no", "yes"])}
    )
    dataset = datasets.Dataset.from_list([{"a": i, "y": i % 2} for i in range(9)], features)
    dataset.save_to_disk(tmp_path / "saved", num_shards=3)
    out = copied(tmp_path / "saved", lambda row: row.number > 4, ["p"], {"p": "q"})
    back = datasets.load_from_disk(str(out))
    assert back.to_list() == [{"a": i, "y": i % 2, "p": "q"} for i in range(4, 9)]
    assert back.features == {**features, "p": datasets.Value("string")}
    datasets.DatasetDict({"train": dataset}).save_to_disk(tmp_path / "many")
    with pytest.raises(UsageError, match=r"holds several datasets; give one: '.*many/train'"):
        open_table(tmp_path / "many")
    assert len(list(open_table(tmp_path / "many" / "train"))) == 9


def test_a_folder_of_shards_stays_one(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    (folder / "more").mkdir(parents=True)
    (folder / "README.md").write_text("words")
    (folder / ".hidden.jsonl").write_text("x")
    for number in (1, 2, 10):
        where = folder / ("more" if number == 2 else "") / f"part-{number}.jsonl"
        where.write_text(f'{{"n": {number}}}\nbad\n{{"n": {number}.5}}\n')
    bad = []
    table = open_table(folder, set_aside=bad.append)
    assert (table.ending, table.place) == ("", "line")
    with writer_like(table, tmp_path / "kept") as out:
        for row in table:
            if row.data["n"] != 2:
                out.write(row)
    assert [row.data["n"] for row in open_table(tmp_path / "kept")] == [2.5, 1, 1.5, 10, 10.5]
    assert (tmp_path / "kept/more/part-2.jsonl").read_text() == '{"n": 2.5}\n'
    assert [row.number for row in bad] == [2, 5, 8]
    assert bad[2].reason.endswith(f"({folder}/part-10.jsonl line 2)")
    assert table.at(7) == f"{folder}/part-10.jsonl line 1"
    some = open_table(str(folder / "part-*.jsonl"), set_aside=bad.append)
    assert [row.data["n"] for row in some] == [1, 1.5, 10, 10.5]
    there = pytest.raises(UsageError, match="is there already; choose another folder")
    with there, writer_like(table, tmp_path / "kept"):
        pass


def test_folders_of_several_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train-0.csv").write_text("a\n1\n")
    (tmp_path / "test-0.csv").write_text("a\n1\n")
    with pytest.raises(UsageError, match=r"several splits \(test, train\).*pattern such"):
        open_table(tmp_path)
    assert len(list(open_table(str(tmp_path / "train-*.csv")))) == 1
    (tmp_path / "train-1.jsonl").write_text("{}")
    with pytest.raises(UsageError, match=r"several formats \(.csv, .jsonl\)"):
        open_table(tmp_path)
    (tmp_path / "train-1.csv").write_text("b\n1\n")
    with pytest.raises(DataError, match=r"train-1.csv has other columns than train-0.csv"):
        open_table(str(tmp_path / "train-*.csv"))


@pytest.mark.parametrize("ending", [".csv", ".tsv.gz", ".jsonl", ".json", ".parquet", ".arrow.zst"])
def test_rows_are_converted_by_the_ending(tmp_path: Path, ending: str) -> None:
    table = open_table(ROWS)
    with writer_like(table, tmp_path / f"r{ending}", ["p"]) as out:
        for row in table:
            out.write(row, {"p": [1, 2]})
    rows = [dict(row.data) for row in open_table(tmp_path / f"r{ending}")]
    if "sv" in ending:
        assert rows[0] == {"a": "x", "b": "1", "p": "[1, 2]"}
        assert rows[2]["b"] is None
    else:
        assert rows == [{**row, "p": [1, 2]} for row in ROWS]


def test_what_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("{}\n")
    itself = pytest.raises(UsageError, match="is the table itself; write to another file")
    with itself, writer_like(open_table(path), path):
        pass
    with pytest.raises(UsageError, match=r"out must end in one of \.csv"):
        write_rows(tmp_path / "r.xls", ROWS)
    with pytest.raises(DataError, match="row 2 has the column 'c', which the first row does not"):
        write_rows(tmp_path / "r.csv", [{"a": 1}, {"a": 1, "c": 2}])
    for value in ("x", object()):
        with pytest.raises(DataError, match="cannot be written as Parquet"):
            write_rows(tmp_path / "r.parquet", [{"a": 1}, {"a": value}])
    (tmp_path / "l.csv").write_bytes("a,b\né,1\n".encode("cp1252"))
    with pytest.raises(DataError, match="cp1252 has no letter 'ж'; write another encoding"):
        copied(tmp_path / "l.csv", extra=["p"], values={"p": "ж"}, encoding="cp1252")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["l.csv", "r.jsonl"]


def test_half_letters_from_broken_text_survive(tmp_path: Path) -> None:
    rows = [{"a": "\ud800 and \udfff"}]
    write_rows(tmp_path / "a.jsonl", rows)
    assert [row.data for row in open_table(tmp_path / "a.jsonl")] == rows


def test_a_half_read_pipe_is_written_as_it_came(tmp_path: Path) -> None:
    data = b'a|b\r\nx|1\r\n"y"|2\r\n'
    table = open_table(io.BytesIO(data))
    assert table.ending == ".csv"
    with writer_like(table, tmp_path / "r.csv") as out:
        for row in table:
            out.write(row)
    assert (tmp_path / "r.csv").read_bytes() == data
