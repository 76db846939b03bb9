"""Files become streams, and what is wrong with a file is said in one sentence."""

import gzip
import io
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.stream.files.read import read_stream
from growlabels.stream.rows.array_rows import ArrayRows
from growlabels.tables import write_rows

WANTED = [({"a": 1.0, "b": 2.0}, {"t": True}), ({"a": 3.0, "b": 0.0}, {"t": False})]
ARFF = "@relation r\n@attribute a numeric\n@attribute b numeric\n@attribute t {0,1}\n@data\n"
CSV = "a,b,t\n1,2,1\n3,,0\n"
JSONL = [
    {"x": {"a": 1, "b": 2}, "y": ["t"]},
    {"x": {"a": 3, "b": None}, "y": []},
]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "text", "labels"),
    [
        ("s.csv", CSV, "1"),
        ("s.csv.gz", CSV, "t"),
        ("s.tsv", CSV.replace(",", "\t"), "prefix:t"),
        ("s.csv", CSV.replace(",", ";"), "1"),
        ("s.csv", '\n"a";b;"t"\n1;2;1\n3;;0\n', "t"),
        ("s.csv.gz", CSV.replace(",", "\t"), "1"),
        ("s.csv", "t,a,b\n1,1,2\n0,3,0\n", "first-1"),
        ("s.csv", "\ufeff" + CSV.replace("\n", "\r\n"), "last-1"),
        ("s.arff", ARFF + "1,2,1\n3,?,0\n", "1"),
        ("s.arff", ARFF + "1,2,1\n3,?,0\n", "t"),
        ("s.arff.gz", ARFF + "1,2,1\n3,0,0\n", "prefix:t"),
        ("s.arff", ARFF.replace("@relation r", "@relation 'r: -C -1'") + "1,2,1\n3,0,0\n", None),
    ],
)
def test_tables(write, name, text, labels):
    rows = read_stream(write(name, text), labels)
    assert isinstance(rows, ArrayRows)
    assert list(rows) == WANTED


def test_sparse_arff(write):
    rows = read_stream(write("s.arff", ARFF + "{0 1,1 2,2 1}\n{0 3}\n"), "1")
    assert list(rows) == [WANTED[0], ({"a": 3.0}, {"t": False})]


@pytest.mark.parametrize(
    "body", ["1,2,1\n3,4,?\n5,6,0\n", "{0 1,1 2,2 1}\n{0 3,1 4,2 ?}\n{0 5,1 6}\n"]
)
def test_arff_label_that_is_not_known(write, body):
    rows = list(read_stream(write("s.arff", ARFF + body), "1"))
    assert rows[0] == WANTED[0] and rows[1] == ({"a": 3.0, "b": 4.0}, None)
    assert rows[2] == ({"a": 5.0, "b": 6.0}, {"t": False})


@pytest.mark.parametrize("word", ["NA", "NaN", "null", "None", "N/A", "<NA>", "#N/A"])
def test_words_for_a_missing_number(write, word):
    rows = read_stream(write("s.csv", f"a,b,t\n1,{word},1\n"), "1")
    assert list(rows) == [({"a": 1.0, "b": 0.0}, {"t": True})]


def test_words_for_truth(write):
    rows = list(read_stream(write("s.csv", "a,b,t\nTrue,2,Y\nfalse,2,N\n"), "t"))
    assert rows == [({"a": 1.0, "b": 2.0}, {"t": True}), ({"a": 0.0, "b": 2.0}, {"t": False})]


@pytest.mark.parametrize("word", ["NaN", "None", "null", "<NA>"])
def test_a_word_for_missing_is_no_label(write, word):
    text = "a,tags\n" + f"1,r;sql\n2,{word}\n3,sql\n" * 5
    found = [y for _, y in read_stream(write("s.csv", text), "tags")]
    assert found[:3] == [{"r": True, "sql": True}, None, {"sql": True}]


def test_values_in_the_names_of_folders_are_said_to_be_unread(tmp_path):
    for part in "ab":
        (tmp_path / f"kind={part}").mkdir()
        (tmp_path / f"kind={part}" / "p.csv").write_text("x,t\n1,1\n")
    said = []
    assert len(list(read_stream(tmp_path, "t", say=said.append))) == 2
    assert any("values of 'kind' in the names of folders are not read" in one for one in said)


