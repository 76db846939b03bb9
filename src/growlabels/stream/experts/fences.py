"""Fences against spikes and sentinels: values far outside what a feature is known to take.

One cell of 1e6 would enter the running mean, spread and largest value of its feature, and every
later value would shrink to nothing beside it. So each feature of dense rows has a low and a high
fence. A value beyond a fence is replaced by a parking value, five standard deviations from the
mean, and the statistics of the feature stay as they were. Spikes that came before there was a
fence are taken out of the statistics when the fence is made. A feature whose values stay outside
has moved, such as to another unit, and its fence and statistics start again from the new values.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.experts.state import (
    COUNTED,
    DUE,
    FEATURES,
    HIGH,
    LOW,
    PARK_HIGH,
    PARK_LOW,
    ROWS,
    SINCE,
    SPIKES,
    TOLD,
    Experts,
)
from growlabels.stream.numeric.numba import borrowing

FIRST_LOOKS = 50, 100, 200, 400, 700
LOOK_EVERY = 1000
"""Learned rows after which the fences are set again, the first few times and from then on."""
SURE = 400
"""Learned rows from which on a fence widens at most ``WIDEN``-fold at a time."""
WIDEN = 4.0
SAMPLE = 100
"""Values of a feature that its fence is set from, evenly from the window."""
REACH = 40.0
"""Distance from the median to a fence, in distances from the median to the 90th percentile."""
PARKED_AT = 5.0
"""Distance of a parking value from the mean, in standard deviations."""
LEAST_INSIDE = 10
LEAST_VARIANCE = 1e-12
"""Smallest variance, relative to the squared mean, of a feature that gets a fence."""
TOO_WIDE = 50.0
"""Ratio of the running variance to the sample's above which the running one holds spikes."""
TOO_LARGE = 4.0
"""Ratio of the largest value to the farther fence above which it was a spike."""
FADE = 0.96
MOVED = 16.0
"""Faded count of parked values, each row times ``FADE``, at which a feature may have moved."""
LAST, MOST_OUTSIDE = 32, 20
"""A feature has moved if so many of its last values lie outside its fence."""


@borrowing()
def beyond(x, fences):
    """Say whether any value of the row ``x`` (features,) lies beyond its fence; zero never does."""
    out = False
    for j in range(x.size):
        out |= (x[j] != 0.0) & ((x[j] < fences[LOW, j]) | (x[j] > fences[HIGH, j]))
    return out


@borrowing()
def park(x, fences, parked):
    """Replace the values beyond a fence, and mark their features in ``parked`` (features,)."""
    for j in range(x.size):
        low = x[j] != 0.0 and x[j] < fences[LOW, j]
        high = x[j] != 0.0 and x[j] > fences[HIGH, j]
        parked[j] = low | high
        if low:
            x[j] = fences[PARK_LOW, j]
        elif high:
            x[j] = fences[PARK_HIGH, j]


@borrowing()
def keep_moments(parked, rows, mean, spread, largest, moments):
    """Let the statistics of parked features be those before the row, for one row more."""
    share = (rows + 1.0) / max(rows, 1)
    for j in range(parked.size):
        if parked[j]:
            moments[0, j] = mean[j]
            moments[1, j] = spread[j] * share
            moments[2, j] = largest[j]


@borrowing(no_cpython_wrapper=True)
def count_spikes(experts, parked):
    """Count the parked values of a row; a look is due at a feature's first, and at too many."""
    fences, totals = experts.fences, experts.totals
    for j in range(totals[FEATURES]):
        if parked[j]:
            rest = FADE ** (totals[COUNTED] - fences[SINCE, j])
            fences[SPIKES, j] = fences[SPIKES, j] * rest + 1.0
            fences[SINCE, j] = totals[COUNTED]
            if fences[TOLD, j] == 0.0:
                fences[TOLD, j] = -1.0
                totals[DUE] = 1
            if fences[SPIKES, j] > MOVED:
                totals[DUE] = 1


@borrowing()
def count_row(totals):
    """Count a learned row, and note whether the fences are due to be looked at."""
    totals[COUNTED] += 1
    counted = totals[COUNTED]
    if counted % LOOK_EVERY == 0:
        totals[DUE] = 1
    for first in FIRST_LOOKS:
        if counted == first:
            totals[DUE] = 1


def look(experts: Experts, last: NDArray[np.float64]) -> list[int]:
    """Set the fences again where that is due, and return the features that have moved.

    Parameters
    ----------
    last
        (rows, features): the last ``LAST`` rows as they came, oldest first, in the units of the
        window.
    """
    totals = experts.totals
    totals[DUE] = 0
    counted, fences = int(totals[COUNTED]), experts.fences
    rest = FADE ** (counted - fences[SINCE])
    moved = []
    for j in np.flatnonzero(fences[SPIKES] * rest > MOVED).tolist():
        if _follow(experts, j, last[:, j]):
            moved.append(j)
        fences[SPIKES, j] = 0.0
    if counted % LOOK_EVERY == 0 or counted in FIRST_LOOKS:
        _set_again(experts, counted > SURE)
    return moved


