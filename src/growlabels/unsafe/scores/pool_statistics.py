"""Compute the statistics of a stored pool, and score its shards against targets."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from growlabels.unsafe.features.store import FeatureShard
from growlabels.unsafe.features.unit import unit
from growlabels.unsafe.rows.target_sets import target_sets
from growlabels.unsafe.rows.words import InverseFrequencies
from growlabels.unsafe.scores.kt import trimmed_directions
from growlabels.unsafe.scores.windows import WindowScores, window_scores

SAMPLE = 2048
"""Most rows used to estimate the whitening, evenly spaced in a larger pool."""


@dataclass(frozen=True)
class PoolStatistics:
    """Hold the statistics of the whole pool that scoring needs.

    Attributes
    ----------
    rows
        Number of rows.
    frequencies
        Document frequencies of words.
    mean_window, mean_row
        Mean of the unit windows and mean of the unit row means, shape (layers, dim).
    sample
        Row means used to estimate the whitening, shape (sampled rows, layers, dim).
    """

    rows: int
    frequencies: InverseFrequencies
    mean_window: np.ndarray
    mean_row: np.ndarray
    sample: np.ndarray

    def whitening_space(self, means: np.ndarray) -> np.ndarray:
        """Centre each layer, scale it to unit length and join the layers, weighted.

        The middle layers together have weight ½, and the last layer has weight ½.
        """
        centred = unit(means.astype(np.float64) - self.mean_row)
        middle = centred.shape[1] - 1
        weights = np.sqrt([0.5 / middle] * middle + [0.5])
        return (centred * weights[:, None]).reshape(len(means), -1)

    def centred_windows(self, means: np.ndarray) -> np.ndarray:
        """Subtract the pool's mean window from row means and scale them to unit length."""
        layers = len(self.mean_window)
        return unit(means[:, :layers].astype(np.float64) - self.mean_window)


@dataclass(frozen=True)
class ShardScores:
    """Hold the scores of a shard's rows, one column per target set, and its best windows."""

    tfidf: np.ndarray
    kt: np.ndarray
    repsim: np.ndarray
    windows: WindowScores


def pool_statistics(shards: Iterable[FeatureShard], rows: int) -> PoolStatistics:
    """Compute the statistics in one pass over the pool.

    Parameters
    ----------
    shards
        Shards of the pool, in order.
    rows
        Number of rows of the pool, which decides which rows are sampled.
    """
    chosen = {place * rows // min(rows, SAMPLE) for place in range(min(rows, SAMPLE))}
    frequencies = InverseFrequencies()
    window_sum, row_sum = np.float64(0), np.float64(0)
    windows = seen = 0
    sample: list[np.ndarray] = []
    for shard in shards:
        frequencies.add(shard.text)
        window_sum = window_sum + shard.hidden.windows.sum(0, dtype=np.float64)
        row_sum = row_sum + shard.hidden.means.sum(0, dtype=np.float64)
        windows += len(shard.hidden.windows)
        sample += [shard.hidden.means[i] for i in range(len(shard)) if seen + i in chosen]
        seen += len(shard)
    return PoolStatistics(
        seen,
        frequencies,
        np.asarray(window_sum / windows),
        np.asarray(row_sum / seen),
        np.stack(sample),
    )


class PoolScorer:
    """Score shards against targets with the statistics of the pool.

    Parameters
    ----------
    statistics
        Statistics of the pool.
    targets
        Features of the targets, computed with the same model and settings.
    """

    def __init__(self, statistics: PoolStatistics, targets: FeatureShard) -> None:
        self.statistics = statistics
        self.targets = targets
        self.sets: NDArray[np.float64] = target_sets(len(targets))
        self._place = {key: place for place, key in enumerate(targets.keys)}
        means = targets.hidden.means
        self._window_targets = statistics.centred_windows(means)
        self._last = unit(means[:, -1].astype(np.float64))
        self._directions = trimmed_directions(
            statistics.whitening_space(statistics.sample),
            statistics.whitening_space(means),
            self.sets,
        )

    def __call__(self, shard: FeatureShard) -> ShardScores:
        """Return the scores of the rows of one shard."""
        hidden = shard.hidden
        last = unit(hidden.means[:, -1].astype(np.float64))
        return ShardScores(
            tfidf=self.statistics.frequencies.cosines(shard.text, self.targets.text) @ self.sets,
            kt=self.statistics.whitening_space(hidden.means) @ self._directions,
            repsim=last @ self._last.T @ self.sets,
            windows=window_scores(
                hidden.windows,
                hidden.offsets,
                self.statistics.mean_window,
                self._window_targets,
                self.sets,
                np.array([self._place.get(key, -1) for key in shard.keys], np.int64),
            ),
        )
