"""A pool of stored rows scored against targets: one pass for its statistics, one for scores."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from growlabels.unsafe.features.store import FeatureShard
from growlabels.unsafe.features.unit import unit
from growlabels.unsafe.rows.target_sets import target_sets
from growlabels.unsafe.rows.words import InverseFrequencies
from growlabels.unsafe.scores.kt import trimmed_directions
from growlabels.unsafe.scores.windows import WindowScores, window_scores

SAMPLE = 2048
"""Rows that the whitening learns from; an even choice of a larger pool."""


@dataclass(frozen=True)
class PoolStatistics:
    """What scoring needs to know of the whole pool.

    Attributes
    ----------
    rows
        How many.
    frequencies
        Document frequencies of words.
    mean_window, mean_row
        Mean unit window and mean unit row mean, shape (layers, dim).
    sample
        Row means that the whitening learns from, shape (sampled rows, layers, dim).
    """

    rows: int
    frequencies: InverseFrequencies
    mean_window: np.ndarray
    mean_row: np.ndarray
    sample: np.ndarray

    def whitening_space(self, means: np.ndarray) -> np.ndarray:
        """Centre, scale to unit length and join the layers: middle layers ½, the last ½."""
        centred = unit(means.astype(np.float64) - self.mean_row)
        middle = centred.shape[1] - 1
        weights = np.sqrt([0.5 / middle] * middle + [0.5])
        return (centred * weights[:, None]).reshape(len(means), -1)

    def centred_windows(self, means: np.ndarray) -> np.ndarray:
        """Centre row means of the window layers on the pool's mean window, unit length."""
        layers = len(self.mean_window)
        return unit(means[:, :layers].astype(np.float64) - self.mean_window)


@dataclass(frozen=True)
class ShardScores:
    """Scores of a shard's rows, one column per target set, and what the windows say."""

    tfidf: np.ndarray
    kt: np.ndarray
    repsim: np.ndarray
    windows: WindowScores


def pool_statistics(shards: Iterable[FeatureShard], rows: int) -> PoolStatistics:
    """Read the pool once.

    Parameters
    ----------
    shards
        The pool, in order.
    rows
        How many rows it has; decides which are sampled.
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
    """Scores shards against targets, with the pool's statistics.

    Parameters
    ----------
    statistics
        Of the pool.
    targets
        Features of the targets, made with the same model and settings.
    """

    def __init__(self, statistics: PoolStatistics, targets: FeatureShard) -> None:
        self.statistics = statistics
        self.targets = targets
        self.sets = target_sets(len(targets))
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
        """Score the rows of one shard."""
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