def _reach(ordered: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return median and distance to the fences of values that ascend along the last axis."""
    size = ordered.shape[-1]
    middle, tenth = ordered[..., size // 2], (size - 1) // 10
    above, below = ordered[..., size - 1 - tenth] - middle, middle - ordered[..., tenth]
    return middle, REACH * np.maximum(above, below)


def _set_again(experts: Experts, sure: bool) -> None:
    """Set the fences from an even sample of the window, and take spikes out of statistics."""
    rows, features = int(experts.totals[ROWS]), int(experts.totals[FEATURES])
    slots = experts.slot_set.size
    filled, fences = min(rows, slots), experts.fences[:, :features]
    if filled == 0 or features == 0:
        return
    step = max(filled // SAMPLE, 1)
    chosen = (rows - 1 - step * np.arange(min(SAMPLE, filled // step))) % slots
    sample = experts.window[:features][:, chosen].astype(np.float64)
    middle, reach = _reach(np.sort(sample, axis=1))
    had = (fences[HIGH] - fences[LOW]) / 2.0
    if sure:
        reach = np.where(np.isfinite(had), np.minimum(reach, WIDEN * had), reach)
    inside = np.abs(sample - middle[:, None]) <= reach[:, None]
    count = np.maximum(inside.sum(axis=1), 1)
    mean = np.where(inside, sample, 0.0).sum(axis=1) / count
    away = np.where(inside, sample - mean[:, None], 0.0)
    variance = (away * away).sum(axis=1) / count
    fenced = (count >= LEAST_INSIDE) & (reach > 0) & (variance > LEAST_VARIANCE * mean * mean)
    _place(fences, np.arange(features)[fenced], middle[fenced], reach[fenced], mean[fenced],
           np.sqrt(variance[fenced]))  # fmt: skip
    fences[LOW, ~fenced], fences[HIGH, ~fenced] = -np.inf, np.inf
    bound = np.maximum(np.abs(fences[LOW]), np.abs(fences[HIGH]))
    spoiled = experts.largest[:features] > TOO_LARGE * bound
    spoiled |= experts.spread[:features] / rows > TOO_WIDE * variance
    for j in np.flatnonzero(fenced & spoiled).tolist():
        column = experts.window[j, :filled]
        values = column.astype(np.float64)
        _start_again(experts, j, values[(values >= fences[LOW, j]) & (values <= fences[HIGH, j])])
        _park_window(experts, j)


def _place(
    fences: NDArray[np.float64],
    at: Any,
    middle: NDArray[np.float64],
    reach: NDArray[np.float64],
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> None:
    fences[LOW, at], fences[HIGH, at] = middle - reach, middle + reach
    fences[PARK_LOW, at] = mean - PARKED_AT * deviation
    fences[PARK_HIGH, at] = mean + PARKED_AT * deviation


def _start_again(experts: Experts, j: int, values: NDArray[np.float64]) -> None:
    """Set mean, spread and largest value of a feature to those of some values."""
    experts.mean[j] = values.mean()
    experts.spread[j] = values.var() * int(experts.totals[ROWS])
    experts.largest[j] = np.abs(values).max()


def _park_window(experts: Experts, j: int) -> None:
    """Park the values of the window that lie beyond a feature's fence."""
    fences, column = experts.fences, experts.window[j]
    low, high = column < fences[LOW, j], column > fences[HIGH, j]
    column[low & (column != 0)] = fences[PARK_LOW, j]
    column[high & (column != 0)] = fences[PARK_HIGH, j]


def _follow(experts: Experts, j: int, last: NDArray[np.float64]) -> bool:
    """Start fence and statistics of a feature again if most of its last values lie outside."""
    fences = experts.fences
    outside = (last != 0) & ((last < fences[LOW, j]) | (last > fences[HIGH, j]))
    if outside.sum() < MOST_OUTSIDE:
        return False
    values = last[outside]
    middle, reach = _reach(np.sort(values))
    if not (reach > 0 and values.var() > LEAST_VARIANCE * values.mean() ** 2):
        return False
    _place(fences, j, middle, reach, values.mean(), values.std())
    _start_again(experts, j, values)
    slots = experts.slot_set.size
    recent = np.arange(experts.totals[ROWS] - last.size, experts.totals[ROWS]) % slots
    experts.window[j, recent[outside]] = values
    _park_window(experts, j)
    fences[TOLD, j] = 0.0
    return True
