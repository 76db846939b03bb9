"""Scores of a pool against all shards joined in float64, and what is kept of the best windows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.progress import silent
from growlabels.unsafe.features.hidden import WINDOW_TOKENS, HiddenFeatures
from growlabels.unsafe.features.store import FeatureShard
from growlabels.unsafe.rows.words import count_words
from growlabels.unsafe.scores.forward_scores import score_pool
from growlabels.unsafe.scores.pool_statistics import PoolScorer, pool_statistics

DIM = 6


def shard(lengths: Sequence[int], first: int, generator: np.random.Generator) -> FeatureShard:
    """Draw a shard whose rows have so many response tokens."""

    def unit(*shape: int) -> np.ndarray:
        vectors = generator.normal(size=shape)
        return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float16)

    rows = len(lengths)
    windows = [max(length - WINDOW_TOKENS + 1, 1) for length in lengths]
    words = generator.integers(9, size=(rows, 5))
    return FeatureShard(
        ids=[f"id{first + row}" for row in range(rows)],
        keys=[f"key{first + row}" for row in range(rows)],
        numbers=np.arange(first, first + rows),
        answers=np.ones(rows, np.int64),
        hidden=HiddenFeatures(
            unit(rows, 5, DIM), unit(sum(windows), 3, DIM), np.cumsum([0, *windows])
        ),
        text=count_words(" ".join(f"w{word}" for word in line) for line in words),
        tokens=generator.integers(100, size=sum(lengths)).astype(np.int32),
        token_offsets=np.cumsum([0, *lengths]),
        truncated=generator.random(rows) < 0.5,
        tokenless=np.zeros(0, np.int64),
    )


def plain_zscore(scores: np.ndarray, pool: np.ndarray) -> np.ndarray:
    return (scores - np.median(pool, 0)) / pool.std(0)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.lists(st.integers(1, 7), min_size=1, max_size=4), min_size=2, max_size=4),
    st.integers(1, 4),
    st.integers(0, 999),
)
def test_scores_equal_those_of_all_shards_joined(
    lengths: list[list[int]], count: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    shards, first = [], 1
    for some in lengths:
        shards.append(shard(some, first, generator))
        first += len(some)
    targets = shard([5] * count, 0, generator)
    store: Any = shards
    pool = score_pool(store, targets, first - 1, silent)
    scorer = PoolScorer(pool_statistics(shards, first - 1), targets)
    scored, of_targets = [scorer(part) for part in shards], scorer(targets)
    for name in ("tfidf", "kt", "repsim"):
        expected = np.concatenate([getattr(part, name) for part in scored])
        np.testing.assert_allclose(pool.parts[name], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(pool.target_parts[name], getattr(of_targets, name))
    layers = np.concatenate([part.windows.scores for part in scored])
    found = [(pool.parts, layers), (pool.target_parts, of_targets.windows.scores)]
    for parts, scores in found:
        expected = plain_zscore(scores, layers).sum(1)
        np.testing.assert_allclose(parts["windows"], expected, rtol=1e-4, atol=1e-4)
    assert pool.numbers.tolist() == list(range(1, first))
    assert list(pool.ids) == [f"id{number}" for number in range(1, first)]
    place = 0
    for part, of_part in zip(shards, scored, strict=True):
        for row, best in enumerate(of_part.windows.best):
            own = part.tokens[part.token_offsets[row] : part.token_offsets[row + 1]]
            window = own[best : best + WINDOW_TOKENS]
            kept = pool.window_tokens[place]
            assert kept[kept >= 0].tolist() == window.tolist()
            assert pool.window_end[place] - pool.window_start[place] == len(window)
            place += 1
