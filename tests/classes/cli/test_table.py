"""Tables by column: what is read, what is refused and where."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.cli.table import read_table
from growlabels.tables import write_rows


def table_of(tmp_path: Path, text: str, name: str = "t.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8"))
    return read_table(path)


def test_csv_with_quotes_marks_and_empty_lines(tmp_path: Path) -> None:
    table = table_of(tmp_path, '\ufeffa,b,c\r\n1,"x, ""y""",t\r\n\r\n2.5,"two\nlines",u\r\n')
    assert table.numeric(without="c") == ["a"]
    assert table.texts("b") == ['x, "y"', "two\nlines"]
    assert table.matrix(["a"]).tolist() == [[1.0], [2.5]]
    assert table.labels("c").tolist() == ["t", "u"]
    assert table.numbers == [2, 4]


def test_labels_stay_whole_numbers_only_where_all_are(tmp_path: Path) -> None:
    rows = '{"a": 3, "b": 1, "c": true}\n{"a": 4, "b": "x", "c": false}\n'
    table = table_of(tmp_path, rows, "t.jsonl")
    assert table.labels("a").dtype.kind == "i"
    assert table.labels("b").tolist() == ["1", "x"]
    assert table.labels("c").tolist() == ["True", "False"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("t.csv", "", "t.csv is empty"),
        ("t.csv", "a,b\n", "t.csv holds no rows"),
        ("t.jsonl", "", "t.jsonl holds no rows"),
        ("t.csv", "a,b\n1,2\n1,2,3\n", "t.csv line 3: has 3 cells for 2 columns"),
        ("t.csv", "a,b,a\n1,2,3\n", "has two columns named 'a'"),
        ("t.csv", 'a,b\n1,"2\n', "t.csv line 2: a quote is left open"),
        ("t.jsonl", '{"a": 1}\n{"a": \n', "t.jsonl line 2: broken JSON"),
        ("t.jsonl", "{}\n[1]\n", "line 2: is a list, not an object"),
    ],
)
def test_broken_files(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        table_of(tmp_path, text, name)


def test_wrong_encoding_and_wrong_ending(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a\n\xff\n")
    with pytest.raises(DataError, match="line 2: invalid UTF-8"):
        read_table(tmp_path / "t.csv")
    (tmp_path / "t.xlsx").write_bytes(b"")
    with pytest.raises(UsageError, match=r"must end in one of \.csv .*save the sheet as CSV"):
        read_table(tmp_path / "t.xlsx")


@pytest.mark.parametrize("text", ["a;'b, c'\n1;x,y\n", "a\t'b, c'\n1\tx,y\n", "a|'b, c'\n1|x,y\n"])
def test_semicolons_tabs_and_bars_separate_too(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text("\ufeff" + text.replace("'", '"'), encoding="utf-8")
    assert dict(read_table(tmp_path / "t.csv").columns) == {"a": ["1"], "b, c": ["x,y"]}


def test_missing_and_infinite_values_are_named(tmp_path: Path) -> None:
    table = table_of(tmp_path, "a,b,c\n1,x,inf\n,,2\n")
    assert table.numeric(without="") == ["a", "c"]
    np.testing.assert_array_equal(table.matrix(["a"]), [[1], [np.nan]])
    with pytest.raises(DataError, match="csv row 3: column 'b' is empty"):
        table.labels("b")
    with pytest.raises(
        DataError, match=r"row 2: column 'c' must hold finite numbers up to 1e.100, it was 'inf'"
    ):
        table.matrix(["c"])


@pytest.mark.parametrize("value", ["", None, ["a"], {"a": 1}])
def test_what_is_no_label_is_refused(tmp_path: Path, value: object) -> None:
    write_rows(tmp_path / "t.jsonl", [{"a": "x"}, {"a": value}])
    with pytest.raises(DataError, match=r"row 2: column 'a' (is empty|must hold text or numbers)"):
        read_table(tmp_path / "t.jsonl").labels("a")


def test_a_column_mostly_of_numbers_names_its_odd_cell(tmp_path: Path) -> None:
    table = table_of(tmp_path, "a,b\n1,x\nNA,2\n,y\n3,z\n")
    assert (table.odd_cell("a"), table.odd_cell("b")) == ((3, "NA"), None)
    assert table.labels("b").tolist() == ["x", "2", "y", "z"]


def test_whole_numbers_beyond_64_bits_are_labels_too(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.jsonl", [{"a": 1}, {"a": 10**30}])
    assert read_table(tmp_path / "t.jsonl").labels("a").tolist() == [1, 10**30]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_written_tables_are_read_back(tmp_path: Path, ending: str) -> None:
    rows = [{"a": "x,y", "b": 1.5}, {"a": "\n", "b": 2.0}, {"a": "語", "b": -1.0}]
    write_rows(tmp_path / f"t.{ending}", rows)
    table = read_table(tmp_path / f"t.{ending}")
    assert table.columns["a"][::2] == ["x,y", "語"]
    np.testing.assert_array_equal(table.matrix(["b"])[:, 0], [1.5, 2.0, -1.0])


def test_vectors_beside_numbers_and_missing_values(tmp_path: Path) -> None:
    rows = '{"v": [1, 2.5], "a": 3, "c": [1, "x"]}\n{"v": null, "a": null, "c": 1}\n'
    table = table_of(tmp_path, rows, "t.jsonl")
    assert table.numeric(without="") == ["v", "a"]
    np.testing.assert_array_equal(table.matrix(["v", "a"]), [[1, 2.5, 3], [np.nan, np.nan, np.nan]])
    written = table_of(tmp_path, 'v,c\n"[1, 2]",[\n"[3, 4]",[1]\n')
    assert written.numeric(without="") == ["v"]
    assert written.matrix(["v"]).tolist() == [[1, 2], [3, 4]]
    uneven = table_of(tmp_path, '{"v": [1, 2]}\n{"v": [1]}\n', "u.jsonl")
    with pytest.raises(DataError, match="row 2: column 'v' holds 1 numbers, the rows before 2"):
        uneven.matrix(["v"])


def test_decimals_of_parquet_are_numbers(tmp_path: Path) -> None:
    prices = pa.array([Decimal("1.25"), None, Decimal("-3.50")], pa.decimal128(6, 2))
    pq.write_table(pa.table({"price": prices, "kind": ["a", "b", "a"]}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.numeric("kind") == ["price"]
    np.testing.assert_array_equal(table.matrix(["price"])[:, 0], [1.25, np.nan, -3.5])


def test_decimal_commas_are_numbers(tmp_path: Path) -> None:
    table = table_of(tmp_path, "x;label\n-0,5;down\n2,25;up\n;up\n")
    assert table.numeric("label") == ["x"]
    np.testing.assert_array_equal(table.matrix(["x"])[:, 0], [-0.5, 2.25, np.nan])


@pytest.mark.parametrize("name", ["t.CSV", "t.tsv.gz", "t.json", "t.arrow", "t.jsonl.zst"])
def test_tables_of_other_kinds(tmp_path: Path, name: str) -> None:
    write_rows(tmp_path / name, [{"a": 1.5, "b": "x"}, {"a": 2.5, "b": "y"}])
    table = read_table(tmp_path / name)
    assert table.matrix(["a"]).tolist() == [[1.5], [2.5]]
    assert table.labels("b").tolist() == ["x", "y"]
