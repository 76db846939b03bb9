"""Compiled passes over the cells of rows: which are not zero, what index each has, in order."""

import math

import numpy as np

from growlabels.stream.numeric.arithmetic import INNER
from growlabels.stream.numeric.numba import compiled


@compiled()
def nonzero_cells(table, truths):
    """Read a dense table (rows, columns) into start, column and value of the cells that count.

    What could not be squared is limited: above 1e100 is 1e100, below 1e-100 is 0. Returns also
    the first cell, counted row by row, that is not finite (with ``truths``: not 0 or 1), else -1.
    """
    rows, width = table.shape
    start = np.zeros(rows + 1, np.int64)
    column, value = np.empty(table.size, np.int64), np.empty(table.size)
    used = 0
    for r in range(rows):
        for j in range(width):
            cell = table[r, j]
            if (truths and cell != 0.0 and cell != 1.0) or not math.isfinite(cell):
                return start, column[:0], value[:0], r * width + j
            column[used] = j
            value[used] = min(max(cell, -1e100), 1e100)
            used += abs(cell) >= 1e-100
        start[r + 1] = used
    return start, column[:used], value[:used], -1


@compiled()
def index_cells(known, start, column):
    """Return each cell's index, whether one is unknown (-1), and whether all rows ascend."""
    index = np.empty(column.size, np.int64)
    unknown, ascending = False, True
    for r in range(start.size - 1):
        before = -1
        for k in range(start[r], start[r + 1]):
            found = known[column[k]]
            index[k] = found
            unknown |= found < 0
            ascending &= found > before
            before = found
    return index, unknown, ascending


@compiled()
def first_rows(known, start, column):
    """Return the first row of each column that has no index yet; -1 for the other columns."""
    first = np.full(known.size, -1)
    for r in range(start.size - 1):
        for k in range(start[r], start[r + 1]):
            if known[column[k]] < 0 and first[column[k]] < 0:
                first[column[k]] = r
    return first


@compiled(**INNER)
def _shell_sort(index, value):
    """Sort a few cells by their index; numpy's sort takes a second to compile."""
    gap = 1
    while 3 * gap + 1 < index.size:
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(gap, index.size):
            at, place, what = k, index[k], value[k]
            while at >= gap and index[at - gap] > place:
                index[at], value[at] = index[at - gap], value[at - gap]
                at -= gap
            index[at], value[at] = place, what
        gap //= 3


@compiled()
def sort_rows(start, index, value):
    """Return index and value with each row in ascending order."""
    width = 0
    for k in range(index.size):
        width = max(width, index[k] + 1)
    cell_of = np.full(width, -1)
    sorted_index, sorted_value = np.empty(index.size, np.int64), np.empty(value.size)
    for r in range(start.size - 1):
        begin, end = start[r], start[r + 1]
        if 8 * (end - begin) < width:
            for k in range(begin, end):
                sorted_index[k], sorted_value[k] = index[k], value[k]
            _shell_sort(sorted_index[begin:end], sorted_value[begin:end])
            continue
        for k in range(begin, end):  # a row with so many cells is sooner read off than sorted
            cell_of[index[k]] = k
        place = begin
        for j in range(width):
            if cell_of[j] >= 0:
                sorted_index[place], sorted_value[place] = j, value[cell_of[j]]
                cell_of[j] = -1
                place += 1
    return sorted_index, sorted_value
