"""Compile the exact search: the largest logit of each basis, then the k best classes."""

import numpy as np

from growlabels.classes.products.kernels.arrays import (
    Bases,
    Best,
    Floats,
    Ints,
    Signs,
    Stages,
    Words,
)
from growlabels.classes.products.kernels.numba import kernel
from growlabels.classes.products.kernels.passes import (
    address,
    block_max,
    columns,
    packed,
    shared_block_max,
    spread,
    spread_query,
    tabulate,
)
from growlabels.classes.products.kernels.vector_ir import LANES, ROW

# Sign changes of a word, one per row of the Sylvester matrix of order 4: its negative entries.
FLIPS = tuple(
    packed(np.full(8, p, np.uint32)).view(np.int32) for p in (0b0000, 0b1010, 0b1100, 0b0110)
)

SIGNS = (np.float32(1), np.float32(-1))


@kernel
def maxima_of_queries(
    stages: Stages, tile: Floats, bases: Bases, one: float, first: Floats, out: Floats
) -> None:
    """Write the largest logit of each whole basis to ``out`` (bases, LANES).

    Each lane is a query: ``tile`` (d, LANES) contains the queries. ``first`` (d, LANES) is
    scratch. Logits are in units of 1 / sqrt(d). ``one`` is -1.
    """
    leaders, starts, table, flips = bases
    radix = 1 << len(stages)
    source, passed = address(tile), address(first)
    for group in range(len(leaders)):
        signs = address(leaders) + group * tile.shape[0] * 4
        for low in range(radix):
            spread(stages, source + low * ROW, signs + 4 * low, passed + low * ROW, one)
        for basis in range(starts[group], starts[group + 1]):
            rows = address(table) + basis * radix * 8
            factors = address(flips) + basis * radix * 4
            best = address(out) + basis * ROW
            for lane in range(LANES):
                out[basis, lane] = -np.inf
            for high in range(radix):
                offset = high * radix * ROW
                shared_block_max(stages, passed, rows, factors, offset, best, one)


@kernel
def maxima_of_bases(
    stages: Stages, query: Floats, words: Words, one: float, scratch: Floats, out: Floats
) -> None:
    """Write the largest logit of each whole basis for one query to ``out`` (sets, LANES).

    Each lane is a basis. ``query`` has shape (d,). ``scratch`` (d / 2, LANES) is half for tables
    and half for the first pass. The first pass covers one quarter of the ch at a time, so that
    it stays in the first-level cache. ``one`` is -1.
    """
    radix = 1 << len(stages)
    quarter = radix // 4
    tables = address(scratch)
    passed = tables + quarter * radix * ROW
    for low in range(radix):
        tabulate(stages, address(query) + 4 * low, tables + low * quarter * ROW, one)
    for part in range(len(words)):
        best = address(out) + part * ROW
        for lane in range(LANES):
            out[part, lane] = -np.inf
        for flip in FLIPS:
            for low in range(radix):
                bits = address(words) + (part * radix + low) * words.shape[2] * 4
                sums = tables + low * quarter * ROW
                spread_query(stages, sums, bits, flip, passed + low * ROW, one)
            for sign in SIGNS:
                for high in range(quarter):
                    block_max(stages, passed + high * radix * ROW, best, sign, one)


