"""Fences: spikes do not spoil what is learned, and a feature that moved is followed."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream import IHOMER
from growlabels.stream.experts.fences import (
    LOOK_EVERY,
    PARKED_AT,
    REACH,
    beyond,
    keep_moments,
    look,
    park,
)
from growlabels.stream.experts.state import (
    COUNTED,
    FEATURES,
    HIGH,
    LOW,
    PARK_HIGH,
    PARK_LOW,
    RIDGE,
    ROWS,
    new_experts,
)

BLANK = 0.0


def stream(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 6))
    return X, X[:, :4] + 0.1 * rng.normal(size=(rows, 4)) > 0.3


def exact(X: np.ndarray, Y: np.ndarray, begin: int) -> tuple[float, IHOMER]:
    model = IHOMER()
    return float((model.prequential_many(X, Y) == Y)[begin:].all(axis=1).mean()), model


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_parking_equals_plain_python(seed: int, features: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.choice([-9.0, -1.0, 0.0, 1.0, 9.0], features)
    fences = np.zeros((7, features))
    fences[LOW], fences[HIGH] = rng.choice([-np.inf, -3.0, 0.5]), rng.choice([np.inf, 3.0])
    fences[PARK_LOW], fences[PARK_HIGH] = -2.0, 2.0
    wanted = [
        v if v == 0 or low <= v <= high else (-2.0 if v < low else 2.0)
        for v, low, high in zip(x, fences[LOW], fences[HIGH], strict=True)
    ]
    assert beyond(x, fences) == (wanted != x.tolist())
    parked, before = np.zeros(features, bool), x.copy()
    park(x, fences, parked)
    assert x.tolist() == wanted
    assert parked.tolist() == (x != before).tolist()
    mean, spread, largest = rng.random((3, features))
    moments = np.full((3, features), 7.0)
    keep_moments(parked, 4, mean, spread, largest, moments)
    for j in range(features):
        kept = (mean[j], spread[j] * 1.25, largest[j]) if parked[j] else (7.0, 7.0, 7.0)
        assert tuple(moments[:, j]) == kept


def test_a_fence_equals_its_definition() -> None:
    rng = np.random.default_rng(1)
    e = new_experts(RIDGE, 100, 3, 2, 4)
    e.totals[[ROWS, FEATURES, COUNTED]] = 100, 3, LOOK_EVERY
    e.window[:] = rng.normal(5, 1, (3, 100))
    e.window[1] = 2.0
    e.mean[:], e.spread[:], e.largest[:] = 5.0, 100.0, 9.0
    e.window[2, 7], e.largest[2] = 1e6, 1e6
    assert look(e, np.zeros((32, 3))) == []
    ordered = np.sort(e.window[0].astype(float))
    reach = REACH * max(ordered[90] - ordered[50], ordered[50] - ordered[9])
    assert e.fences[LOW, 0] == pytest.approx(ordered[50] - reach)
    assert e.fences[HIGH, 0] == pytest.approx(ordered[50] + reach)
    assert e.fences[PARK_HIGH, 0] == pytest.approx(ordered.mean() + PARKED_AT * ordered.std())
    assert e.fences[HIGH, 1] == np.inf  # it never varied
    assert e.mean[0] == 5.0
    assert e.largest[2] < 20
    assert e.window[2, 7] == pytest.approx(e.fences[PARK_HIGH, 2])
    assert e.mean[2] == pytest.approx(np.delete(e.window[2], 7).mean(), rel=1e-5)


@pytest.mark.parametrize(("row", "value"), [(0, 1e6), (5, -1e9), (1500, 1e6)])
def test_one_spike_costs_less_than_a_hundredth(row: int, value: float) -> None:
    X, Y = stream(2600)
    begin = max(row + 1, 100)
    clean, _ = exact(X, Y, begin)
    X[row, 2] = value
    spiked, model = exact(X, Y, begin)
    assert clean - spiked < 0.01
    if row > 50:
        found = [event for event in model.events if event.kind == "spike"]
        assert [(e.row, e.feature, e.statistic) for e in found] == [(row + 1, 2, value)]
        assert found[0].bound < 100


def test_sentinels_cost_no_more_than_blank_cells() -> None:
    X, Y = stream(4000)
    rng = np.random.default_rng(2)
    cells = rng.integers(0, 4000, 20), rng.integers(0, 6, 20)
    blank, sentinel = X.copy(), X.copy()
    blank[cells], sentinel[cells] = BLANK, -9999.0
    assert abs(exact(blank, Y, 0)[0] - exact(sentinel, Y, 0)[0]) < 0.01


def test_a_change_of_units_is_followed() -> None:
    X, Y = stream(4000)
    clean, _ = exact(X, Y, 2200)
    X[2000:, 2] *= 1000.0
    moved, model = exact(X, Y, 2200)
    assert clean - moved < 0.02
    assert [e.kind for e in model.events if e.feature == 2 and e.kind != "spike"] == ["moved"]


def test_single_rows_and_saved_models_agree_to_the_bit(tmp_path: Path) -> None:
    X, Y = stream(400, 3)
    X[[60, 200, 203, 204], [1, 2, 2, 4]] = 1e5, -1e7, 1e7, 40.0
    X[300:350, 0] += 500.0
    many, one = IHOMER(), IHOMER()
    together = many.prequential_many(X, Y)
    for r in range(len(X)):
        if r == 202:
            one.save(tmp_path / "m.zip")
            one = IHOMER.load(tmp_path / "m.zip")
        if r == 320:
            one = pickle.loads(pickle.dumps(one))  # noqa: S301 (made on this line)
        alone = one.prequential_many(X[r : r + 1], Y[r : r + 1])[0]
        assert np.array_equal(together[r, : alone.size], alone)
    assert many.events == one.events
    assert {"spike", "moved"} <= {event.kind for event in many.events}
    for name, mine, its in zip(
        many._engine.experts._fields, many._engine.experts, one._engine.experts, strict=True
    ):
        np.testing.assert_array_equal(mine, its, err_msg=name)


def test_rare_flags_are_no_spikes() -> None:
    X, Y = stream(3000, 4)
    flag = np.random.default_rng(5).random(3000) < 0.005
    X[:, 5] = flag
    Y[:, 3] = flag
    model = IHOMER()
    model.learn_many(X, Y)
    assert not [event for event in model.events if event.kind in ("spike", "moved")]
