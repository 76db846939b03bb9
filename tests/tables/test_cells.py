"""Numbers and labels as people write them, and keys of nested rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growlabels.base.errors import UsageError
from growlabels.tables import ABSENT, find_label_form, flat, number, value_at

TAGS = [["r"], ["pandas", "r"], ["pandas"], ["sql", "r", "pandas"], ["sql"]] * 5
WAYS = {
    "list": lambda tags: tags,
    "object": lambda tags: dict.fromkeys(tags, True) | {"never": False},
    "JSON list": lambda tags: "[" + ", ".join(f'"{tag}"' for tag in tags) + "]",
    "Python list": lambda tags: str(tags),
    "angles": lambda tags: "".join(f"<{tag}>" for tag in tags),
}


@pytest.mark.parametrize("kind", WAYS)
def test_each_way_of_writing_labels(kind: str) -> None:
    cells = list(map(WAYS[kind], TAGS))
    form = find_label_form(cells, name="tags")
    assert form.kind == kind
    assert list(map(form.labels, cells)) == TAGS
    assert form.labels(None) is None
    assert (form.sentence == "") == (kind in ("list", "object"))


@pytest.mark.parametrize("separator", ["; ", ";", "|", ",", ", "])
def test_separated_labels(separator: str) -> None:
    cells = [separator.join(tags) for tags in TAGS]
    form = find_label_form([*cells, "", None], name="tags")
    assert (form.kind, form.separator) == ("separated", separator.strip())
    assert list(map(form.labels, cells)) == TAGS
    assert (form.labels(" "), form.labels(None)) == ([], None)
    assert (
        f"'tags' holds several labels a cell, separated by {separator.strip()!r}" in form.sentence
    )


def test_labels_that_only_look_separated() -> None:
    names = [
        f"{town}, {land}" for town, land in zip("abcdefghij" * 3, "qrstuvwxyz" * 3, strict=True)
    ]
    assert find_label_form(
        [f"sentence {i}, with {i * i} words, of mine" for i in range(50)]
    ).kind == ("single")
    assert find_label_form(["Smith, Ann; Doe, Jo", "Doe, Jo", "Smith, Ann"] * 9).labels(
        "Doe, Jo;Smith, Ann"
    ) == ["Doe, Jo", "Smith, Ann"]
    form = find_label_form(names, separator="")
    assert form.labels(names[0]) == [names[0]]
    assert form.sentence == ""
    single = find_label_form(["x", "y"])
    assert single.labels("x;y") == ["x;y"]
    assert single.unsplit == 1
    assert find_label_form(["x"], separator="/").labels("a/b") == ["a", "b"]
    with pytest.raises(UsageError, match="label separator must be text"):
        find_label_form(["x"], separator=5)  # type: ignore[arg-type]


def test_lists_as_numpy_prints_them() -> None:
    form = find_label_form(["['r' 'sql']", "['r']"])
    assert form.labels("['r' 'sql']") == ["r", "sql"]


@pytest.mark.parametrize("value", [[None], [1.5], [True], [["a"]], {"t": 2}])
def test_what_is_no_label_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        find_label_form([value]).labels(value)
    with pytest.raises(ValueError, match=r"must be a Python list of labels, it was '\[1, 2'"):
        find_label_form(["['a']"]).labels("[1, 2")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers(value: float) -> None:
    assert number(repr(value)) == value == number(value) == number(np.float64(value))
    assert number(repr(value).replace(".", ","), decimal_comma=True) == value


@pytest.mark.parametrize(
    "value", ["x", "inf", "1_000", float("inf"), [1], "0,5", 10**400, object()]
)
def test_what_is_no_number(value: object) -> None:
    with pytest.raises(ValueError, match="must be a finite number, it was"):
        number(value)


def test_null_absent_and_empty_are_told_apart() -> None:
    row = {"a": None, "b": {"c": None, "d": []}, "e": ""}
    assert value_at(row, "a") is None
    assert value_at(row, "b.c") is None
    assert value_at(row, "a.x") is None
    assert value_at(row, "b.d") == []
    assert value_at(row, "e") == ""
    assert value_at(row, "x") is ABSENT
    assert value_at(row, "b.x") is ABSENT
    assert value_at(row, "e.x") is ABSENT
    assert value_at({"t": [{"n": 1}, {"m": 2}, {"n": 3}]}, "t.n") == [1, 3]
    assert value_at({"t": []}, "t.n") == []
    assert value_at({"a.b": {"c": 1}}, "a.b.c") == 1


keys = st.text("ab", min_size=1, max_size=3)
nested = st.recursive(
    st.none() | st.integers(), lambda inner: st.dictionaries(keys, inner, min_size=1), max_leaves=6
)


@given(st.dictionaries(keys, nested))
def test_flat_rows_hold_what_the_paths_lead_to(row: dict) -> None:
    for key, value in flat(row).items():
        assert value_at(row, key) == value


@pytest.mark.parametrize(
    "cells",
    [["[r, sql]", "[r]", "[]"], ["{r,sql}", "{r}", "{}"], ["{'r', 'sql'}", "{'r'}", "set()"]],
)
def test_labels_in_brackets(cells: list[str]) -> None:
    form = find_label_form(cells, name="tags")
    assert [form.labels(cell) for cell in cells] == [["r", "sql"], ["r"], []]
    assert "in brackets" in form.sentence


def test_lists_of_objects_give_their_names() -> None:
    cells = ['[{"id": 1, "name": "Drama"}]', "[]"]
    form = find_label_form(cells)
    assert [form.labels(cell) for cell in cells] == [["Drama"], []]
    assert find_label_form(["[{'id': 1, 'name': 'War'}]"]).labels("[{'name': 'War'}]") == ["War"]


@pytest.mark.parametrize(("letter", "said"), [(" ", "blanks"), ("/", "'/'"), ("\n", "line breaks")])
def test_what_may_separate_labels_is_said_and_not_guessed(letter: str, said: str) -> None:
    cells = [letter.join(["r", "sql"]), "r", "sql", letter.join(["sql", "pandas"]), "pandas"]
    form = find_label_form(cells)
    assert form.kind == "single" and f"; {said} stand between words" in form.sentence
    assert "stand between" not in find_label_form(["New York", "Oslo", "Rome"]).sentence