@kernel
def best_by_bases(
    stages: Stages,
    z: Floats,
    words: Words,
    signs: Signs,
    n_classes: int,
    one: float,
    values: Floats,
    index: Ints,
) -> None:
    """Call :func:`maxima_of_bases` and :func:`best_of_row` for each query in turn."""
    radix = 1 << len(stages)
    dim, sets = radix * radix, len(words)
    room = np.empty((dim // 2 + sets + 2 * dim // LANES + 1) * LANES, dtype=np.float32)
    start = -address(room) % ROW // 4
    tiles = room[start : start + room.size - LANES].reshape(-1, LANES)
    scratch, maxima = tiles[: dim // 2], tiles[dim // 2 : dim // 2 + sets]
    grids = tiles[dim // 2 + sets :].reshape(2, radix, radix)
    column = maxima.reshape(-1, 1)
    for row in range(len(z)):
        maxima_of_bases(stages, z[row], words, one, scratch, maxima)
        best = Best(values[row], index[row])
        best_of_row(stages, z[row], column[:, 0], signs, n_classes, one, grids, best)


@kernel
def best_classes(
    stages: Stages,
    z: Floats,
    maxima: Floats,
    signs: Signs,
    n_classes: int,
    one: float,
    scratch: Floats,
    best: Best,
) -> None:
    """Find the largest logits of each query among all classes; ties are ordered by class.

    Parameters
    ----------
    stages, signs, n_classes
        Entries of a plan.
    z
        ``(n, d)`` queries.
    maxima
        ``(bases, n or more)`` largest logit of each whole sign basis, in units of 1 / sqrt(d).
    one
        The constant -1.
    scratch
        Working array of 2 d numbers, aligned to a vector.
    best
        Results. A query that is not finite gives NaN and the classes 0 .. k - 1.
    """
    radix = 1 << len(stages)
    grids = scratch.reshape(2, radix, radix)
    for row in range(len(z)):
        found = Best(best.values[row], best.classes[row])
        best_of_row(stages, z[row], maxima[:, row], signs, n_classes, one, grids, found)


@kernel
def best_of_row(
    stages: Stages,
    z: Floats,
    maxima: Floats,
    signs: Signs,
    n_classes: int,
    one: float,
    grids: Floats,
    best: Best,
) -> None:
    """Find the largest logits of one query with the maxima ``(bases,)`` of its whole bases.

    At least k logits reach the k-th largest of the maxima of the complete bases. Only bases that
    reach this bound are searched, in ascending order. The maximum of a partial basis does not
    count for the bound, because it may belong to an unused class.
    """
    values, index = best
    radix = 1 << len(stages)
    dim, k, bases = radix * radix, values.size, len(signs)
    finite = np.isfinite(maxima[0])
    for place in range(k):
        values[place] = -np.inf if finite else np.nan
        index[place] = place
    if not finite:
        return
    found = 0
    for basis in range(min(n_classes // dim, bases)):
        found = insert(values, index, found, maxima[basis], basis)
    bound = values[k - 1]
    for place in range(k):
        values[place] = -np.inf
    found = 0
    for basis in range(bases):
        largest = maxima[basis]
        if largest >= bound and (found < k or largest > values[k - 1]):
            used = min(n_classes - basis * dim, dim)
            transform(stages, z, signs[basis], one, grids)
            for high in range(radix):
                for low in range(min(radix, used - high * radix)):
                    value = grids[1, low, high]
                    if found < k or value > values[k - 1]:
                        label = basis * dim + high * radix + low
                        found = insert(values, index, found, value, label)
    for column in range(n_classes - bases * dim):
        value = z[column] * np.float32(radix)
        found = insert(values, index, found, value, bases * dim + column)
    for place in range(k):
        values[place] /= np.float32(radix)


@kernel
def transform(stages: Stages, z: Floats, signs: Signs, one: float, grids: Floats) -> None:
    """Write logit (ch, cl) of one basis to ``grids[1, cl, ch]``, bit-identical to the maxima."""
    radix = 1 << len(stages)
    for high in range(radix):
        for low in range(radix):
            place = high * radix + low
            grids[0, high, low] = z[place] * np.float32(signs[place])
    for column in range(0, radix, LANES):
        columns(stages, address(grids) + 4 * column, one)
    for high in range(radix):
        for low in range(radix):
            grids[1, low, high] = grids[0, high, low]
    for column in range(0, radix, LANES):
        columns(stages, address(grids) + 4 * (radix * radix + column), one)


@kernel
def insert(values: Floats, index: Ints, found: int, value: float, label: int) -> int:
    """Insert a value into a descending list after equal values, and return the list's length."""
    if found == values.size:
        if not value > values[values.size - 1]:
            return found
        found -= 1
    place = found
    while place and values[place - 1] < value:
        values[place] = values[place - 1]
        index[place] = index[place - 1]
        place -= 1
    values[place] = value
    index[place] = label
    return found + 1