def test_json_rows(write):
    rows = list(read_stream(write("s.jsonl", lines(JSONL))))
    assert rows == [WANTED[0], ({"a": 3.0}, {})]


def test_gzipped_json_rows_and_a_cut_off_one(write, tmp_path):
    path = write("s.jsonl.gz", lines(JSONL) * 400)
    assert len(list(read_stream(path))) == 800
    (tmp_path / "cut.jsonl.gz").write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"after line .* the gzip stream is cut off or damaged"):
        list(read_stream(tmp_path / "cut.jsonl.gz"))


def test_parquet_rows(tmp_path):
    nested, flat = tmp_path / "n.parquet", tmp_path / "f.parquet"
    write_rows(nested, JSONL)
    assert list(read_stream(nested)) == [WANTED[0], ({"a": 3.0}, {})]
    write_rows(flat, [{**x, "t": int(y["t"])} for x, y in WANTED])
    for labels in ("1", "t", "prefix:t", "last-1"):
        assert list(read_stream(flat, labels)) == WANTED
    with pytest.raises(UsageError, match="no column 'u'"):
        list(read_stream(flat, "u"))
    write_rows(flat, [{"a": 1.0, "t": 1}, {"a": float("nan"), "t": 1}])
    with pytest.raises(DataError, match="row 2: feature 'a' must be a finite number"):
        list(read_stream(flat, "1"))
    (tmp_path / "no.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        list(read_stream(tmp_path / "no.parquet", "1"))


def test_parquet_maps_decimals_and_columns_named_twice(tmp_path):
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "m.parquet"
    kinds = pyarrow.string(), pyarrow.float64(), pyarrow.bool_()
    x = pyarrow.array([[("a", 1.0), ("b", 2.0)], []], pyarrow.map_(kinds[0], kinds[1]))
    y = pyarrow.array([[("t", True)], [("t", False)]], pyarrow.map_(kinds[0], kinds[2]))
    parquet.write_table(pyarrow.table({"x": x, "y": y}), path)
    assert list(read_stream(path)) == [WANTED[0], ({}, {"t": False})]
    twice = pyarrow.array([[("a", 1.0), ("a", 2.0)]], x.type)
    parquet.write_table(pyarrow.table({"x": twice, "y": y[:1]}), path)
    with pytest.raises(DataError, match=r"m.parquet row 1: duplicate key 'a'"):
        list(read_stream(path))
    parquet.write_table(pyarrow.table({"a": [Decimal("1.5")], "t": [True]}), path)
    assert list(read_stream(path, "t")) == [({"a": 1.5}, {"t": True})]
    column = pyarrow.array([1.0])
    parquet.write_table(pyarrow.Table.from_arrays([column] * 3, ["a", "a", "t"]), path)
    with pytest.raises(DataError, match="two columns named 'a'; rename one"):
        list(read_stream(path, "t"))
    parquet.write_table(pyarrow.table({"a": column[:0], "t": column[:0]}), path)
    with pytest.raises(DataError, match=r"m.parquet has no rows; there is nothing to learn from"):
        list(read_stream(path, "t"))


@pytest.mark.parametrize(
    ("text", "labels"), [(lines(JSONL), None), (CSV, "1"), ("\n" + CSV, "t"), ("\ufeff" + CSV, "t")]
)
def test_standard_input_line_by_line(monkeypatch, text, labels):
    raw = io.BytesIO(text.encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(raw))
    rows = iter(read_stream(Path("-"), labels))
    assert next(rows) == WANTED[0]
    assert next(rows)[1] in ({"t": False}, {})
    assert list(rows) == []


@pytest.mark.parametrize(
    ("text", "labels", "message"),
    [
        ("", None, "standard input is empty"),
        (lines(JSONL) + "x", None, "line 3: broken JSON"),
        (lines([{"x": {"a": "b"}, "y": []}]), None, "standard input line 1: feature 'a' must be"),
        (CSV + "1,x,0\n", "1", "standard input line 4: column 'b' must be a finite number"),
        (CSV, None, "standard input does not say which columns are labels"),
        ("\x1f\x8b", None, "standard input: the gzip stream is cut off"),
    ],
)
def test_what_is_wrong_in_standard_input_is_said(monkeypatch, text, labels, message):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode("latin-1"))))
    with pytest.raises((DataError, UsageError), match=message):
        list(read_stream(Path("-"), labels))


