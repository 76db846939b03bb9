"""Lines of text: encodings, separators, quotes, and rows that are set aside."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import DataError
from growlabels.tables import MalformedRow, open_table
from growlabels.tables.read.csv_rows import decimal_commas
from growlabels.tables.text import looks_like

cell = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)


def opened(text: str | bytes, form: str, **options):
    """Return the table of some text, and the rows that it sets aside."""
    bad: list[MalformedRow] = []
    data = text.encode() if isinstance(text, str) else text
    return open_table(io.BytesIO(data), format=form, set_aside=bad.append, **options), bad


@given(st.lists(st.lists(cell, min_size=2, max_size=2), max_size=8), st.sampled_from(",;\t|"))
@settings(deadline=None)
def test_csv_is_what_the_standard_library_reads(rows: list[list[str]], separator: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b"], *rows])
    table, bad = opened(text.getvalue(), "csv")
    assert [[row.data["a"] or "", row.data["b"] or ""] for row in table] == rows
    assert bad == []
    assert (
        "".join([table.reader.header, *(row.raw for row in opened(text.getvalue(), "csv")[0])])
        == text.getvalue()
    )


json_value = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | cell,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(cell, inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(st.dictionaries(cell, json_value, max_size=3) | json_value, max_size=6),
    st.sampled_from([None, 0, 2]),
    st.integers(1, 9),
)
@settings(deadline=None)
def test_arrays_are_what_the_standard_library_reads(values: list, indent, size: int) -> None:
    class Slow(io.BytesIO):
        def read1(self, _=-1):
            return super().read1(size)

    texts = [json.dumps(values, indent=indent)]
    if values and not isinstance(values[0], list):
        texts.append("\n".join(json.dumps(value, indent=indent) for value in values))
    for text in texts:
        bad: list[MalformedRow] = []
        rows = list(open_table(Slow(text.encode()), format="json", set_aside=bad.append))
        assert [row.data for row in rows] == [v for v in values if isinstance(v, dict)]
        assert len(rows) + len(bad) == len(values)
        if not bad:
            assert [json.loads(row.raw.text) for row in rows] == values


def test_bad_json_lines_are_set_aside() -> None:
    text = b'\xef\xbb\xbf{"a": 1}\n\n{"a": \n[1]\nnull\n"x"\n{"a": "\xff"}\n'
    text += b"[" * 99_999 + b'\n{"a": 2}\r\n{"a": 1, "a": 2}\n{"a": 1} x\n{"a": NaN}'
    table, bad = opened(text, "jsonl")
    assert [(row.number, str(row.data["a"])) for row in table] == [(1, "1"), (9, "2"), (12, "nan")]
    told = ["broken JSON", "a list", "null", "a string", "UTF-8 at byte 7", "broken JSON"]
    told[5:] = ["", "duplicate key 'a'", "broken JSON (Extra data: character 10)"]
    assert [row.number for row in bad] == [3, 4, 5, 6, 7, 8, 10, 11]
    for found, expected in zip(bad, told, strict=True):
        assert expected in found.reason
    assert bad[4].raw == '{"a": "\\xff"}'
    assert (table.kept, table.aside) == (3, 8)


def test_bad_elements_of_an_array_are_set_aside() -> None:
    text = '[{"a": 1},\n {"a": },\n 5, {"b": 1, "b": 2}, {"c": "}]"}]'
    table, bad = opened(text, "json")
    assert [(row.number, row.data) for row in table] == [(1, {"a": 1}), (5, {"c": "}]"})]
    assert [(row.number, row.reason, row.raw) for row in bad] == [
        (2, "broken JSON (Expecting value: character 7) (line 2)", '{"a": }'),
        (3, "is a number, not an object (line 3)", "5"),
        (4, "duplicate key 'b' (line 3)", '{"b": 1, "b": 2}'),
    ]
    with pytest.raises(DataError, match=r"r.json row 2: broken JSON .* \(line 2\); mend or remove"):
        file = io.BytesIO(text.encode())
        file.name = "r.json"
        list(open_table(file, format="json"))


@pytest.mark.parametrize(
    ("text", "rows", "reason"),
    [
        ('[{"a": 1}, {"a": 2}', 2, "the array is cut off; it has no ]"),
        ('[{"a": 1}, {"a": 2', 1, "broken JSON"),
        ('[{"a": 1} {"a": 2}]', 1, "not followed by a comma (line 1); nothing after it can be"),
        ('[{"a": 1}] {"a": 2}', 1, "there is text after the end of the array"),
        ("[", 0, "the array is cut off"),
        ('[{"a": 1},', 1, "the array is cut off"),
    ],
)
def test_arrays_that_do_not_end_well(text: str, rows: int, reason: str) -> None:
    table, bad = opened(text, "json")
    assert len(list(table)) == rows
    assert reason in bad[0].reason


def test_bad_records_are_set_aside_line_by_line() -> None:
    text = 'a,b\n1,2\n1\n\n"open,3\n4,5\n"x"y,6\n7,"eight\nnine"\n1,2,3\n'
    table, bad = opened(text, "csv")
    assert [(row.number, row.data["a"]) for row in table] == [(2, "1"), (6, "4"), (8, "7")]
    assert [row.number for row in bad] == [3, 5, 7, 10]
    assert "has 1 cells for 2 columns" in bad[0].reason
    assert "broken CSV" in bad[1].reason
    assert "has 3 cells for 2 columns" in bad[3].reason
    table, bad = opened('a,b\n1,2\n3,"open\n4,5\n', "csv")
    assert [row.data["a"] for row in table] == ["1", "4"]
    assert [(row.number, row.reason, row.raw) for row in bad] == [
        (3, "a quote is left open", '3,"open')
    ]


def test_a_quote_left_open_over_many_blocks_costs_one_line() -> None:
    rows = [f"{i},word" for i in range(200_000)]
    rows[1000] = '1000,"word'
    table, bad = opened("a,b\n" + "\n".join(rows), "csv")
    assert sum(1 for _ in table) == 199_999
    assert [row.number for row in bad] == [1002]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,a\n1,2\n", "two columns named 'a'; rename one, or put a line of names first"),
        (",,\n1,2,3\n", "two columns named ''"),
        ('a,"b\n1,2\n', "line 2: the header cannot be read: unexpected end of data"),
        (b"a,\xe9\n1,2\n", "line 1: invalid UTF-8 at byte 2, it looks like cp1252; pass --enc"),
        (
            "a,\u00e9\n1,2\n".encode("utf-16"),
            "line 1: is not UTF-8, it looks like utf-16; pass --e",
        ),
    ],
)
def test_headers_that_cannot_be_read(text, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_table(io.BytesIO(text if isinstance(text, bytes) else text.encode()))


ENCODINGS = {
    "cp1252": "La pêche est bonne, le garçon dort près du château; déjà vu à Orléans.",
    "cp1251": "Это простой русский текст о погоде и о доме у реки.",
    "shift_jis": "これは日本語のテキストです。今日は天気がいいですね。",
    "gb18030": "这是一个中文文本，今天天气很好，我们去公园。",
    "utf-16": "Plain words, and a ü.",
    "utf-16-le": "Plain words, and a ü.",
    "iso8859-15": "10 € für Äpfel",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
def test_any_encoding(encoding: str, form: str) -> None:
    words = ENCODINGS[encoding]
    rows = [{"a": words, "b": str(i)} for i in range(3)]
    texts = {
        "csv": "a\tb\n" + "".join(f"{words}\t{i}\n" for i in range(3)),
        "jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
        "json": json.dumps(rows, ensure_ascii=False, indent=1),
    }
    table, bad = opened(texts[form].encode(encoding), form, encoding=encoding)
    assert [row.data for row in table] == rows
    assert bad == []


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "gb18030"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
def test_what_is_not_utf8_is_named_and_no_letter_is_replaced(encoding: str, form: str) -> None:
    words = ENCODINGS[encoding]
    texts = {
        "csv": f"a|b\nplain|1\n{words}|2\n",
        "jsonl": f'{{"a": "plain"}}\n{{"a": "{words}"}}\n',
        "json": f'[{{"a": "plain"}},\n{{"a": "{words}"}}]',
    }
    data = texts[form].encode(encoding)
    table, bad = opened(data, form)
    assert [row.data["a"] for row in table] == ["plain"]
    assert f"it looks like {encoding}" in bad[0].reason
    assert "\ufffd" not in bad[0].raw
    with pytest.raises(DataError, match=rf"line \d.*|row 2.*pass --encoding {encoding} if it is"):
        list(open_table(io.BytesIO(data), format=form))


def test_what_a_name_of_an_encoding_cannot_read_is_an_error() -> None:
    table, bad = opened("a,b\nx,1\n\x81,2\n".encode("latin-1"), "csv", encoding="cp1252")
    assert [row.data["a"] for row in table] == ["x"]
    assert bad[0].reason.startswith("invalid CP1252 at byte 0")
    table, bad = opened(b"\xff\xfea\x00\n\x00\x88", "jsonl", encoding="utf-16")
    assert [list(table), len(bad)] == [[], 2]
    with pytest.raises(DataError, match="is not utf-16"):
        list(opened(b"\xff\xfea\x00,\x00b\x00\n\x00x", "csv", encoding="utf-16")[0])


def test_looks_like() -> None:
    for encoding in ("cp1251", "gb18030"):
        assert looks_like(ENCODINGS[encoding].encode(encoding)) == encoding
    assert looks_like("příliš žluťoučký kůň úpěl".encode("cp1250")) == "cp1250"


def test_decimal_commas() -> None:
    text = "x;z;t;n;v;tags\n-0,568;2.6;a,b;1,234;1,50;1,5\n2,161;;c;2,345;2.5;3\n"
    table, _ = opened(text, "csv")
    assert decimal_commas(table) == {"x", "v", "tags"}


def test_line_ends_of_all_kinds() -> None:
    for end in ("\n", "\r\n", "\r"):
        table, bad = opened(end.join(["a,b", "1,2", "", "3,4"]), "csv")
        assert [(row.number, row.data["a"]) for row in table] == [(2, "1"), (4, "3")]
        assert bad == []


def test_comments_between_xmc_rows_are_no_rows() -> None:
    table, bad = opened("# made today\n1 1:.5 # doc 7\n# end\n2 2:1\n", "xmc")
    assert [row.data["y"] for row in table] == [["1"], ["2"]] and not bad


def test_xmc_rows() -> None:
    text = "3 10 6\n1,5 3:.5 7:1.2\n 4:2 # no label\n3:1e-3\n"
    table, bad = opened(text, "xmc")
    assert [(row.number, row.data) for row in table] == [
        (2, {"x": {"3": 0.5, "7": 1.2}, "y": ["1", "5"]}),
        (3, {"x": {"4": 2.0}, "y": []}),
        (4, {"x": {"3": 0.001}, "y": []}),
    ]
    assert bad == []
    table, bad = opened("1,5 3:.5\n+1 x:1\n1 3:a\n1, 3:1\n2 3:1 3:2\n-1 2:nan\n-1 2:7", "xmc")
    assert [(row.number, row.data["y"]) for row in table] == [(1, ["1", "5"]), (7, ["-1"])]
    assert [row.number for row in bad] == [2, 3, 4, 5, 6]
    table, bad = opened("5 10 6\n1 3:.5\n9 1:1\n1 77:1\n", "xmc")
    assert len(list(table)) == 1
    assert [row.reason for row in bad] == [
        "label 9 is beyond the 6 that the header promises",
        "feature 77 is beyond the 10 that the header promises",
        "the header promises 5 rows, the file has 3",
    ]


def test_arff_rows(tmp_path: Path) -> None:
    header = "% c\n@relation 'toy: -C 1'\n@attribute l {0,1}\n@attribute 'a b' real\n"
    header += "@attribute c {red,'light blue'}\n@attribute s string\n@data\n"
    table, bad = opened(
        header + "1,0.5,'light blue',?\n0,x,red,'a'\n% c\n{1 2,3 'it, is'}\n", "arff"
    )
    assert table.columns == ["l", "a b", "c", "s"]
    assert table.said_labels == ["l"]
    assert [(row.number, row.data) for row in table] == [
        (8, {"l": "1", "a b": 0.5, "c": "light blue", "s": None}),
        (11, {"l": "0", "c": "red", "a b": 2.0, "s": "it, is"}),
    ]
    assert [row.number for row in bad] == [9]
