"""The table of label sets against a Counter."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream import _decoder
from growlabels.stream._decoder import LabelSets, count_set, empty_sets, find_set, grown_sets

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


def check(table: LabelSets, counts: dict) -> None:
    sets = int(table.used[0])
    order = table.order[:sets]
    assert {members(table, s): int(table.times[s]) for s in order} == counts
    assert np.all(np.diff(table.times[order]) <= 0)
    assert np.array_equal(table.place[order], np.arange(sets))
    for s in order:
        assert find_set(table, np.array(sorted(members(table, s)), np.int64))[0] == s


@settings(max_examples=60, deadline=None)
@given(SETS)
def test_counts_and_order_are_exact(rows: list[frozenset]) -> None:
    table, numbers = learn(empty_sets(2, 2), rows)
    check(table, Counter(rows))
    assert [members(table, s) for s in numbers] == rows
    assert table.used.tolist()[2:] == [len(rows), len(set(rows))]
    assert find_set(table, np.array([9, 11]))[0] == -1


@settings(max_examples=60, deadline=None)
@given(SETS, st.integers(0, 10), st.data())
def test_the_frequent_and_the_pinned_sets_are_kept(
    rows: list[frozenset], keep: int, data: st.DataObject
) -> None:
    table, numbers = learn(empty_sets(), rows)
    choice = st.lists(st.sampled_from(numbers)) if numbers else st.just([])
    pinned = np.array(data.draw(choice), np.int64)
    kept = {members(table, s) for s in [*table.order[: int(table.used[0])][:keep], *pinned]}
    new, renamed = _decoder.kept_sets(table, keep, pinned)
    check(new, {s: n for s, n in Counter(rows).items() if s in kept})
    for old, number in enumerate(renamed.tolist()):
        if number >= 0:
            assert members(new, number) == members(table, old)
    new, _ = learn(new, rows)
    check(new, {s: n + (n if s in kept else 0) for s, n in Counter(rows).items()})
