"""The table of label sets against a dictionary of counts that fade row by row."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream.experts import label_sets
from growlabels.stream.experts.label_sets import (
    FADE,
    SLOPE,
    TOP_SETS,
    LabelSets,
    count_set,
    empty_sets,
    find_set,
    grown_sets,
)

SETS = st.lists(st.frozensets(st.integers(1, 6), max_size=4), max_size=60)


def learn(table: LabelSets, rows: list[frozenset]) -> tuple[LabelSets, list[int]]:
    numbers = []
    for row in rows:
        table = grown_sets(table, 1, len(row))
        numbers.append(int(count_set(table, np.array(sorted(row), np.int64))))
    return table, numbers


def members(table: LabelSets, number: int) -> frozenset:
    start = table.start[number]
    return frozenset(table.pool[start : start + table.size[number]].tolist())


def faded(rows: list[frozenset]) -> dict[frozenset, float]:
    """Count each set, a row less with every row that came after it."""
    counts: dict[frozenset, float] = {}
    for age, row in enumerate(reversed(rows)):
        counts[row] = counts.get(row, 0.0) + FADE**age
    return counts


def check(table: LabelSets, times: dict, counts: dict[frozenset, float]) -> None:
    sets, rows = int(table.used[0]), int(table.used[2])
    assert {members(table, s): int(table.times[s]) for s in range(sets)} == times
    found = {members(table, s): np.exp(table.level[s] - SLOPE * (rows - 1)) for s in range(sets)}
    assert found == pytest.approx(counts)
    top = table.top[: min(sets, TOP_SETS)]
    assert len(set(top.tolist())) == len(top)
    assert np.all(np.diff(table.level[top]) <= 0)
    rest = np.setdiff1d(np.arange(sets), top)
    assert np.all(table.place[rest] == -1)
    assert np.array_equal(table.place[top], np.arange(len(top)))
    assert not rest.size or table.level[rest].max() <= table.level[top].min()
    for s in range(sets):
        assert find_set(table, np.array(sorted(members(table, s)), np.int64))[0] == s


@settings(max_examples=60, deadline=None)
@given(SETS)
def test_counts_and_top_sets_are_exact(rows: list[frozenset]) -> None:
    table, numbers = learn(empty_sets(2, 2), rows)
    check(table, Counter(rows), faded(rows))
    assert [members(table, s) for s in numbers] == rows
    assert table.used[2] == len(rows)
    nth = [rows[:i].count(row) for i, row in enumerate(rows)]
    ages = FADE ** np.arange(len(rows))[::-1]
    np.testing.assert_allclose(table.faded, [ages.sum(), ages[np.equal(nth, 0)].sum()])
    assert find_set(table, np.array([9, 11]))[0] == -1


@pytest.mark.parametrize("most", [150, 600])
def test_more_sets_than_the_list_holds(most: int) -> None:
    rng = np.random.default_rng(most)
    rows = [frozenset((int(a), int(a) % 7 + 1000)) for a in rng.zipf(1.3, 3000) % most + 1]
    table, _ = learn(empty_sets(), rows)
    check(table, Counter(rows), faded(rows))


@settings(max_examples=60, deadline=None)
@given(SETS, st.integers(0, 10), st.data())
def test_the_frequent_and_the_pinned_sets_are_kept(
    rows: list[frozenset], keep: int, data: st.DataObject
) -> None:
    table, numbers = learn(empty_sets(), rows)
    choice = st.lists(st.sampled_from(numbers)) if numbers else st.just([])
    pinned = np.array(data.draw(choice), np.int64)
    ranked = np.argsort(-table.level[: int(table.used[0])])
    kept = {members(table, s) for s in [*ranked[:keep], *pinned]}
    new, renamed = label_sets.kept_sets(table, keep, pinned)
    counts = {s: n for s, n in faded(rows).items() if s in kept}
    check(new, {s: n for s, n in Counter(rows).items() if s in kept}, counts)
    for old, number in enumerate(renamed.tolist()):
        if number >= 0:
            assert members(new, number) == members(table, old)
    new, _ = learn(new, rows)
    times = {s: n + (n if s in kept else 0) for s, n in Counter(rows).items()}
    old = {s: n * FADE ** len(rows) for s, n in counts.items()}
    check(new, times, {s: n + old.get(s, 0.0) for s, n in faded(rows).items()})
