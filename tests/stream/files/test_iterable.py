"""A stream from anything: rows of any shape, checked in their turn, the bad ones named."""

import itertools

import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.stream import IHOMER, ArrayRows, Stream, prequential

PAIRS = [({"a": 1}, {"t"}), ({"b": 2.5}, {"t": False, 3: True})]


def test_pairs_and_mappings_are_the_same_rows():
    assert list(Stream(PAIRS)) == PAIRS
    assert list(Stream({"x": x, "y": y} for x, y in PAIRS)) == PAIRS
    flat = [{"a": 1, "t": True, "u": 0}, {"b": 2.5, "t": False}]
    wanted = [({"a": 1}, {"t": True, "u": 0}), ({"b": 2.5}, {"t": False})]
    assert list(Stream(flat, labels=["t", "u"])) == wanted
    assert list(Stream(flat, labels=lambda key: key in "tu")) == wanted


def test_an_endless_stream_is_read_row_by_row():
    endless = ((({"a": i % 2}), {"odd"} if i % 2 else set()) for i in itertools.count())
    scores = prequential(IHOMER(), itertools.islice(Stream(endless), 60))
    assert scores.n_rows == 60


def test_odd_rows_that_are_fine():
    """No labels, no features, a feature that is missing, a label named like a feature."""
    rows = [({}, []), ({"a": None}, {"a"}), ({"a": 1.0}, {("any", 1): True})]
    model = IHOMER()
    for x, y in Stream(rows):
        model.learn_one(x, y)
    assert model.labels_ == ["a", ("any", 1)] and model.n_rows == 3


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (({"a": float("nan")}, []), "feature 'a' must be a finite number, it was nan"),
        (({"a": float("inf")}, []), "feature 'a' must be a finite number, it was inf"),
        (({"a": "x"}, []), "feature 'a' must be a finite number, it was 'x'"),
        (({"a": 1}, {"t": 2}), "label 't' must be True or False"),
        (({"a": 1}, "t"), "put a single label into a set"),
        (([1.0], []), "must be a dict of name -> number"),
        (({"a": 1}, [[1]]), "a label must be hashable"),
        ({"a": 1}, "has no keys 'x' and 'y'"),
        (({"a": 1},), "must be a pair"),
        (5, "must be a pair .* it was int"),
    ],
)
def test_a_bad_row_is_named_and_can_be_set_aside(row, message):
    model = IHOMER()
    with pytest.raises(DataError, match=rf"row 1 \(counting from 0\): .*{message}") as caught:
        for x, y in Stream([PAIRS[0], row, PAIRS[1]]):
            model.learn_one(x, y)
    assert "\n" not in str(caught.value) and model.n_rows == 1
    aside = []
    assert list(Stream([PAIRS[0], row, PAIRS[1]], set_aside=aside.append)) == PAIRS
    assert [(bad.number, bool(bad.reason and bad.raw)) for bad in aside] == [(1, True)]


def test_wrong_use_is_said():
    for rows in (3, "rows", None):
        with pytest.raises(UsageError, match="must be an iterable of rows"):
            Stream(rows)
    for labels in ("t", 3, [["t"]]):
        with pytest.raises(UsageError, match="labels must be names"):
            Stream([], labels=labels)
    with pytest.raises(UsageError, match="labels must be text such as '14'"):
        Stream.read("s.csv", 14)  # pyright: ignore[reportArgumentType]


def test_files_are_read_as_the_command_line_does(tmp_path):
    (tmp_path / "s.csv").write_text("a,t\n1,1\n2,0\n")
    rows = Stream.read(tmp_path / "s.csv", "1")
    assert isinstance(rows, ArrayRows)
    assert list(rows) == [({"a": 1.0}, {"t": True}), ({"a": 2.0}, {"t": False})]
