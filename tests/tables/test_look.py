"""Each warning has a table that triggers it and one that does not; look prints what is read."""

import json
from pathlib import Path

import pytest
import tyro

from growlabels.base.errors import UsageError
from growlabels.base.progress import silent
from growlabels.tables import warnings_of, write_rows
from growlabels.tables.look.commands import Look
from growlabels.tables.look.facts import MOST_VALUES, facts_of
from growlabels.tables.look.page import run
from growlabels.tables.rows import Row

N = 30


def table(**columns) -> list[dict]:
    """Rows of a table: for each column a function of the row's place."""
    return [{name: value(i) for name, value in columns.items()} for i in range(N)]


def plain(i: int) -> float:
    return (i * 7 % 11) / 11 + i / 1000


def label(i: int) -> str:
    return "xyz"[i * i % 3]


CASES = [
    ("has no name and counts the rows", {"": lambda i: i}, {"": plain}),
    ("has no name and counts the rows", {"Unnamed: 0": lambda i: i + 5}, {"a": lambda i: i}),
    ("equals the label 'y' in every row", {"b": label}, {"b": lambda i: label(i // 2)}),
    (
        "holds codes with leading zeros, such as '007'",
        {"b": lambda i: f"00{i + 7}"},
        {"b": lambda i: f"{i + 7}"},
    ),
    (
        "column 'b' holds -9999 in 2 rows, far from all",
        {"b": lambda i: plain(i) if i % 15 else -9999},
        {"b": lambda i: -9999 + 700 * i},
    ),
    (
        "column 'b' holds 999 in 1 row, far",
        {"b": lambda i: str(plain(i)) if i != 4 else "999"},
        {"b": lambda i: 40 * i if i else 999},
    ),
    ("rows of 30 equal others before", {"b": lambda i: i % 9, "a": lambda i: 1}, {"b": plain}),
    ("label 'y' is missing or NaN in 3 rows", {"y": lambda i: label(i) if i % 10 else None}, {}),
    ("missing or NaN in 3 rows", {"y": lambda i: label(i) if i % 10 else float("nan")}, {}),
    ("missing or NaN in 3 rows", {"y": lambda i: label(i) if i % 10 else "nan"}, {}),
]


@pytest.mark.parametrize(("sentence", "odd", "sound"), CASES)
def test_each_warning_is_said_where_it_is_due_and_only_there(sentence, odd, sound) -> None:
    known = {"a": plain, "y": label}
    assert any(sentence in said for said in warnings_of(table(**{**known, **odd}), ["y"]))
    assert warnings_of(table(**{**known, **sound}), ["y"]) == []


def test_text_that_nothing_reads_is_named() -> None:
    rows = [
        {"prompt": f"What is {i}?", "turns": [], "meta": {"note": f"see page {i}"}} for i in "ab"
    ]
    said = "fields that hold text and are not read: 'meta.note' (2 rows)"
    assert warnings_of(rows, read={"prompt"}) == [said]
    assert warnings_of(rows, read={"prompt", "meta"}) == warnings_of(rows) == []


def test_columns_that_are_left_out_and_pipes_are_not_warned_of() -> None:
    rows = table(a=plain, y=label, **{"": lambda i: i})
    assert warnings_of(rows, ["y"], dropped=[""]) == []
    assert warnings_of(iter(rows), ["y"]) == []


def test_counts_stay_bounded() -> None:
    facts = facts_of(Row(i, {"a": str(i)}) for i in range(MOST_VALUES + 5))
    assert facts.columns["a"].distinct == f"over {MOST_VALUES:,}"


def look(path: Path, capsys, *arguments: str) -> str:
    run(tyro.cli(Look, args=[str(path), *arguments]), silent)
    return capsys.readouterr().out


def test_look_prints_format_columns_roles_and_warnings(tmp_path: Path, capsys) -> None:
    path = tmp_path / "r.csv"
    lines = [f"{i};word {i} and more;{i},5;{'a|b' if i % 2 else 'a'}" for i in range(N)]
    path.write_text("\n".join([";title;x;tags", *lines, "1;2"]))
    shown = look(path, capsys)
    assert shown.startswith("r.csv: csv, utf-8, 30 rows\n  cells are separated by semicolons\n")
    for said in (
        "numbers with a decimal comma are in the columns 'x'",
        "1 rows cannot be read; the first, line 32: has 2 cells for 4 columns",
        "title                    text         0.0%           30  word 0 and more",
        "labels (stream, classes): 'tags'",
        "column 'tags' holds several labels a cell, separated by '|'",
        "text (stream --text, classes): 'title'",
        "features (stream, classes): '', 'x'",
        "warning: column '' has no name and counts the rows",
    ):
        assert said in shown
    assert "5 rows\n" in look(path, capsys, "--rows", "5")


def test_look_at_rows_of_conversations(tmp_path: Path, capsys) -> None:
    turns = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Ho."}]
    write_rows(tmp_path / "r.jsonl", [{"messages": turns}] * 2)
    assert "prompt and answer (unsafe): the turns of 'messages'" in look(
        tmp_path / "r.jsonl", capsys
    )
    (tmp_path / "r.json").write_text(json.dumps([{"instruction": "a b c", "output": "x y z"}]))
    shown = look(tmp_path / "r.json", capsys)
    assert "prompt (unsafe): 'instruction'; answer: 'output'" in shown
    with pytest.raises(UsageError, match="has no column 'tag'; it has instruction, output"):
        look(tmp_path / "r.json", capsys, "--labels", "tag")
