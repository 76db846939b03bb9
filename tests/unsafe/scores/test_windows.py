"""Window scores, target sets, z-scores and fusion against plain loops."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.unsafe.features.unit import unit
from growlabels.unsafe.rows.target_sets import left_out, target_sets
from growlabels.unsafe.scores.fusion import fuse, zscore
from growlabels.unsafe.scores.windows import window_scores


def one_by_one(
    windows: np.ndarray, mean: np.ndarray, targets: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The slow twin for one row and one layer: each window against each target."""
    best = -np.inf
    for window in windows:
        centred = window - mean
        cosines = [
            float(centred @ target / np.linalg.norm(centred) / np.linalg.norm(target))
            for target in targets
        ]
        best = max(best, float(np.dot(cosines, weights)))
    return np.array(best)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(1, 4), st.integers(0, 999))
def test_window_scores_equal_the_loop(lengths: list[int], targets: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    offsets = np.cumsum([0, *lengths])
    windows = unit(generator.normal(size=(offsets[-1], 2, 5)))
    mean = generator.normal(size=(2, 5)) * 0.1
    wanted = unit(generator.normal(size=(targets, 2, 5)))
    sets = target_sets(targets)
    found = window_scores(windows, offsets, mean, wanted, sets)
    for row in range(len(lengths)):
        own = windows[offsets[row] : offsets[row + 1]]
        for layer in range(2):
            for column in range(sets.shape[1]):
                expected = one_by_one(own[:, layer], mean[layer], wanted[:, layer], sets[:, column])
                np.testing.assert_allclose(found.scores[row, layer, column], expected, atol=1e-5)


def test_the_best_window_and_its_target_are_named() -> None:
    targets = np.eye(3)[:2].reshape(2, 1, 3)
    windows = np.array([[0, 0, 1], [0, 1, 0.1], [0, 0, 1], [1, 0, 0.1]], float).reshape(4, 1, 3)
    found = window_scores(
        unit(windows), np.array([0, 2, 4]), np.zeros((1, 3)), targets, target_sets(2)
    )
    assert found.best.tolist() == [1, 1]
    assert found.nearest.tolist() == [1, 0]


def test_a_row_that_is_a_target_is_explained_by_the_others() -> None:
    targets = unit(np.array([[1, 0, 0], [0.1, 1, 0], [0, 0, 1]], float)).reshape(3, 1, 3)
    windows = unit(np.array([[1, 0, 0], [0, 1, 0.2]], float)).reshape(2, 1, 3)
    asked = np.array([0, 2]), np.zeros((1, 3)), targets, target_sets(3)
    for own, best, nearest in (([-1], 1, 1), ([1], 0, 0), ([0], 1, 1)):
        found = window_scores(windows, *asked, np.array(own))
        assert (found.best.tolist(), found.nearest.tolist()) == ([best], [nearest])
    alone = window_scores(windows, asked[0], asked[1], targets[:1], target_sets(1), np.array([0]))
    assert alone.nearest.tolist() == [0]


def test_columns_of_target_sets_sum_to_one() -> None:
    for targets in (1, 2, 12, 40):
        sets = target_sets(targets)
        np.testing.assert_allclose(sets.sum(0), 1)
        for column, target in enumerate(left_out(targets), 1):
            assert sets[target, column] == 0


def test_zscore_is_taken_over_the_pool() -> None:
    pool = np.array([0.0, 1.0, 2.0, 9.0])
    np.testing.assert_allclose(zscore(np.array([1.5, 10.0]), pool), [0, 8.5 / pool.std()])


def test_equal_scores_say_nothing() -> None:
    assert zscore(np.full(4, 0.1)).tolist() == [0.0] * 4
    assert zscore(np.zeros(3)).tolist() == [0.0] * 3


def test_f4w_weighs_the_windows_twice() -> None:
    generator = np.random.default_rng(0)
    parts = {name: generator.normal(size=9) for name in ("tfidf", "kt", "windows", "repsim")}
    expected = sum(zscore(parts[name]) for name in ("tfidf", "kt", "windows", "windows"))
    np.testing.assert_allclose(fuse(parts), expected)