def test_standard_input_that_is_closed_is_said(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DataError, match="standard input is closed"):
        list(read_stream(Path("-")))


def test_a_label_may_have_the_name_of_a_feature_and_rows_may_be_empty(write):
    rows = [{"x": {"t": 1}, "y": ["t"]}, {"x": {}, "y": []}]
    assert list(read_stream(write("s.jsonl", lines(rows)))) == [({"t": 1.0}, {"t": True}), ({}, {})]


def test_flat_json_rows(write):
    flat = [{"a": 1, "b": 2, "t": 1}, {"a": 3, "b": 0, "t": False, "tag": True}]
    path = write("s.jsonl", lines(flat))
    assert list(read_stream(path, "prefix:t")) == [
        WANTED[0],
        ({"a": 3.0, "b": 0.0}, {"t": False, "tag": True}),
    ]
    by_name = list(read_stream(path, "t"))
    assert by_name[1] == ({"a": 3.0, "b": 0.0, "tag": 1.0}, {"t": False})


def test_json_rows_are_read_while_the_stream_runs(write):
    path = write("s.jsonl", lines(JSONL) + "broken\n")
    rows = iter(read_stream(path))
    assert next(rows)[1] == {"t": True} and next(rows)[1] == {}
    with pytest.raises(DataError, match="line 3: broken JSON"):
        next(rows)


@pytest.mark.parametrize(
    ("name", "text", "labels", "message"),
    [
        ("s.csv", "", "1", "is empty"),
        ("s.jsonl", "\n\n", None, "s.jsonl has no rows; there is nothing to learn from"),
        ("s.csv", "a,t\n", "1", "s.csv has no rows; there is nothing"),
        ("s.csv", "\n \n\n", "1", "s.csv is empty; it needs a line of column names"),
        ("s.csv", "\n\n\n", "1", "s.csv is empty; it needs a line of column names"),
        ("s.csv.gz", "", "1", "s.csv.gz is empty; it needs a line of"),
        (
            "s.csv",
            CSV.replace(",", ":"),
            "1",
            "one column only, 'a:b:t'; it needs features and lab",
        ),
        ("s.csv", "1,2,1\n1,2,0\n", "1", "two columns named '1'; rename one, or put a line of na"),
        ("s.jsonl", '{"x": {"a": 1, "a": 2}, "y": []}', None, "line 1: duplicate key 'a'"),
        (
            "s.jsonl",
            '{"x": {"a": 1' + "0" * 5000 + '}, "y": []}',
            None,
            "number of thousands of dig",
        ),
        ("s.jsonl", '{"x": {"a": null}, "y": 3}', None, "or an object, it was 3; mend"),
        ("s.jsonl", '{"x": {}, "y": [true, false]}', None, "label must be a string, it was True"),
        ("s.csv", CSV, "a,b,t", "label columns only"),
        ("s.csv", "a,a,t\n1,2,1\n", "1", "two columns named 'a'"),
        ("s.csv", "a,b,t\n1,2,1\n1,1\n", "1", "line 3: has 2 cells for 3 columns"),
        ("s.csv", "a,b,t\n1,inf,1\n", "1", "line 2: column 'b' must be a finite number"),
        ("s.csv", "a,b,t\n1,x,1\n", "1", "line 2: column 'b' .* it was 'x' .--text counts"),
        ("s.csv", "a,b,t\n1,1,1\n1,1,maybe\n", "1", "line 3: label 't' must be 0 or 1"),
        ("s.arff", ARFF + "1,nan,0\n", "1", "line 6: attribute 'b' must be a finite number"),
        ("s.arff", ARFF + "1,2\n", "1", "line 6: has 2 values for 3"),
        ("s.jsonl", '{"x": {}, "y": []}\n{"x"', None, "line 2: broken JSON"),
        ("s.jsonl", '{"x": {"a": NaN}, "y": []}', None, "line 1: feature 'a' must be a finite"),
        ("s.jsonl", '{"x": {"a": "b"}, "y": []}', None, "line 1: feature 'a' .* it was 'b'"),
        ("s.jsonl", '{"x": {}, "y": "t"}', None, "line 1: 'y' must be a list of labels"),
        ("s.jsonl", '{"x": {}, "y": ["t", "u", "t"]}', None, "line 1: label 't' is named twice"),
        ("s.jsonl", '{"x": {"a": Infinity}, "y": []}', None, "line 1: feature 'a' must be a fini"),
        ("s.csv", "a,t,t\n1,2,1\n", "1", "two columns named 't'"),
        ("s.jsonl", '{"x": {}, "y": {"t": 2}}', None, "label 't' must be true or false"),
        ("s.jsonl", '{"x": {}, "y": [[1]]}', None, "a label must be a string"),
        ("s.jsonl", '{"x": [1], "y": []}', None, "'x' must be an object"),
        ("s.jsonl", '{"a": 1, "t": 1}', None, "has no key 'x'; for flat rows"),
        ("s.jsonl", '{"x": {"a": 1' + "0" * 400 + '}, "y": []}', None, "line 1: feature 'a'"),
        ("s.csv", CSV + '"1,2,1\n' + CSV * 9, "1", "line 4: a quote is left open"),
        (
            "s.csv",
            CSV + "9" * 140_000 + ",2,1\n",
            "1",
            "line 4: column 'a' must be a fini",
        ),
        ("s.csv", CSV + "\n,,\n", "1", "line 5: has no value in any cell; mend or rem"),
        ("s.csv", ",,\n" + CSV, "1", "two columns named ''; rename one, or put a line of names"),
        (
            "s.arff",
            ARFF.replace("@relation r", "@relation 'r: -C 7'") + "1,2,0\n",
            None,
            "7 labels",
        ),
    ],
)
def test_what_is_wrong_is_said(write, name, text, labels, message):
    with pytest.raises(DataError, match=message):
        list(read_stream(write(name, text), labels))


