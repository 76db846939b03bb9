"""Compare pair counts with a dictionary, in batches, with full tables and after loading."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import DataError, UsageError
from growlabels.stream.clusters.pair_counts import PairCounts

ROWS = st.lists(st.lists(st.integers(0, 30), max_size=8, unique=True).map(sorted), max_size=40)


def csr(rows):
    indptr = np.cumsum([0, *map(len, rows)])
    return indptr, np.array([label for row in rows for label in row], np.int64)


def by_dictionary(rows, half_life):
    """Count pairs in dictionaries; every count decays with every row."""
    fade = 1.0 if half_life is None else 0.5 ** (1 / half_life)
    n, single, double = 0.0, {}, {}
    for row in rows:
        n = n * fade + 1
        single = {a: count * fade for a, count in single.items()}
        double = {pair: count * fade for pair, count in double.items()}
        for i, a in enumerate(row):
            single[a] = single.get(a, 0.0) + 1
            for b in row[i + 1 :]:
                double[a, b] = double.get((a, b), 0.0) + 1
    return n, single, double


def same_arrays(left, right):
    return left.keys() == right.keys() and all(
        left[name].tobytes() == right[name].tobytes() for name in left
    )


@given(ROWS, st.sampled_from([None, 1.5, 40.0]))
@settings(max_examples=60, deadline=None)
def test_equals_a_dictionary(rows, half_life):
    pairs = PairCounts(half_life)
    pairs.learn_rows(*csr(rows))
    n, single, double = by_dictionary(rows, half_life)
    assert pairs.n == pytest.approx(n)
    assert {a: c for a, c in enumerate(pairs.counts) if c} == pytest.approx(single)
    a, b, both = pairs.pairs()
    assert dict(zip(zip(a.tolist(), b.tolist(), strict=True), both, strict=True)) == pytest.approx(
        double
    )


@given(ROWS, st.integers(0, 40), st.sampled_from([16, 40, 10_000]), st.sampled_from([3, 2048]))
@settings(max_examples=60, deadline=None)
def test_batches_loops_and_loading_agree_to_the_bit(rows, cut, max_pairs, row_pairs):
    whole = PairCounts(7.0, max_pairs, row_pairs)
    whole.learn_rows(*csr(rows))
    loop = PairCounts(7.0, max_pairs, row_pairs)
    for at, row in enumerate(rows):
        if at == cut:
            loop = PairCounts.from_arrays(loop.arrays())
        loop.learn(np.array(row, np.int64))
    assert same_arrays(whole.arrays(), loop.arrays())


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_full_table_errs_by_no_more_than_it_says(rows):
    small, large = PairCounts(max_pairs=16), PairCounts()
    small.learn_rows(*csr(rows * 3))
    large.learn_rows(*csr(rows * 3))
    kept = {(a, b): n for a, b, n in zip(*small.pairs(), strict=True)}
    for a, b, true in zip(*large.pairs(), strict=True):
        assert true - small.undercount <= kept.get((a, b), 0.0) <= true
    assert large.undercount == 0.0


def test_frequent_pairs_survive_a_flood_of_rare_ones():
    rng = np.random.default_rng(0)
    pairs = PairCounts(max_pairs=64)
    for _ in range(2000):
        pairs.learn(np.array([0, 1]))
        pairs.learn(np.sort(rng.choice(np.arange(2, 500), 4, replace=False)))
    kept = {(a, b): n for a, b, n in zip(*pairs.pairs(), strict=True)}
    assert kept[0, 1] == 2000.0
    assert len(kept) <= 64


def test_sampled_rows_keep_the_mean():
    pairs = PairCounts(row_pairs=60)
    for labels in (np.arange(31), np.arange(40)):  # odd and even numbers of labels
        for _ in range(1500):
            pairs.learn(labels)
    a, _, both = pairs.pairs()
    inside = both[(a < 31) & (pairs.pairs()[1] < 31)]
    assert inside.mean() == pytest.approx(3000, rel=0.02)
    assert inside.min() > 0.75 * 3000 and inside.max() < 1.25 * 3000
    assert a.size == 780


def test_weights_are_scaled_back_before_they_overflow():
    pairs = PairCounts(half_life=2.0)
    for _ in range(3000):
        pairs.learn(np.array([0, 1]))
    steady = 1 / (1 - 0.5**0.5)
    assert pairs.n == pytest.approx(steady)
    assert pairs.pairs()[2] == pytest.approx([steady])


def test_gate_keeps_real_links_and_drops_chance():
    rng = np.random.default_rng(1)
    present = rng.random((3000, 12)) < 0.3
    present[:, 1] = present[:, 0] ^ (rng.random(3000) < 0.1)
    pairs = PairCounts()
    pairs.learn_rows(np.cumsum([0, *present.sum(1)]), np.nonzero(present)[1])
    kept = pairs.significant()
    a, b, both = pairs.pairs()
    assert [(int(x), int(y)) for x, y in zip(a[kept], b[kept], strict=True)] == [(0, 1)]
    true = (present[:, 0] & present[:, 1]).sum() / (present[:, 0] | present[:, 1]).sum()
    assert pairs.jaccard(0.0)[kept] == pytest.approx([true])
    assert both.max() <= pairs.n


def test_restart_forgets_rows_and_keeps_labels():
    pairs = PairCounts(half_life=50.0)
    pairs.learn_rows(*csr([[0, 1], [1, 2, 7]] * 40))
    pairs.restart()
    assert pairs.n == 0 and pairs.counts.tolist() == [0.0] * 8 and pairs.pairs()[0].size == 0
    fresh = PairCounts(half_life=50.0)
    for each in (pairs, fresh):
        each.learn_rows(*csr([[0, 3], [0, 3]]))
    assert pairs.pairs()[2].tolist() == fresh.pairs()[2].tolist()


def test_wrong_parameters_are_named():
    for wrong in ({"half_life": 0.0}, {"max_pairs": 3}, {"row_pairs": 0}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            PairCounts(**wrong)


def test_at_most_so_many_links_the_most_frequent_ones():
    pairs = PairCounts()
    pairs.learn_rows(*csr([[2 * i, 2 * i + 1] for i in range(9) for _ in range(i + 5)]))
    assert pairs.significant().sum() == 9
    pairs.max_links = 4
    kept = pairs.significant()
    assert pairs.pairs()[0][kept].tolist() == [10, 12, 14, 16]


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ([-(10**9), 2], DataError, "must ascend from 0 .* got \\[-1000000000, 2\\]"),
        ([-1, 2], DataError, "row 0 .* must ascend from 0"),
        ([1, 1], DataError, "without repeats, got \\[1, 1\\]"),
        ([2, 1], DataError, "must ascend"),
        ([1, 2**40], DataError, "at most 2147483647"),
        (np.array([1, 2**63], np.uint64), DataError, "must ascend"),
        ([1.7, 2.2], UsageError, "whole numbers, got dtype float64"),
        ([[1, 2]], UsageError, r"dtype int64 and shape \(1, 2\)"),
    ],
)
def test_invalid_label_indices_are_refused(row, error, message):
    pairs = PairCounts()
    pairs.learn([])
    with pytest.raises(error, match=message):
        pairs.learn(np.array(row))
    with pytest.raises(UsageError, match="indptr must ascend from 0 to at most 2"):
        pairs.learn_rows(np.array([0, 3]), np.array([0, 1]))
    assert (pairs.n, pairs.counts.size) == (1.0, 0)
