"""Least squares that takes its steps up some at a time, against the solution in one piece."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream.experts.ridge import covariance_times, ridge_step
from growlabels.stream.experts.state import (
    HELD,
    RIDGE,
    STEPS,
    TILE,
    Experts,
    new_experts,
    ridge_places,
)
from growlabels.stream.numeric.numba import borrowing

seeds = st.integers(0, 2**32 - 1)


@borrowing()
def one_step(experts: Experts, x: np.ndarray, gain: np.ndarray, residuals: np.ndarray) -> None:
    ridge_step(experts, x, gain, residuals)


@settings(max_examples=50, deadline=None)
@given(seeds, st.integers(1, 30), st.integers(1, 20), st.integers(1, 5))
def test_steps_give_the_ridge_solution(seed: int, rows: int, features: int, labels: int) -> None:
    rng = np.random.default_rng(seed)
    places = ridge_places(features)
    X = np.zeros((rows, places))
    X[:, : features + 1] = rng.normal(size=(rows, features + 1))
    targets = rng.choice([-1.0, 1.0], (rows, labels))
    experts = new_experts(RIDGE, 3, 30, labels, 1)
    for x, target in zip(X, targets, strict=True):
        gain = np.empty((1, places))
        covariance_times(experts.covariance, x[None], places, gain)
        one_step(experts, x, gain[0], target - experts.ridge[:, :places] @ x)
    steps = int(experts.totals[STEPS])
    assert steps == rows % HELD
    inverse = np.linalg.inv(100 * np.eye(places) + X.T @ X)
    held = experts.held[:steps, :places]
    now = experts.covariance[:places, :places] - held.T @ held
    np.testing.assert_allclose(np.tril(now), np.tril(inverse), atol=1e-9)
    np.testing.assert_allclose(experts.ridge[:, :places].T, inverse @ X.T @ targets, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(seeds, st.integers(1, 5), st.integers(1, 5))
def test_a_row_gets_the_same_product_in_any_company(seed: int, tiles: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    size = tiles * TILE
    full = rng.normal(size=(size + 3, size + 3))
    full += full.T
    x = rng.normal(size=(rows, size))
    below = np.arange(size + 3) // TILE * TILE
    half = np.where(below[:, None] >= below, full, np.nan)  # what lies above is not read
    together, alone = np.empty((2, rows, size))
    covariance_times(half, x, size, together)
    for row in range(rows):
        covariance_times(half, x[row : row + 1], size, alone[row : row + 1])
    np.testing.assert_allclose(together, x @ full[:size, :size], atol=1e-12 * size)
    np.testing.assert_array_equal(together, alone)