@pytest.mark.parametrize(
    ("name", "text", "labels", "message"),
    [
        ("s.csv", CSV, "nope", "no column 'nope'"),
        ("s.csv", CSV, "", "no column ''"),
        ("s.csv", CSV, "prefix:q", "no column that starts with 'q'"),
        ("s.csv", CSV, "3", "cannot have 3 labels"),
        ("s.arff", ARFF + "1,2,0\n", "nope", "no attribute 'nope'"),
        ("s.arff", ARFF + "1,2,0\n", "prefix:q", "no attribute that fits"),
        ("s.arff", ARFF + "1,2,0\n", "3", "cannot have 3 labels"),
        ("s.arff", ARFF + "1,2,0\n", None, "pass --labels"),
        ("s.jsonl", '{"a": 1, "t": 1}', "u", "s.jsonl has no key 'u' in its fir"),
    ],
)
def test_a_wrong_choice_of_labels_is_wrong_use(write, name, text, labels, message):
    with pytest.raises(UsageError, match=message):
        list(read_stream(write(name, text), labels))


def test_label_names_may_hold_commas(write):
    text = 'a,"x, y",t\n1,0,1\n'
    for labels in ('"x, y",t', '"x, y", t'):
        rows = list(read_stream(write("s.csv", text), labels))
        assert rows == [({"a": 1.0}, {"x, y": False, "t": True})]
    one = list(read_stream(write("s.csv", text), "x, y"))
    assert one == [({"a": 1.0, "t": 1.0}, {"x, y": False})]
    arff = ARFF.replace("b numeric", "'x, y' {0,1}") + "1,0,1\n"
    rows = list(read_stream(write("s.arff", arff), '"x, y",t'))
    assert rows == [({"a": 1.0}, {"x, y": False, "t": True})]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_header_that_is_not_utf8_is_said(tmp_path, encoding):
    (tmp_path / "s.csv").write_bytes("a,\u00e9,t\n1,2,1\n".encode(encoding))
    with pytest.raises(DataError, match=r"line 1: .*UTF-8.*pass --encoding (cp1252|utf-16)"):
        list(read_stream(tmp_path / "s.csv", "1"))


