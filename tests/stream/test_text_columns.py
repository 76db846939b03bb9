"""Text columns, and labels in lists: what a person's own tickets look like."""

import io
import json
from datetime import datetime
from pathlib import Path

import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.stream.files.features import hint_at_words
from growlabels.stream.files.read import read_stream
from growlabels.stream.rows.text import count_features
from growlabels.tables import write_rows

ARFF = "@relation r\n@attribute a numeric\n@attribute t {0,1}\n@data\n"
CSV = "a,b,t\n1,2,1\n3,,0\n"


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_one_key_may_hold_the_list_of_labels(write):
    flat = [{"a": 1, "tags": ["t", "u"]}, {"tags": []}, {"a": 2}]
    assert list(read_stream(write("s.jsonl", lines(flat)), "tags")) == [
        ({"a": 1.0}, {"t": True, "u": True}),
        ({}, {}),
        ({"a": 2.0}, None),
    ]
    two = [{"a": 1}, {"a": 1, "tags": ["t"], "more": ["u"]}, {"tags": ["v"]}]
    assert [y for _, y in read_stream(write("s.jsonl", lines(two)), "tags,more")] == [
        None,
        {"t": True, "u": True},
        {"v": True},
    ]
    with pytest.raises(UsageError, match=r"no key 'tag' in its first 3 rows; check"):
        list(read_stream(write("s.jsonl", lines([{"a": 1}] * 3)), "tag"))
    with pytest.raises(UsageError, match=r"no key that starts with 'q_' in its first 1,000 rows"):
        list(read_stream(write("s.jsonl", lines([{"a": 1}] * 2000)), "prefix:q_"))


def test_columns_of_any_type_can_be_left_out(write, tmp_path):
    wanted = [({"a": 1.0}, {"t": True}), ({"a": 2.0}, {"t": False})]
    table = write("s.csv", "id,a,t,u\nx 1,1,1,\n,2,0,9\n")
    assert list(read_stream(table, "1", drop="id,u")) == wanted
    flat = [{"id": "x", "a": 1, "t": 1}, {"a": 2, "t": 0}]
    assert list(read_stream(write("s.jsonl", lines(flat)), "t", drop="id")) == wanted
    nested = [{"x": {"id": [], "a": 1}, "y": ["t"]}, {"x": {"a": 2}, "y": {"t": False}}]
    assert list(read_stream(write("s.jsonl", lines(nested)), drop="id")) == wanted
    write_rows(tmp_path / "s.parquet", [{"id": "x", "a": a, "t": a < 2} for a in (1, 2)])
    assert list(read_stream(tmp_path / "s.parquet", "last-1", drop="id")) == wanted
    header = "@relation 'r: -C -1'\n@attribute id string % c\n@attribute a numeric\n"
    header += "@attribute when date 'yyyy'\n@attribute t {0,1} % of {}\n@data\n"
    for rows in ("'x, %', 1, ?, 1 % c\n?,2,1999,0\n", "{0 'x', 1 1, 3 1} % c\n{1 2}\n"):
        found = list(read_stream(write("s.arff", header + rows), drop="id,when"))
        assert [({k: float(v) for k, v in x.items()}, y) for x, y in found] == wanted


TICKETS = [
    {"subject": "Refund? refund me", "age": 2, "tags": ["billing"]},
    {"subject": "Äpfel", "age": None, "tags": []},
    {"subject": None, "tags": []},
]
READ = [
    ({"age": 2.0} | count_features("subject", "refund refund me", "ngrams"), {"billing": True}),
    (count_features("subject", "äpfel", "ngrams"), {}),
    ({}, {}),
]
CLASH = next(iter(count_features("a", "b", "ngrams")))


def test_a_row_that_is_set_aside_is_whole(write):
    table, bad = write("s.csv", "id,a,text,t\nx 1,1,b,1\nx 2,two,c,0\n"), []
    assert len(list(read_stream(table, "t", bad.append, text="text", drop="id"))) == 1
    assert [row.raw for row in bad] == ["x 2,two,c,0"]
    late = [{"a": 1}] * 999 + [{"a": 1, "tags": []}]
    assert len(list(read_stream(write("s.jsonl", lines(late)), "tags"))) == 1000


def test_a_percent_sign_in_a_name_is_no_comment(write):
    header = "@relation r\n@attribute 50%_off numeric\n@attribute t {0,1}\n@data\n"
    found = read_stream(write("s.arff", header + "1,1 % a comment\n"), "t")
    assert list(found) == [({"50%_off": 1.0}, {"t": True})]


def test_texts_become_counts(write, tmp_path, monkeypatch):
    nested = [{"x": {k: r.get(k) for k in ("subject", "age")}, "y": r["tags"]} for r in TICKETS]
    assert list(read_stream(write("s.jsonl", lines(nested)), text="subject")) == READ
    flat = lines(TICKETS)
    assert list(read_stream(write("s.jsonl", flat), "tags", text="subject")) == READ
    parquet = tmp_path / "s.parquet"
    write_rows(parquet, TICKETS)
    assert list(read_stream(parquet, "tags", text="subject")) == READ
    table = 'subject,age,billing\n"Refund? refund me",2,1\nÄpfel,,0\n,,0\n'
    wanted = [(x, {"billing": bool(y)}) for x, y in READ]
    found = list(read_stream(write("s.csv", table), "billing", text="subject"))
    assert [({k: v for k, v in x.items() if v}, y) for x, y in found] == wanted
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(flat.encode())))
    assert list(read_stream(Path("-"), "tags", text="subject")) == READ


@pytest.mark.parametrize(
    ("name", "row", "text", "message"),
    [
        (
            "s.jsonl",
            '{"x": {"a": "b"}, "y": []}',
            None,
            "it was 'b' .--text counts its words, --dr",
        ),
        ("s.jsonl", '{"x": {"a": 1}, "y": []}', "c", "s.jsonl has no key 'c' in its first 1 rows"),
        ("s.jsonl", '{"x": {"a": 1}, "y": []}', "a", "line 1: text 'a' must be a string, it was 1"),
        (
            "s.jsonl",
            f'{{"x": {{"a": "b", "{CLASH}": 1}}, "y": []}}',
            "a",
            f"'{CLASH}' is also a feature",
        ),
        ("s.csv", f"a,{CLASH},t\nb,1,1\n", "a", f"line 2: column '{CLASH}' is also a feature"),
        ("s.csv", CSV, "t", "'t' is named as text and as a label"),
        ("s.csv", CSV, "c", "s.csv has no column 'c'"),
        ("s.arff", ARFF + "1,0\n", "a", "text is for CSV, JSON and Parquet"),
    ],
)
def test_wrong_texts_are_said(write, name, row, text, message):
    with pytest.raises((DataError, UsageError), match=message):
        list(read_stream(write(name, row), None if name == "s.jsonl" else "t", text=text))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("2024-01-31", "--drop leaves dates out"),
        ("31.1.2024", "--drop leaves dates out"),
        ("09:30", "--drop leaves dates out"),
        (datetime(2024, 1, 31), "--drop leaves dates out"),
        ("green", "--text counts its words"),
        ("1,5", ""),
        ("nan", ""),
        ("1.2.", ""),
    ],
)
def test_what_is_no_number_is_told_what_helps(value: object, told: str) -> None:
    found = hint_at_words(value)
    assert told in found and bool(told) == bool(found)
