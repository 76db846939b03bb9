"""Score a stored pool by all forward methods, for all target sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from growlabels.base.progress import Progress
from growlabels.unsafe.features.hidden import WINDOW_TOKENS
from growlabels.unsafe.features.store import FeatureShard, FeatureStore
from growlabels.unsafe.rows.target_sets import left_out
from growlabels.unsafe.scores.defaults import PARTS
from growlabels.unsafe.scores.fusion import zscore
from growlabels.unsafe.scores.pool_statistics import (
    PoolScorer,
    PoolStatistics,
    ShardScores,
    pool_statistics,
)
from growlabels.unsafe.scores.threshold import percentile

SINGLE = tuple(part for part in PARTS if part != "windows")
"""Methods with one score per answer and target set; windows have one for each layer too."""


@dataclass(frozen=True)
class PoolScores:
    """Hold the forward scores of every answer of a pool.

    Attributes
    ----------
    statistics
        Statistics of the pool.
    ids, keys, numbers, answers, truncated
        One entry per answer, as in :class:`FeatureShard`.
    parts
        Method -> scores, shape (answers, target sets).
    target_parts
        Method -> scores of the targets, as if they were answers, shape (targets, target sets).
    nearest
        Index of the target nearest to each answer's best window.
    window_start, window_end
        Half-open range of the best window among the response tokens.
    window_tokens
        Token ids of the best window, shape (answers, longest window), padded with -1.
    """

    statistics: PoolStatistics
    ids: Sequence[str]
    keys: Sequence[str]
    numbers: np.ndarray
    answers: np.ndarray
    truncated: np.ndarray
    parts: Mapping[str, np.ndarray]
    target_parts: Mapping[str, np.ndarray]
    nearest: np.ndarray
    window_start: np.ndarray
    window_end: np.ndarray
    window_tokens: np.ndarray


def score_pool(
    store: FeatureStore, targets: FeatureShard, rows: int, progress: Progress
) -> PoolScores:
    """Read the store twice, one shard at a time: first for statistics, then for scores.

    Memory grows with the answers only by their scores in float32, ids and best windows.
    """
    statistics = pool_statistics(store, rows)
    scorer = PoolScorer(statistics, targets)
    layers = len(statistics.mean_window)
    filled = _ShardTable(statistics.rows, layers, scorer.sets.shape[1])
    ids: list[str] = []
    keys: list[str] = []
    for shard in store:
        filled.put(slice(len(ids), len(ids) + len(shard)), shard, scorer(shard))
        ids += shard.ids
        keys += shard.keys
        progress("scores", len(ids), rows)
    of_targets = scorer(targets)
    target_parts = {name: getattr(of_targets, name) for name in SINGLE}
    target_parts["windows"] = zscore(of_targets.windows.scores, filled.windows).sum(1)
    return PoolScores(
        statistics,
        ids,
        keys,
        filled.numbers,
        filled.answers,
        filled.truncated,
        {**filled.parts, "windows": filled.joined_windows()},
        target_parts,
        filled.nearest,
        filled.window_start,
        filled.window_end,
        filled.window_tokens,
    )


class _ShardTable:
    """Collect the scores of all answers, shard by shard."""

    def __init__(self, rows: int, layers: int, sets: int) -> None:
        self.parts = {name: np.empty((rows, sets), np.float32) for name in SINGLE}
        self.windows = np.empty((rows, layers, sets), np.float32)
        self.numbers, self.answers, self.nearest, self.window_start, self.window_end = (
            np.empty(rows, np.int64) for _ in range(5)
        )
        self.truncated = np.empty(rows, bool)
        self.window_tokens = np.full((rows, WINDOW_TOKENS), -1, np.int32)

    def put(self, places: slice, shard: FeatureShard, scored: ShardScores) -> None:
        """Store the scores of one shard."""
        for name, part in self.parts.items():
            part[places] = getattr(scored, name)
        self.windows[places] = scored.windows.scores
        self.nearest[places] = scored.windows.nearest
        self.numbers[places] = shard.numbers
        self.answers[places] = shard.answers
        self.truncated[places] = shard.truncated
        first = shard.token_offsets[:-1]
        self.window_start[places] = start = scored.windows.best
        self.window_end[places] = end = np.minimum(
            start + WINDOW_TOKENS, shard.token_offsets[1:] - first
        )
        inside = np.arange(WINDOW_TOKENS) < (end - start)[:, None]
        of_window = (first + start)[:, None] + np.arange(WINDOW_TOKENS)
        self.window_tokens[places][inside] = shard.tokens[of_window[inside]]

    def joined_windows(self) -> np.ndarray:
        """Return the sum of the layers' z-scores, which overwrite the layers."""
        zscore(self.windows, out=self.windows)
        joined = self.windows[:, 0]
        for layer in range(1, self.windows.shape[1]):
            joined += self.windows[:, layer]
        return joined


def left_out_percentiles(pool: np.ndarray, targets: np.ndarray, outside: np.ndarray) -> list[float]:
    """Return each left-out target's percentile among the pool rows that are not targets.

    Parameters
    ----------
    pool, targets
        Scores of one method, shapes (rows, target sets) and (targets, target sets).
    outside
        Whether each row is not a target. If there is no such row, all rows are used.
    """
    outside = outside if outside.any() else np.ones_like(outside)
    return [
        percentile(float(targets[target, column]), pool[outside, column])
        for column, target in enumerate(left_out(len(targets)), 1)
    ]


def without_itself(scores: np.ndarray, target_of: np.ndarray, targets: int) -> np.ndarray:
    """Return each answer's score for all targets; an answer that is a target leaves itself out.

    Parameters
    ----------
    scores
        Shape (answers, target sets).
    target_of
        Index of the target that each answer equals, or -1.
    targets
        Number of targets.
    """
    column_of = np.zeros(targets + 1, np.int64)
    for column, target in enumerate(left_out(targets), 1):
        column_of[target] = column
    return scores[np.arange(len(scores)), column_of[target_of]]