@pytest.mark.parametrize(
    ("name", "text", "labels"),
    [
        ("s.csv", CSV, "1"),
        ("s.arff", ARFF + "1,2,1\n3,0,0\n", "1"),
        ("s.jsonl", lines(JSONL), None),
    ],
)
def test_what_is_gzipped_is_told_by_its_bytes_not_by_its_name(tmp_path, name, text, labels):
    (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    (tmp_path / f"{name}.gz").write_bytes(text.encode())
    wanted = list(read_stream(tmp_path / name, labels))
    assert wanted[0] == WANTED[0]
    assert list(read_stream(tmp_path / f"{name}.gz", labels)) == wanted


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        ("s.csv", None, "pass --labels"),
        ("s.docx", "1", "must end in one of .csv"),
        ("s.jsonl", "3", "keys have no order"),
    ],
)
def test_wrong_use_is_said(write, name, labels, message):
    with pytest.raises(UsageError, match=message):
        list(read_stream(write(name, '{"a": 1}'), labels))
    with pytest.raises(UsageError, match="does not exist"):
        read_stream(write(name, "a").with_name("other"), labels)


def test_cut_off_gzip_is_said(tmp_path):
    whole = gzip.compress(CSV.encode() * 500)
    (tmp_path / "s.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut off or damaged"):
        list(read_stream(tmp_path / "s.csv.gz", "1"))


@pytest.mark.parametrize(
    ("name", "text", "labels", "bad"),
    [
        ("s.csv", "a,b,t\n1,2,1\nx,2,1\n1,2\n3,0,0\n", "1", [3, 4]),
        ("s.csv", 'a,b,t\n1,2,1\n\n,,\n,\n3,0,0\n\n""\n', "1", [4, 5, 8]),
        ("s.csv", f"a,b,t\n1,2,1\n{'9' * 140_000},2,1\nx,2,1\n3,0,0\n", "1", [3, 4]),
        ("s.arff", ARFF + "1,2,1\nx,2,1\n{0 1}\n3,0,0\n", "1", [7, 8]),
        ("s.arff", ARFF + "{0 1,1 2,2 1}\n{9 1}\n1,2,0\n{0 3,1 0}\n", "1", [7, 8]),
        ("s.jsonl", lines([JSONL[0], {"x": 1, "y": []}]) + "[\n" + lines(JSONL[1:]), None, [2, 3]),
    ],
)
def test_bad_rows_can_be_set_aside(write, name, text, labels, bad):
    aside = []
    rows = list(read_stream(write(name, text), labels, aside.append))
    assert [x["a"] for x, _ in rows] == [1.0, 3.0]
    assert [row.number for row in aside] == bad
    told = ("field limit", "has 1 cells")  # of a field too long, of a cell of nothing
    assert all(row.raw or any(words in row.reason for words in told) for row in aside)


@pytest.mark.parametrize("piped", [False, True])
def test_a_header_that_cannot_be_read_is_never_skipped(write, monkeypatch, piped):
    path = write("s.csv", '"a,b,t\n1,2,1\n3,4,0\n5,6,1\n')
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    aside = []
    with pytest.raises(DataError, match="the header cannot be read: unexpected end of data"):
        list(read_stream(Path("-") if piped else path, "1", aside.append))
    assert aside == []


def test_all_rows_bad_is_an_error_all_the_same(write):
    for name, text in (("s.csv", "a,t\nx,1\n"), ("s.arff", ARFF + "x,2,1\n"), ("s.jsonl", "[")):
        labels = None if name == "s.jsonl" else "1"
        with pytest.raises(DataError, match=r"no row that can be used; the first, (line|row) \d: "):
            list(read_stream(write(name, text), labels, lambda row: None))


def test_values_survive(write):
    values = np.random.default_rng(0).normal(size=(20, 3))
    text = "a,b,c,t\n" + "".join(",".join(map(repr, row.tolist())) + ",1\n" for row in values)
    rows = read_stream(write("s.csv", text), "1")
    assert isinstance(rows, ArrayRows)
    assert (values == rows.X).all()
