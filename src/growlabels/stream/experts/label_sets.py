"""The label sets seen so far and how often of late: what the decoder chooses from."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.numeric.numba import borrowing

TOP_SETS = 200
HALF_LIFE = 1000.0
"""Rows after which a row counts half in the decoder: in its counts of sets, labels and rows."""
FADE = 0.5 ** (1.0 / HALF_LIFE)
SLOPE = math.log(2.0) / HALF_LIFE


class LabelSets(NamedTuple):
    """A hash table of label sets; the rows of the window name their set by its number.

    Attributes
    ----------
    used
        Number of sets; number of places of the pool in use; rows counted.
    faded
        Rows and rows that brought a new set; each row fades with HALF_LIFE.
    key, times, start, size, chain
        (capacity,): hash, rows with this set, its first place and length in the pool, and the
        next set in its bucket (-1: none).
    level
        (capacity,): log of the set's faded count, plus SLOPE times the number of the last row,
        so that it stays as it is while the set does not come.
    top, place
        (TOP_SETS,) the sets of the highest levels, highest first, as far as there are any;
        (capacity,): where each set stands there, -1 for nowhere.
    bucket
        (a power of two,): first set of each bucket, -1 for none.
    pool
        Label indices of all sets, ascending within a set.
    """

    used: NDArray[np.int64]
    faded: NDArray[np.float64]
    key: NDArray[np.int64]
    times: NDArray[np.int64]
    start: NDArray[np.int64]
    size: NDArray[np.int64]
    chain: NDArray[np.int64]
    level: NDArray[np.float64]
    top: NDArray[np.int64]
    place: NDArray[np.int64]
    bucket: NDArray[np.int64]
    pool: NDArray[np.int64]


SETS, POOL, ROWS = range(3)
MASS, NEW = range(2)


def empty_sets(capacity: int = 64, pool: int = 256) -> LabelSets:
    """Make an empty table with room for ``capacity`` sets (a power of two)."""
    key, times, start, size, chain, place = np.zeros((6, capacity), np.int64)
    return LabelSets(
        np.zeros(3, np.int64),
        np.zeros(2),
        key,
        times,
        start,
        size,
        chain,
        np.zeros(capacity),
        np.zeros(TOP_SETS, np.int64),
        place,
        np.full(capacity, -1, np.int64),
        np.zeros(pool, np.int64),
    )


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


def kept_sets(
    table: LabelSets, keep: int, pinned: NDArray[np.int64]
) -> tuple[LabelSets, NDArray[np.int64]]:
    """Drop the rarest sets: keep the ``keep`` of the highest levels and the ``pinned`` ones.

    Returns the smaller table and (sets,) the new number of each old set, -1 for a dropped one.
    """
    sets = int(table.used[SETS])
    ranked = np.argsort(-table.level[:sets], kind="stable")
    stays = np.zeros(sets, bool)
    stays[ranked[:keep]] = True
    stays[pinned] = True
    survivors = ranked[stays[ranked]]
    renamed = np.full(sets, -1, np.int64)
    renamed[survivors] = np.arange(survivors.size)
    lengths = table.size[survivors]
    new = grown_sets(empty_sets(), survivors.size, int(lengths.sum()))
    starts = np.concatenate(([0], np.cumsum(lengths)))
    for i, old in enumerate(survivors):
        begin = table.start[old]
        new.pool[starts[i] : starts[i + 1]] = table.pool[begin : begin + lengths[i]]
    new.used[:] = survivors.size, starts[-1], table.used[ROWS]
    new.faded[:] = table.faded
    listed = min(survivors.size, TOP_SETS)
    new.top[:listed] = np.arange(listed)
    for name, values in (
        ("key", table.key[survivors]),
        ("times", table.times[survivors]),
        ("start", starts[:-1]),
        ("size", lengths),
        ("level", table.level[survivors]),
        ("place", np.where(np.arange(survivors.size) < listed, np.arange(survivors.size), -1)),
    ):
        getattr(new, name)[: survivors.size] = values
    _fill_buckets(new.key, new.chain, new.bucket, survivors.size)
    return new, renamed


@borrowing()
def _fill_buckets(key, chain, bucket, sets):
    bucket[:] = -1
    for s in range(sets):
        home = key[s] & (bucket.size - 1)
        chain[s] = bucket[home]
        bucket[home] = s


@borrowing()
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


@borrowing()
def count_set(table, labels):
    """Count one row with these ascending ``labels`` and return the number of its set.

    There must be room for one more set; the list of the top sets stays exact.
    """
    s, key = find_set(table, labels)
    faded = table.faded
    faded[MASS] = FADE * faded[MASS] + 1.0
    faded[NEW] *= FADE
    risen = SLOPE * table.used[ROWS]
    table.used[ROWS] += 1
    if s < 0:
        s = table.used[SETS]
        start = table.used[POOL]
        for k in range(labels.size):
            table.pool[start + k] = labels[k]
        home = key & (table.bucket.size - 1)
        table.key[s], table.start[s], table.size[s] = key, start, labels.size
        table.chain[s], table.bucket[home] = table.bucket[home], s
        table.times[s], table.level[s], table.place[s] = 1, risen, -1
        table.used[SETS] += 1
        table.used[POOL] += labels.size
        faded[NEW] += 1.0
    else:
        table.times[s] += 1
        table.level[s] = risen + math.log1p(math.exp(table.level[s] - risen))
    _rise(table, s)
    return s


@borrowing()
def _rise(table, s):
    """Bring a set that was just counted to its place among the top sets; the others keep order."""
    top, place, level = table.top, table.place, table.level
    at = place[s]
    if at < 0:
        at = min(table.used[SETS], top.size) - 1
        if table.used[SETS] > top.size:
            if level[top[at]] >= level[s]:
                return
            place[top[at]] = -1
    while at > 0 and level[top[at - 1]] < level[s]:
        other = top[at - 1]
        top[at], place[other] = other, at
        at -= 1
    top[at], place[s] = s, at
