"""The state of a live stream: late labels in any order, corrections, bounds, restart."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from saved_models import model_contents

from growlabels.base.errors import DataError
from growlabels.stream import IHOMER, MultiLabelMetrics
from growlabels.stream.serve.awaited import AwaitedRows
from growlabels.stream.serve.checkpoints import Checkpoints
from growlabels.stream.serve.live import LiveStream
from growlabels.stream.serve.record import read_record
from growlabels.stream.serve.scores import LiveScores
from growlabels.stream.serve.sources.source import Arrived, Unreadable


def made_rows(count: int, seed: int = 0) -> list[tuple[dict[str, float], list[str]]]:
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        a, b = rng.random(), rng.random()
        rows.append(({"a": a, "b": b}, ["hi" if a > 0.5 else "lo", *(["b"] if b > 0.7 else [])]))
    return rows


def feed(stream: LiveStream, rows: list[Any], time: float | None = None) -> list[Any]:
    begin = stream.positions.get("s", 0)
    return [stream.take("s", Arrived(row, begin + i, time)) for i, row in enumerate(rows, 1)]


def test_rows_with_labels_are_learned_as_by_learn_one(tmp_path: Path) -> None:
    stream, alone, metrics = LiveStream(IHOMER()), IHOMER(), MultiLabelMetrics()
    rows = made_rows(300)
    taken = feed(stream, [{"x": x, "y": y} for x, y in rows])
    for (x, y), one in zip(rows, taken, strict=True):
        guess = [label for label, there in alone.predict_one(x).items() if there]
        assert sorted(one.predicted) == sorted(guess)
        metrics.update(y, guess)
        alone.learn_one(x, dict.fromkeys(y, True))
    assert stream.scores.total.as_dict() == metrics.as_dict()
    assert model_contents(stream.model, tmp_path / "a") == model_contents(alone, tmp_path / "b")


def test_late_labels_are_learned_when_they_come_and_scored_as_predicted() -> None:
    stream = LiveStream(IHOMER())
    feed(stream, [{"id": 7, "x": {"a": 1.0}}, {"id": "8", "x": {"a": 2.0}}])
    assert stream.counts["learned"] == 0 and stream.awaited.count("rows") == 2
    feed(stream, [{"id": "8", "y": ["late"]}, {"id": 9, "y": ["early"]}])
    assert stream.counts["learned"] == 1 and stream.awaited.count("labels") == 1
    taken = feed(stream, [{"id": 9, "x": {"a": 3.0}}])
    assert stream.counts["learned"] == 2 and taken[0].predicted is not None
    feed(stream, [{"id": 7, "y": []}])
    assert stream.counts["learned"] == 3 and stream.awaited.count("rows") == 0
    assert stream.scores.total.n_rows == 3 and stream.model.labels_ == ["late", "early"]


def test_corrections_are_learned_again_and_repeats_are_not() -> None:
    stream = LiveStream(IHOMER())
    row = {"id": 1, "x": {"a": 1.0}}
    feed(stream, [{**row, "y": ["r"]}, {**row, "y": ["r"]}, {"id": 1, "y": ["r"]}, row])
    assert (stream.counts["learned"], stream.counts["repeated"]) == (1, 3)
    feed(stream, [{"id": 1, "y": ["g"]}, {"id": 1, "y": ["g"]}, {**row, "y": ["r"]}])
    assert (stream.counts["corrected"], stream.counts["repeated"]) == (2, 4)
    assert stream.model.n_rows == 3 and stream.scores.total.n_rows == 1


@pytest.mark.parametrize("y", [None, {"r": 1, "g": None}, "absent"])
def test_unknown_labels_are_no_negatives(y: Any) -> None:
    stream = LiveStream(IHOMER())
    row = {"x": {"a": 1.0}} | ({} if y == "absent" else {"y": y})
    (taken,) = feed(stream, [row])
    assert taken.predicted == () and stream.counts["unlabelled"] == 1
    assert stream.model.n_rows == 0
    feed(stream, [{"x": {"a": 1.0}, "y": []}, {"x": {"a": 1.0}, "y": {"r": False}}])
    assert stream.model.n_rows == 2 and stream.counts["learned"] == 2


def test_bad_rows_are_set_aside_and_change_nothing_else(tmp_path: Path) -> None:
    stream = LiveStream(IHOMER())
    feed(stream, [{"x": x, "y": y} for x, y in made_rows(50)])
    before = model_contents(stream.model, tmp_path / "a")
    bad = [
        Unreadable("broken", "{"),
        {"x": {"a": "word"}, "y": []},
        {"x": {"a": 1.0}, "y": "r"},
        {"x": {"a": 1.0}, "y": ["r", "r"]},
        {"x": [1], "y": []},
        {"id": True, "x": {}},
        {"id": 5},
        {"title": "flat", "y": []},
        {"y": ["r"]},
        {"id": 3, "x": {"a": None}},
    ]
    taken = feed(stream, bad)
    assert all(one.reason and one.predicted is None for one in taken)
    assert stream.counts["malformed"] == len(bad) and stream.positions == {"s": 60}
    assert model_contents(stream.model, tmp_path / "a") == before
    assert stream.awaited.count("rows") == 0


def test_waiting_rows_are_bounded_by_number_and_age() -> None:
    stream = LiveStream(IHOMER(), AwaitedRows(most=3, age=100.0))
    feed(stream, [{"id": i, "x": {"a": 1.0}} for i in range(5)], time=1000.0)
    assert stream.awaited.count("rows") == 3 and stream.awaited.expired["rows"] == 2
    feed(stream, [{"id": "l", "y": ["r"]}], time=1050.0)
    feed(stream, [{"x": {"a": 1.0}}], time=1100.0)
    assert stream.awaited.expired == {"rows": 2, "labels": 0}
    feed(stream, [{"x": {"a": 1.0}}], time=1100.5)
    assert stream.awaited.expired == {"rows": 5, "labels": 0}
    feed(stream, [{"x": {"a": 1.0}}], time=1151.0)
    assert stream.awaited.expired == {"rows": 5, "labels": 1}


ids = st.integers(0, 5)
records = st.lists(
    st.one_of(
        st.builds(lambda i: {"id": i, "x": {"a": float(i)}}, ids),
        st.builds(lambda i, y: {"id": i, "y": y}, ids, st.sampled_from([["r"], ["g"], []])),
        st.builds(
            lambda i, y: {"id": i, "x": {"a": float(i)}, "y": y},
            ids,
            st.sampled_from([["r"], ["g"], None]),
        ),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(records)
def test_what_is_learned_equals_a_plain_account(rows: list[dict[str, Any]]) -> None:
    """Plain twin: what each id was last learned with, row by row."""
    stream, learned = LiveStream(IHOMER()), []
    taught: list[tuple[float, tuple[str, ...]]] = []
    x_of: dict[int, float] = {}
    y_of: dict[int, list[str]] = {}
    last: dict[int, list[str]] = {}
    stream.model.learn_one = lambda x, y: taught.append((x["a"], tuple(y)))  # type: ignore[method-assign]
    for row in rows:
        i = row["id"]
        if "x" in row:
            x_of[i] = row["x"]["a"]
        if row.get("y") is not None:
            y_of[i] = row["y"]
        if i in x_of and i in y_of and last.get(i) != y_of[i]:
            last[i] = y_of[i]
            learned.append((x_of[i], tuple(y_of[i])))
    feed(stream, rows)
    assert taught == learned
    assert stream.counts["rows"] == len(rows)


@settings(max_examples=25, deadline=None)
@given(records, st.integers(0, 25))
def test_a_restart_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], at: int
) -> None:
    folder = tmp_path_factory.mktemp("live")
    whole = LiveStream(IHOMER(), AwaitedRows(4, 10.0))
    feed(whole, rows, 5.0)
    first = LiveStream(IHOMER(), AwaitedRows(4, 10.0))
    feed(first, rows[:at], 5.0)
    checkpoints = Checkpoints(folder)
    checkpoints.write(first.parts(first.model, folder / "model.zip"))
    again = checkpoints.latest(lambda parts: LiveStream.load(parts, AwaitedRows(4, 10.0)))
    feed(again, rows[at:], 5.0)
    assert again.counts == whole.counts and again.positions == whole.positions
    assert again.awaited.to_lines() == whole.awaited.to_lines()
    assert json.dumps(again.scores.to_json()) == json.dumps(whole.scores.to_json())
    assert model_contents(again.model, folder / "a") == model_contents(whole.model, folder / "b")


def test_scores_go_on_to_the_bit_and_their_curve_is_bounded() -> None:
    rng = random.Random(3)
    rows = [
        (rng.sample("abcde", rng.randrange(4)), rng.sample("abcde", rng.randrange(4)))
        for _ in range(12_000)
    ]
    whole, first = LiveScores(50), LiveScores(50)
    for truth, guess in rows:
        whole.update(truth, guess)
    for truth, guess in rows[:7000]:
        first.update(truth, guess)
    again = LiveScores.from_json(json.dumps(first.to_json()))
    for truth, guess in rows[7000:]:
        again.update(truth, guess)
    assert json.dumps(again.to_json()) == json.dumps(whole.to_json())
    assert again.total.as_dict() == whole.total.as_dict()
    assert 200 <= len(whole.curve) <= 400
    assert [point.row % whole.every for point in whole.curve] == [0] * len(whole.curve)


def test_a_record_may_name_labels_by_numbers() -> None:
    assert read_record({"id": "a", "y": [3, "4"]}).y == ("3", "4")
    with pytest.raises(DataError, match="label '3' is named twice"):
        read_record({"id": "a", "y": [3, "3"]})
