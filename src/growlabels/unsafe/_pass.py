"""All scores of a stored pool for all target sets, and the scores of the left-out targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from growlabels.base.progress import Progress
from growlabels.unsafe._hidden import WINDOW_TOKENS
from growlabels.unsafe._pool import PoolScorer, PoolStatistics, ShardScores, pool_statistics
from growlabels.unsafe._score import left_out, zscore
from growlabels.unsafe._store import FeatureShard, FeatureStore
from growlabels.unsafe._threshold import percentile


@dataclass(frozen=True)
class PoolScores:
    """What the forward passes say of a pool.

    Attributes
    ----------
    statistics
        Of the pool.
    ids, keys, numbers, truncated
        Of the rows, as in :class:`FeatureShard`.
    parts
        Method -> scores, shape (rows, target sets).
    target_parts
        Method -> scores of the targets as if they were rows, shape (targets, target sets).
    nearest
        Per row the place of the target nearest to its best window.
    window_start, window_end, window_tokens
        The best window among the response tokens, and its tokens.
    """

    statistics: PoolStatistics
    ids: Sequence[str]
    keys: Sequence[str]
    numbers: np.ndarray
    truncated: np.ndarray
    parts: Mapping[str, np.ndarray]
    target_parts: Mapping[str, np.ndarray]
    nearest: np.ndarray
    window_start: np.ndarray
    window_end: np.ndarray
    window_tokens: Sequence[np.ndarray]


def score_pool(
    store: FeatureStore, targets: FeatureShard, rows: int, progress: Progress
) -> PoolScores:
    """Read the store twice, one shard at a time: statistics, then scores."""
    statistics = pool_statistics(store, rows)
    scorer = PoolScorer(statistics, targets)
    scored: list[ShardScores] = []
    ids: list[str] = []
    keys: list[str] = []
    numbers: list[np.ndarray] = []
    truncated: list[np.ndarray] = []
    windows: list[tuple[int, int, np.ndarray]] = []
    for shard in store:
        scored.append(scorer(shard))
        ids += shard.ids
        keys += shard.keys
        numbers.append(shard.numbers)
        truncated.append(shard.truncated)
        windows += _best_windows(shard, scored[-1])
        progress("scores", len(ids), rows)
    layers = np.concatenate([shard.windows.scores for shard in scored])
    return PoolScores(
        statistics,
        ids,
        keys,
        np.concatenate(numbers),
        np.concatenate(truncated),
        _parts(scored, layers),
        _parts([scorer(targets)], layers),
        np.concatenate([shard.windows.nearest for shard in scored]),
        np.array([start for start, _, _ in windows]),
        np.array([end for _, end, _ in windows]),
        [tokens for _, _, tokens in windows],
    )


def _best_windows(shard: FeatureShard, scored: ShardScores) -> list[tuple[int, int, np.ndarray]]:
    """Return start, end and tokens of every row's best window."""
    bounds = zip(shard.token_offsets, shard.token_offsets[1:], strict=False)
    found = []
    for best, (first, last) in zip(scored.windows.best, bounds, strict=True):
        start, end = int(best), min(int(best) + WINDOW_TOKENS, int(last - first))
        found.append((start, end, shard.tokens[first + start : first + end]))
    return found


def _parts(shards: Sequence[ShardScores], pool: np.ndarray) -> dict[str, np.ndarray]:
    """Join the shards; windows become the sum over the layers of their z-scores on the pool."""
    windows = np.concatenate([shard.windows.scores for shard in shards])
    return {
        "tfidf": np.concatenate([shard.tfidf for shard in shards]),
        "kt": np.concatenate([shard.kt for shard in shards]),
        "repsim": np.concatenate([shard.repsim for shard in shards]),
        "windows": zscore(windows, pool).sum(1),
    }


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
    """Return each row's score for all targets; a row that is a target is scored without itself.

    Parameters
    ----------
    scores
        Shape (rows, target sets).
    target_of
        Per row the target it equals, or -1.
    """
    column_of = np.zeros(targets + 1, np.int64)
    for column, target in enumerate(left_out(targets), 1):
        column_of[target] = column
    return scores[np.arange(len(scores)), column_of[target_of]]
