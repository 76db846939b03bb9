"""Dense rows that come next, made ready some at a time: what needs neither labels nor weights.

The window and the ridge's covariance are read once for all of them. Each row gets what it would
get by itself, to the bit.
"""

from growlabels.stream.experts.fences import beyond, keep_moments, park
from growlabels.stream.experts.ridge import covariance_times
from growlabels.stream.experts.state import (
    FEATURES,
    HELD,
    RIDGE,
    ROWS,
    STEPS,
    WIDEST_RIDGE,
    ridge_places,
)
from growlabels.stream.numeric.arithmetic import copy, spread_out, standardise, window_distances
from growlabels.stream.numeric.numba import borrowing


@borrowing(no_cpython_wrapper=True)
def _count_alike(mode, experts, most, rows, begin, features, learn):
    """Count the rows from ``begin`` on that can be made ready without the ones before them."""
    x_start, x_index, _ = rows
    if mode == RIDGE and learn:
        most = min(most, HELD - experts.totals[STEPS])
    end = min(begin + most, x_start.size - 1)
    known = features if learn else experts.totals[FEATURES]
    for r in range(begin + 1, end):
        index = x_index[x_start[r] : x_start[r + 1]]
        if max(known, index[-1] + 1 if index.size > 0 else 0) != features:
            return r - begin
        for j in index:
            if experts.gauge[j] == 0.0:  # a row before it may set it
                return r - begin
    return end - begin


@borrowing(no_cpython_wrapper=True)
def make_ready(mode, experts, room, rows, begin, features, learn):
    """Make rows from ``begin`` on ready to be predicted and, if so, learned one after another."""
    x_start, x_index, x_value = rows
    count = _count_alike(mode, experts, room.x.shape[0], rows, begin, features, learn)
    room.span[0], room.span[1] = begin, begin + count
    seen = experts.totals[ROWS]
    mean, spread, largest = experts.mean, experts.spread, experts.largest
    for k in range(count):
        cells = slice(x_start[begin + k], x_start[begin + k + 1])
        x, moments = room.x[k][:features], room.moments[k]
        scaled, zscores, precision = room.scaled[k], room.zscores[k], room.precision[k]
        x[:] = 0.0
        spread_out(x_index[cells], x_value[cells], experts.gauge, x)
        room.spikes[k] = beyond(x, experts.fences)
        if room.spikes[k]:
            park(x, experts.fences, room.parked[k])
        standardise(x, seen, mean, spread, largest, moments, scaled, zscores, precision)
        if room.spikes[k]:
            keep_moments(room.parked[k][:features], seen, mean, spread, largest, moments)
        for j in range(features):
            room.columns[j, k] = x[j]
        if mode == RIDGE:
            wide = min(features, WIDEST_RIDGE) + 1
            copy(zscores[:wide], room.inputs[k])
            room.inputs[k][wide:] = 0.0
        if learn:
            seen += 1
            mean, spread, largest = moments[0], moments[1], moments[2]
    x, precision = room.x[:count], room.precision[:count]
    filled = min(experts.totals[ROWS], room.distance.shape[1])
    window_distances(experts.window, x, precision, features, filled, room.distance)
    if learn and count > 1:
        window_distances(room.columns, x, precision, features, count, room.between)
    if learn and mode == RIDGE:
        places = ridge_places(features)
        covariance_times(experts.covariance, room.inputs[:count], places, room.gain)


@borrowing(no_cpython_wrapper=True)
def enter_fresh(experts, room, place):
    """Bring distances to the window up to date: ``place`` rows made ready are now in there."""
    distance, seen = room.distance[place], experts.totals[ROWS]
    for k in range(place if distance.size > 0 else 0):
        distance[(seen - place + k) % distance.size] = room.between[place, k]
