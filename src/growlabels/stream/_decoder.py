"""The label sets seen so far, most frequent first: what the decoder chooses from."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class LabelSets(NamedTuple):
    """A hash table of label sets; the rows of the window name their set by its number.

    Attributes
    ----------
    used
        Number of sets; number of places of the pool in use; rows counted; rows that were new.
    key, times, start, size, chain
        (capacity,): hash, rows with this set, its first place and length in the pool, and the
        next set in its bucket (-1: none).
    order, place
        (capacity,): set numbers by falling count, and where each set stands there.
    bucket
        (a power of two,): first set of each bucket, -1 for none.
    pool
        Label indices of all sets, ascending within a set.
    """

    used: NDArray[np.int64]
    key: NDArray[np.int64]
    times: NDArray[np.int64]
    start: NDArray[np.int64]
    size: NDArray[np.int64]
    chain: NDArray[np.int64]
    order: NDArray[np.int64]
    place: NDArray[np.int64]
    bucket: NDArray[np.int64]
    pool: NDArray[np.int64]


SETS, POOL, ROWS, NEW = range(4)


def empty_sets(capacity: int = 64, pool: int = 256) -> LabelSets:
    """Make an empty table with room for ``capacity`` sets (a power of two)."""
    used, *columns = (np.zeros(size, np.int64) for size in (4, *[capacity] * 7, pool))
    *columns, places = columns
    key, times, start, size, chain, order, place = columns
    bucket = np.full(capacity, -1, np.int64)
    return LabelSets(used, key, times, start, size, chain, order, place, bucket, places)


def grown_sets(table: LabelSets, sets: int, labels: int) -> LabelSets:
    """Return a table with room for ``sets`` more sets of ``labels`` labels in all."""
    capacity, pool = table.key.size, table.pool.size
    while capacity < table.used[SETS] + sets:
        capacity *= 2
    while pool < table.used[POOL] + labels:
        pool *= 2
    if capacity == table.key.size and pool == table.pool.size:
        return table
    new = empty_sets(capacity, pool)
    for name in LabelSets._fields:
        if name != "bucket":
            old = getattr(table, name)
            getattr(new, name)[: old.size] = old
    _fill_buckets(new.key, new.chain, new.bucket, int(new.used[SETS]))
    return new


def kept_sets(table: LabelSets, keep: int, pinned: NDArray[np.int64]) -> tuple[LabelSets, NDArray]:
    """Drop the rarest sets: keep the ``keep`` most frequent and the ``pinned`` ones.

    Returns the smaller table and (sets,) the new number of each old set, -1 for a dropped one.
    """
    sets = int(table.used[SETS])
    stays = np.zeros(sets, bool)
    stays[table.order[: min(keep, sets)]] = True
    stays[pinned] = True
    ranked = table.order[:sets]
    survivors = ranked[stays[ranked]]
    renamed = np.full(sets, -1, np.int64)
    renamed[survivors] = np.arange(survivors.size)
    lengths = table.size[survivors]
    new = grown_sets(empty_sets(), survivors.size, int(lengths.sum()))
    starts = np.concatenate(([0], np.cumsum(lengths)))
    for i, old in enumerate(survivors):
        begin = table.start[old]
        new.pool[starts[i] : starts[i + 1]] = table.pool[begin : begin + lengths[i]]
    new.used[:] = survivors.size, starts[-1], table.used[ROWS], table.used[NEW]
    for name, values in (
        ("key", table.key[survivors]),
        ("times", table.times[survivors]),
        ("start", starts[:-1]),
        ("size", lengths),
        ("order", np.arange(survivors.size)),
        ("place", np.arange(survivors.size)),
    ):
        getattr(new, name)[: survivors.size] = values
    _fill_buckets(new.key, new.chain, new.bucket, survivors.size)
    return new, renamed


@njit(cache=True, error_model="numpy")
def _fill_buckets(key, chain, bucket, sets):
    bucket[:] = -1
    for s in range(sets):
        home = key[s] & (bucket.size - 1)
        chain[s] = bucket[home]
        bucket[home] = s


@njit(cache=True, error_model="numpy")
def find_set(table, labels):
    """Return the number of a set of ascending ``labels``, or -1, and its hash."""
    key = np.int64(labels.size + 1)
    for label in labels:
        key = (key ^ (key >> np.int64(29)) ^ np.int64(label)) * np.int64(0x2545F4914F6CDD1D)
    key ^= key >> np.int64(32)
    s = table.bucket[key & (table.bucket.size - 1)]
    while s >= 0:
        if table.key[s] == key and table.size[s] == labels.size:
            start = table.start[s]
            equal = True
            for k in range(labels.size):
                if table.pool[start + k] != labels[k]:
                    equal = False
                    break
            if equal:
                return s, key
        s = table.chain[s]
    return np.int64(-1), key


@njit(cache=True, error_model="numpy")
def count_set(table, labels):
    """Count one row with these ascending ``labels`` and return the number of its set.

    There must be room for one more set; the order by count stays exact.
    """
    s, key = find_set(table, labels)
    table.used[ROWS] += 1
    if s < 0:
        s = table.used[SETS]
        start = table.used[POOL]
        for k in range(labels.size):
            table.pool[start + k] = labels[k]
        home = key & (table.bucket.size - 1)
        table.key[s], table.start[s], table.size[s] = key, start, labels.size
        table.chain[s], table.bucket[home] = table.bucket[home], s
        table.times[s] = 0
        table.order[s], table.place[s] = s, s
        table.used[SETS] += 1
        table.used[POOL] += labels.size
        table.used[NEW] += 1
    # swap with the first set of equal count, found by bisection, then count
    low, high = 0, table.place[s]
    while low < high:
        middle = (low + high) // 2
        if table.times[table.order[middle]] > table.times[s]:
            low = middle + 1
        else:
            high = middle
    other = table.order[low]
    table.order[low], table.order[table.place[s]] = s, other
    table.place[other], table.place[s] = table.place[s], low
    table.times[s] += 1
    return s
