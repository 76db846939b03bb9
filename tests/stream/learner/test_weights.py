"""A weight of 2 is the row twice, to the bit."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import preprocessing

from growlabels.base.errors import UsageError
from growlabels.stream import IHOMER
from growlabels.stream.learner.weights import Weights


def rows_of(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 4)), rng.random((rows, 3)) < 0.4


def same(one: IHOMER, other: IHOMER) -> None:
    X, _ = rows_of(20)
    assert one.n_rows == other.n_rows
    np.testing.assert_array_equal(one.predict_proba_many(X), other.predict_proba_many(X))


def test_a_weight_of_two_is_the_row_twice() -> None:
    X, Y = rows_of(30)
    weighted, twice, many = IHOMER(), IHOMER(), IHOMER()
    times = np.array([0, 1, 2, 3, 1] * 6)
    for x, y, w in zip(X.tolist(), Y.tolist(), times.tolist(), strict=True):
        weighted.learn_one(dict(enumerate(x)), dict(enumerate(y)), w=float(w))
        for _ in range(w):
            twice.learn_one(dict(enumerate(x)), dict(enumerate(y)))
    many.learn_many(X, Y, sample_weight=times)
    same(weighted, twice)
    same(many, twice)
    fitted = IHOMER().partial_fit(X, Y, sample_weight=times.astype(float))
    same(fitted, twice)


def test_a_pipeline_of_river_hands_the_weight_on() -> None:
    model, twice = (preprocessing.StandardScaler() | IHOMER() for _ in range(2))
    model.learn_one({"a": 1.0}, {"x"}, w=2)
    assert model["IHOMER"].n_rows == 2
    assert twice["IHOMER"].n_rows == 0


@given(st.lists(st.integers(0, 40)))
def test_fractions_are_carried(quarters: list[int]) -> None:
    weights, learned = Weights(), 0
    for quarter in quarters:
        learned += weights.times(quarter / 4, "w")
    total = sum((Fraction(quarter, 4) for quarter in quarters), Fraction())
    assert learned + Fraction(weights.owed) == total
    assert 0 <= weights.owed < 1


def test_what_is_owed_is_saved(tmp_path: Path) -> None:
    model = IHOMER()
    model.learn_one({"a": 1.0}, {"x"}, w=0.5)
    assert model.n_rows == 0
    model.save(tmp_path / "m.zip")
    again = IHOMER.load(tmp_path / "m.zip")
    again.learn_one({"a": 1.0}, {"x"}, w=0.5)
    assert again.n_rows == 1


@pytest.mark.parametrize("wrong", [-1, "two", None, float("nan"), 10_001])
def test_wrong_weights_are_refused(wrong: Any) -> None:
    model = IHOMER()
    with pytest.raises(UsageError, match="w must be a number from 0 to 10,000"):
        model.learn_one({"a": 1.0}, {"x"}, w=wrong)
    with pytest.raises(UsageError, match=r"sample_weight\[1\] must be a number"):
        model.learn_many(np.ones((2, 1)), np.ones((2, 1)), sample_weight=[0.5, wrong])
    with pytest.raises(UsageError, match="sample_weight must be 2 numbers"):
        model.learn_many(np.ones((2, 1)), np.ones((2, 1)), sample_weight=[1.0])
    assert model.n_rows == 0
    model.learn_one({"a": 1.0}, {"x"}, w=0.5)
    assert model.n_rows == 0
