"""Trimmed whitening against the dense solution."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.unsafe.rows.target_sets import target_sets
from growlabels.unsafe.scores.kt import trimmed_directions, whitened_directions


def dense(sample: np.ndarray, directions: np.ndarray, shrinkage: float) -> np.ndarray:
    """The slow twin: the covariance written out and inverted."""
    mean = sample.mean(0)
    covariance = (sample - mean).T @ (sample - mean) / len(sample)
    rank = min(len(sample) - 1, sample.shape[1])
    covariance += np.eye(len(covariance)) * shrinkage * np.trace(covariance) / rank
    return np.linalg.inv(covariance) @ (directions - mean[:, None])


@settings(deadline=None, max_examples=40)
@given(st.integers(3, 30), st.integers(2, 20), st.floats(0.1, 20), st.integers(0, 999))
def test_gram_solution_equals_the_dense_one(
    rows: int, dim: int, shrinkage: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    sample = generator.normal(size=(rows, dim)) * generator.uniform(0.1, 3, dim)
    directions = generator.normal(size=(dim, 3))
    found = whitened_directions(sample, directions, shrinkage)
    np.testing.assert_allclose(found, dense(sample, directions, shrinkage), rtol=1e-6, atol=1e-9)


def test_equal_rows_leave_the_direction_as_it_is() -> None:
    sample = np.ones((4, 3))
    directions = np.array([[2.0], [1.0], [0.0]])
    np.testing.assert_array_equal(whitened_directions(sample, directions, 1.0), directions - 1)


def test_suspects_do_not_enter_the_covariance() -> None:
    """A direction in which only the highest rows differ stays usable when they are trimmed."""
    generator = np.random.default_rng(0)
    ordinary = generator.normal(size=(170, 10))
    ordinary[:, 0] = 0
    unsafe = generator.normal(size=(30, 10))
    unsafe[:, 0] = generator.uniform(2, 6, 30)
    target = np.zeros((1, 10))
    target[0, 0] = 4.0
    sample = np.concatenate([ordinary, unsafe])

    def separation(trimmed: float) -> float:
        scores = sample @ trimmed_directions(sample, target, target_sets(1), trimmed)[:, 0]
        return (scores[170:].mean() - scores[:170].mean()) / scores[:170].std()

    assert separation(0.15) > 1.5 * separation(0.0)


@pytest.mark.parametrize("rows", [1, 2])
def test_tiny_pools_give_finite_directions(rows: int) -> None:
    sample = np.random.default_rng(0).normal(size=(rows, 4))
    found = trimmed_directions(sample, np.ones((2, 4)), target_sets(2))
    assert found.shape == (4, 3)
    assert np.isfinite(found).all()
