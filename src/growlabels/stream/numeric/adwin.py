"""ADWIN: has the mean of the loss changed? (Bifet and Gavalda 2007, the ADWIN2 histogram.)"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.numeric.numba import borrowing

LEVELS = 40
BUCKETS = 5
CLOCK = 32
SHORTEST = 5


class Monitor(NamedTuple):
    """An exponential histogram of the recent losses.

    Attributes
    ----------
    filled
        (levels,): buckets in use at each level; a bucket of level i holds 2^i losses.
    sums, squares
        (levels, buckets + 1): sum and sum of squares of each bucket, oldest first.
    totals
        Losses in the window, their sum, their sum of squares, losses ever.
    """

    filled: NDArray[np.int64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    totals: NDArray[np.float64]


def empty_monitor() -> Monitor:
    """Make a monitor that has seen nothing."""
    shape = LEVELS, BUCKETS + 1
    return Monitor(np.zeros(LEVELS, np.int64), np.zeros(shape), np.zeros(shape), np.zeros(4))


@borrowing()
def watch(monitor, loss, delta):
    """Add one loss in [0, 1]; return old mean, new mean and bound of a cut, else zeros.

    Every 32 losses each cut of the window is tested; while the means on both sides of one
    differ by more than the bound, the oldest bucket is dropped.
    """
    _insert(monitor, loss)
    if int(monitor.totals[3]) % CLOCK:
        return 0.0, 0.0, 0.0
    old, new, bound = 0.0, 0.0, 0.0
    while True:
        cut = _cut(monitor, delta)
        if cut[2] == 0.0:
            return old, new, bound
        old, new, bound = cut
        _drop_oldest(monitor)


@borrowing()
def _insert(monitor, loss):
    filled, sums = monitor.filled, monitor.sums
    squares, totals = monitor.squares, monitor.totals
    totals[0] += 1
    totals[1] += loss
    totals[2] += loss * loss
    totals[3] += 1
    total, square = loss, loss * loss
    for level in range(LEVELS):
        sums[level, filled[level]] = total
        squares[level, filled[level]] = square
        filled[level] += 1
        if filled[level] <= BUCKETS:
            break
        total = sums[level, 0] + sums[level, 1]
        square = squares[level, 0] + squares[level, 1]
        for k in range(2, BUCKETS + 1):
            sums[level, k - 2] = sums[level, k]
            squares[level, k - 2] = squares[level, k]
        filled[level] -= 2


@borrowing()
def _cut(monitor, delta):
    filled, sums, totals = monitor.filled, monitor.sums, monitor.totals
    width, total = totals[0], totals[1]
    if width < 2 * SHORTEST:
        return 0.0, 0.0, 0.0
    variance = max(totals[2] / width - (total / width) ** 2, 0.0)
    confidence = math.log(2.0 * math.log(width) / delta)
    count, part = 0.0, 0.0
    for level in range(LEVELS - 1, -1, -1):
        for k in range(filled[level]):
            count += 2.0**level
            part += sums[level, k]
            rest = width - count
            if count < SHORTEST or rest < SHORTEST:
                continue
            inverse = 1.0 / count + 1.0 / rest
            bound = math.sqrt(2.0 * inverse * variance * confidence)
            bound += 2.0 / 3.0 * inverse * confidence
            old, new = part / count, (total - part) / rest
            if abs(new - old) > bound:
                return old, new, bound
    return 0.0, 0.0, 0.0


@borrowing()
def _drop_oldest(monitor):
    filled, sums = monitor.filled, monitor.sums
    squares, totals = monitor.squares, monitor.totals
    level = LEVELS - 1
    while filled[level] == 0:
        level -= 1
    totals[0] -= 2.0**level
    totals[1] -= sums[level, 0]
    totals[2] -= squares[level, 0]
    for k in range(1, filled[level]):
        sums[level, k - 1] = sums[level, k]
        squares[level, k - 1] = squares[level, k]
    filled[level] -= 1
