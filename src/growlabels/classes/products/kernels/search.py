"""Compiled kernels of exact search: the largest logit of each basis, then the k best classes."""

import numpy as np

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

# Changes of the signs of a word: bit j is set where row 0, 1, 2, 3 of H of order 4 is negative.
FLIPS = tuple(
    packed(np.full(8, p, np.uint32)).view(np.int32) for p in (0b0000, 0b1010, 0b1100, 0b0110)
)

SIGNS = (np.float32(1), np.float32(-1))


@kernel
def maxima_of_queries(stages, tile, leaders, starts, table, flips, one, first, out):
    """Largest logit of each whole basis; queries in the lanes.

    ``tile`` (d, LANES); ``first`` (d, LANES) scratch; ``out`` (bases, LANES).
    Logits are in units of 1 / sqrt(d).
    """
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
def maxima_of_bases(stages, query, words, one, scratch, out):
    """Largest logit of each whole basis for one query; bases in the lanes.

    ``query`` (d,); ``out`` (sets, LANES). Scratch: (d / 2, LANES), half for tables, half for
    the first pass, which is done by quarters of the ch to stay in the nearest cache.
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
def best_by_bases(stages, z, words, signs, n_classes, one, values, index):
    """Do the work of :func:`maxima_of_bases` and :func:`best_classes`, query after query."""
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
        best_of_row(
            stages, z[row], column, 0, signs, n_classes, one, grids, values[row], index[row]
        )


@kernel
def best_classes(stages, z, maxima, signs, n_classes, one, scratch, values, index):
    """Find the largest logits of each query among all classes; ties go to the lowest class.

    Parameters
    ----------
    stages, signs, n_classes
        Of a plan.
    z, maxima
        ``(n, d)`` queries; ``(bases, n or more)``, the largest logit of each whole sign basis
        in units of 1 / sqrt(d).
    one, scratch
        -1; scratch of 2 d float32 that starts at a vector's boundary.
    values, index
        ``(n, k)`` results in descending order. A query that is not finite gives NaN, and 0..k-1.
    """
    radix = 1 << len(stages)
    grids = scratch.reshape(2, radix, radix)
    for row in range(len(z)):
        best_of_row(
            stages, z[row], maxima, row, signs, n_classes, one, grids, values[row], index[row]
        )


@kernel
def best_of_row(stages, z, maxima, lane, signs, n_classes, one, grids, values, index):
    """Do the work of :func:`best_classes` for one query, column ``lane`` of ``maxima``.

    The k-th largest of the maxima of whole bases is a bound that k logits reach, so only bases
    that reach it are looked into, in ascending order. A partial basis has no say in the bound,
    and is looked into when the maximum over its whole leaves it a chance.
    """
    radix = 1 << len(stages)
    dim, k, bases = radix * radix, values.size, len(signs)
    finite = np.isfinite(maxima[0, lane])
    for place in range(k):
        values[place] = -np.inf if finite else np.nan
        index[place] = place
    if not finite:
        return
    found = 0
    for basis in range(min(n_classes // dim, bases)):
        found = insert(values, index, found, maxima[basis, lane], basis)
    bound = values[k - 1]
    for place in range(k):
        values[place] = -np.inf
    found = 0
    for basis in range(bases):
        largest = maxima[basis, lane]
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
def transform(stages, z, signs, one, grids):
    """Logits of one basis, (ch, cl) at ``grids[1, cl, ch]``; the same bits as the maxima."""
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
def insert(values, index, found, value, label):
    """Insert into a descending list, behind equal values; returns how many entries are real."""
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
