"""All scores of a stored pool for all target sets, and the scores of the left-out targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from growlabels.base.progress import Progress
from growlabels.unsafe.features.hidden import WINDOW_TOKENS
from growlabels.unsafe.features.store import FeatureShard, FeatureStore
from growlabels.unsafe.rows.target_sets import left_out
from growlabels.unsafe.scores.fusion import zscore
from growlabels.unsafe.scores.pool_statistics import (
    PoolScorer,
    PoolStatistics,
    ShardScores,
    pool_statistics,
)
from growlabels.unsafe.scores.threshold import percentile

SINGLE = ("tfidf", "kt", "repsim")
"""Methods with one score per row and target set; windows have one for each layer too."""


@dataclass(frozen=True)
class PoolScores:
    """What the forward passes say of a pool, of every answer.

    Attributes
    ----------
    statistics
        Of the pool.
    ids, keys, numbers, answers, truncated
        Of the answers, as in :class:`FeatureShard`.
    parts
        Method -> scores, shape (answers, target sets).
    target_parts
        Method -> scores of the targets as if they were answers, shape (targets, target sets).
    nearest
        Per answer the place of the target nearest to its best window.
    window_start, window_end
        The best window among the response tokens.
    window_tokens
        Its tokens, shape (answers, longest window), -1 after the end of a shorter one.
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
    """Read the store twice, one shard at a time: statistics, then scores.

    Scores are kept in float32, a number for each answer, method and target set; nothing else grows
    with the answers but their names and best windows.
    """
    statistics = pool_statistics(store, rows)
    scorer = PoolScorer(statistics, targets)
    layers = len(statistics.mean_window)
    room = _Room(statistics.rows, layers, scorer.sets.shape[1])
    ids: list[str] = []
    keys: list[str] = []
    for shard in store:
        room.put(slice(len(ids), len(ids) + len(shard)), shard, scorer(shard))
        ids += shard.ids
        keys += shard.keys
        progress("scores", len(ids), rows)
    of_targets = scorer(targets)
    target_parts = {name: getattr(of_targets, name) for name in SINGLE}
    target_parts["windows"] = zscore(of_targets.windows.scores, room.windows).sum(1)
    return PoolScores(
        statistics,
        ids,
        keys,
        room.numbers,
        room.answers,
        room.truncated,
        {**room.parts, "windows": room.joined_windows()},
        target_parts,
        room.nearest,
        room.window_start,
        room.window_end,
        room.window_tokens,
    )


class _Room:
    """Scores of all answers, filled shard by shard."""

    def __init__(self, rows: int, layers: int, sets: int) -> None:
        self.parts = {name: np.empty((rows, sets), np.float32) for name in SINGLE}
        self.windows = np.empty((rows, layers, sets), np.float32)
        self.numbers, self.answers, self.nearest, self.window_start, self.window_end = (
            np.empty(rows, np.int64) for _ in range(5)
        )
        self.truncated = np.empty(rows, bool)
        self.window_tokens = np.full((rows, WINDOW_TOKENS), -1, np.int32)

    def put(self, places: slice, shard: FeatureShard, scored: ShardScores) -> None:
        """Keep the scores of a shard."""
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
        """Add the layers' z-scores; the layers are overwritten by them."""
        zscore(self.windows, out=self.windows)
        joined = self.windows[:, 0]
        for layer in range(1, self.windows.shape[1]):
            joined += self.windows[:, layer]
        return joined


def left_out_percentiles(pool: np.ndarray, targets: np.ndarray, outside: np.ndarray) -> list[float]:
    """Return each left-out target's percentile among the pool rows that are no targets.

    Parameters
    ----------
    pool, targets
        Scores of one method, shapes (rows, target sets) and (targets, target sets).
    outside
        Rows that are no targets; where there are none, all rows serve.
    """
    outside = outside if outside.any() else np.ones_like(outside)
    return [
        percentile(float(targets[target, column]), pool[outside, column])
        for column, target in enumerate(left_out(len(targets)), 1)
    ]


def without_itself(scores: np.ndarray, target_of: np.ndarray, targets: int) -> np.ndarray:
    """Return each answer's score for all targets; one that is a target is scored without itself.

    Parameters
    ----------
    scores
        Shape (answers, target sets).
    target_of
        Per answer the target it equals, or -1.
    """
    column_of = np.zeros(targets + 1, np.int64)
    for column, target in enumerate(left_out(targets), 1):
        column_of[target] = column
    return scores[np.arange(len(scores)), column_of[target_of]]
