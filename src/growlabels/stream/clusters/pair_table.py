"""Add rows to a hash table of pair counts, in compiled code."""

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.numeric.numba import compiled

MOST = 2**31 - 1
"""Largest label index; the key of a pair is ``(a << 32) | b``."""
EMPTY = np.int64(-1)
"""Key of a free slot."""
_RESCALE = 1e12  # largest weight of a new row before all counts are rescaled


@compiled()
def _slot(keys: NDArray[np.int64], key: int) -> np.int64:
    """Return the slot of a key in the table, or the free slot where it belongs."""
    mask = keys.size - 1
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64(mixed >> np.uint64(20)) & mask
    while keys[slot] != key and keys[slot] != -1:
        slot = (slot + 1) & mask
    return slot


@compiled()
def bad_row(indptr: NDArray[np.int64], indices: NDArray[np.int64]) -> int:
    """Return the first row whose labels are unsorted, repeated or out of range; -1 if none."""
    for row in range(indptr.size - 1):
        last = -1
        for at in range(indptr[row], indptr[row + 1]):
            if indices[at] <= last or indices[at] > MOST:
                return row
            last = indices[at]
    return -1


@compiled()
def _start(row: int, classes: int) -> np.int64:
    """Return the first class of pairs of a sampled row: splitmix64 of the row's index."""
    mixed = np.uint64(row) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64((mixed ^ (mixed >> np.uint64(31))) % np.uint64(classes))


@compiled()
def _add_pair(
    keys: NDArray[np.int64],
    values: NDArray[np.float64],
    size: NDArray[np.int64],
    first: int,
    second: int,
    weight: float,
) -> None:
    """Add a weight to the count of a pair; insert the pair if it is new."""
    low, high = min(first, second), max(first, second)
    slot = _slot(keys, (low << 32) | high)
    if keys[slot] == -1:
        keys[slot] = (low << 32) | high
        values[slot] = 0.0
        size[0] += 1
    values[slot] += weight


@compiled()
def add_rows(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int64],
    begin: int,
    fits: bool,
    keys: NDArray[np.int64],
    values: NDArray[np.float64],
    counts: NDArray[np.float64],
    scalars: NDArray[np.float64],
    size: NDArray[np.int64],
    limit: int,
    growth: float,
    row_pairs: int,
) -> int:
    """Add the rows from ``begin`` on; return the first row that does not fit in the table.

    ``fits``: whether the table already has space for the row ``begin``, even above the limit.
    ``scalars`` holds the weight of the next row, the weighted number of rows, the error bound
    and the number of rows seen; all but the last are on the same scale.
    """
    for row in range(begin, indptr.size - 1):
        labels = indices[indptr[row] : indptr[row + 1]]
        c = labels.size
        exact = c * (c - 1) // 2
        needed = max(min(exact, row_pairs), min(exact, c))
        if needed and size[0] + needed > limit and not (fits and row == begin):
            return row
        weight = scalars[0]
        for label in labels:
            counts[label] += weight
        if exact <= row_pairs:
            for i in range(c):
                for j in range(i + 1, c):
                    _add_pair(keys, values, size, labels[i], labels[j], weight)
        else:  # add some classes of pairs by circular distance, with more weight
            classes = c // 2
            taken = max(1, row_pairs // c)
            start = _start(np.int64(scalars[3]), classes)
            for step in range(taken):
                distance = 1 + (start + step) % classes
                ends = c // 2 if 2 * distance == c else c
                for i in range(ends):
                    other = labels[(i + distance) % c]
                    _add_pair(keys, values, size, labels[i], other, weight * classes / taken)
        scalars[1] += weight
        scalars[3] += 1.0
        scalars[0] = weight * growth
        if scalars[0] > _RESCALE:
            scale = 1.0 / scalars[0]
            for k in range(values.size):
                values[k] *= scale
            for k in range(counts.size):
                counts[k] *= scale
            for k in range(3):
                scalars[k] *= scale
    return indptr.size - 1


@compiled()
def insert_all(
    keys: NDArray[np.int64],
    values: NDArray[np.float64],
    table_keys: NDArray[np.int64],
    table_values: NDArray[np.float64],
) -> None:
    """Insert pairs that are not yet in the table."""
    for i in range(keys.size):
        slot = _slot(table_keys, keys[i])
        table_keys[slot] = keys[i]
        table_values[slot] = values[i]
