"""The compiled loop: predict a row, then learn it.

One compiled function serves every path of the learner, one row or many, predicting only or
learning too; that is why they agree to the bit.
"""

from typing import NamedTuple

from growlabels.stream.experts.curves import learn_curves
from growlabels.stream.experts.fences import count_row, count_spikes
from growlabels.stream.experts.label_sets import count_set
from growlabels.stream.experts.learn import (
    activate,
    crowded,
    fitting_mode,
    learn_counts,
    learn_linear,
    remember,
)
from growlabels.stream.experts.predict import PRIOR, choose, consult, observe
from growlabels.stream.experts.scratch import MIXED, TRUTH, make_room
from growlabels.stream.experts.stack import KEEP, PENALTY
from growlabels.stream.experts.state import (
    DENSE,
    DUE,
    FEATURES,
    LABELS,
    RIDGE,
    SPARSE,
    WIDEST_RIDGE,
)
from growlabels.stream.numeric.adwin import watch
from growlabels.stream.numeric.arithmetic import copy, mix, stack_step
from growlabels.stream.numeric.numba import borrowing, compiled

FINISHED, SWITCH, DRIFT, FULL, CROWDED, LOOK = range(6)
"""Why the loop stopped: all rows done; another mode fits better; drift; the table is full; the
arrays have no room for the next row; the fences are due to be looked at."""


class Tuning(NamedTuple):
    """What the loop is told.

    Attributes
    ----------
    mode
        RIDGE, DENSE or SPARSE.
    learn
        Learn the rows after predicting them.
    replay
        The rows were seen before: they are neither scored nor watched.
    keep_recent
        Share of the recent frequency that stays each row.
    delta
        Of ADWIN; 0: off.
    most_sets
        Stop when the table holds as many label sets.
    """

    mode: int
    learn: bool
    replay: bool
    keep_recent: float
    delta: float
    most_sets: int


@borrowing()
def best_mode(totals, mode):
    """Choose the mode for the rows seen so far."""
    return fitting_mode(totals, mode, RIDGE if totals[FEATURES] <= WIDEST_RIDGE else DENSE)


@borrowing()
def score_row(hits, picked, truth):
    """Count hits, false alarms and misses of one row; return 1 - its F1."""
    hit, predicted = 0, 0
    for label in range(picked.size):
        predicted += picked[label]
    for label in truth:
        hit += picked[label]
    hits[0] += hit
    hits[1] += predicted - hit
    hits[2] += truth.size - hit
    total = predicted + truth.size
    return 1.0 - 2.0 * hit / total if total > 0 else 0.0


@borrowing(no_cpython_wrapper=True)
def learn_row(mode, keep_recent, experts, stack, sets, room, view, parts, features, present):
    """Learn the row of ``view``, of which the experts said ``parts`` (experts + 1, labels)."""
    known, labels = experts.totals[LABELS], parts.shape[1]
    experts.totals[FEATURES] = features
    activate(experts, mode, labels)
    truth = room.labels[TRUTH][:labels]
    truth[:] = 0.0
    for label in present:
        truth[label] = 1.0
    stack_step(stack.weights, stack.hessian, parts, truth, KEEP, PENALTY)
    learn_linear(mode, experts, room, view, truth, known)
    if mode != SPARSE:
        learn_curves(experts, room, view, truth, known)
    learn_counts(mode, keep_recent, experts, view, truth)
    remember(experts, mode, view, count_set(sets, present))


@borrowing(no_cpython_wrapper=True)
def _run(tuning, experts, stack, sets, monitor, room, rows, begin, logits, chosen, alarm):
    """Do what :func:`run_rows` says, with room to work in."""
    x_start, x_index, x_value, y_start, y_index = rows
    mode, keep = tuning.mode, tuning.keep_recent
    totals, cells = experts.totals, (x_start, x_index, x_value)
    for r in range(begin, x_start.size - 1):
        index = x_index[x_start[r] : x_start[r + 1]]
        present = y_index[y_start[r] : y_start[r + 1]]
        features = max(totals[FEATURES], index[-1] + 1 if index.size > 0 else 0)
        known = totals[LABELS]
        labels = max(known, present[-1] + 1 if present.size > 0 else 0)
        if tuning.learn and crowded(experts, sets, features, labels, index.size, present.size):
            return r, CROWDED

        view = observe(mode, experts, room, cells, r, features, known, labels, tuning.learn)
        parts, near, absent = consult(mode, keep, experts, sets, room, view, known)
        z = room.labels[MIXED][:labels]
        mix(stack.weights, parts, z)
        if logits.shape[0] > 0:
            logits[r, :] = z[0]  # also for labels that never occurred
            copy(z[:known], logits[r])
        odds = parts[PRIOR]
        choose(stack.hits, experts, sets, room, z[:known], odds, near, absent, chosen[r])
        if not tuning.learn:
            continue

        learn_row(mode, keep, experts, stack, sets, room, view, parts, features, present)
        if not tuning.replay:
            if mode != SPARSE:
                count_row(totals)
                if room.spikes[r - room.span[0]]:
                    count_spikes(experts, room.parked[r - room.span[0]])
            loss = score_row(stack.hits, chosen[r], present)
            if tuning.delta > 0.0:
                old, new, bound = watch(monitor, loss, tuning.delta)
                alarm[0], alarm[1], alarm[2] = old, new, bound
                if bound > 0.0 and new > old:
                    return r + 1, DRIFT
            if best_mode(totals, mode) != mode:
                return r + 1, SWITCH
        if sets.used[0] >= tuning.most_sets:
            return r + 1, FULL
        if totals[DUE] != 0 and not tuning.replay:
            return r + 1, LOOK
    return x_start.size - 1, FINISHED


@compiled(error_model="numpy")
def run_rows(tuning, state, rows, begin, logits, chosen, alarm):
    """Predict rows from ``begin`` on and, if told so, learn each before the next.

    ``state``: a bundle of experts, stack, label sets and monitor. ``rows``: (x_start,
    x_index, x_value, y_start, y_index), as in CSR with ascending indices. Writes ``logits``
    (rows, labels) where it has rows, ``chosen`` (rows, labels) and, on drift, ``alarm``:
    old mean, new mean, bound. Returns the next row and why.
    """
    experts, stack, sets, monitor = state.experts, state.stack, state.sets, state.monitor
    room = make_room(tuning.mode, experts, rows[0], begin)
    return _run(tuning, experts, stack, sets, monitor, room, rows, begin, logits, chosen, alarm)
