"""The expert that knows thresholds: for each label one curve a feature, and their sum.

An additive model (Hastie and Tibshirani 1986): each curve is linear between ten knots, so that a
label that asks for one feature to be above a level and for another to be below one is a sum of
two curves. A row touches two knots a feature.
"""

import math

import numpy as np

from growlabels.stream.experts.state import KNOTS, LABELS, ROWS
from growlabels.stream.numeric.arithmetic import sigmoid
from growlabels.stream.numeric.numba import borrowing

RATE = 0.4
LONGEST = np.float32(2.0)
"""Of a knot's step, in rates: what came rarely must not leap."""


@borrowing()
def place_on_curves(zscores, knot, share):
    """Find where a row lies on the curves: ``share`` of the way from ``knot`` to the next.

    ``zscores`` (features + 1,), a leading 1 first; ``knot, share`` (features,). Knots are even
    in 1/2 + z / (2 sqrt(z^2 + pi / 2)), about the share of a normal distribution below z.
    """
    for j in range(knot.size):
        z = zscores[j + 1]
        place = (0.5 + 0.5 * z / math.sqrt(z * z + 0.5 * math.pi)) * (KNOTS - 1)
        knot[j] = int(place) if place > 0.0 else 0  # whatever a forged mean makes of z
        share[j] = place - knot[j]


@borrowing()
def curve_scores(curves, knot, share, out):
    """Scores ``out`` (labels,): the sum of the ``curves`` (features, knots, labels) at a row."""
    out[:] = 0.0
    for j in range(knot.size):
        after = share[j]
        before = np.float32(1.0) - after
        low, high = curves[j, knot[j]], curves[j, knot[j] + 1]
        for label in range(out.size):
            out[label] += before * low[label] + after * high[label]


@borrowing()
def curve_step(curves, visits, knot, share, steps, errors, rate):
    """Logistic step on the two knots of each feature, as AdaGrad with its squares in factors.

    ``errors`` (labels,): probability - truth, over the root of the label's mean square;
    ``visits`` (features, knots): sums of the squared shares of each knot. Both change in place.
    Works in ``steps`` (2, features).
    """
    limit = LONGEST * rate
    one, two = steps[0], steps[1]
    for j in range(knot.size):
        visited, after = visits[j], share[j]
        before = np.float32(1.0) - after
        visited[knot[j]] += before * before
        visited[knot[j] + 1] += after * after
        one[j], two[j] = visited[knot[j]], visited[knot[j] + 1]
    for j in range(knot.size):  # apart from what is around it: many roots at a time
        one[j] = rate * (np.float32(1.0) - share[j]) / np.sqrt(one[j])
        two[j] = rate * share[j] / np.sqrt(two[j])
    for j in range(knot.size):
        before, after = one[j], two[j]
        low, high = curves[j, knot[j]], curves[j, knot[j] + 1]
        for label in range(errors.size):
            low[label] -= min(max(before * errors[label], -limit), limit)
            high[label] -= min(max(after * errors[label], -limit), limit)


@borrowing(no_cpython_wrapper=True)
def learn_curves(experts, room, view, truth, known):
    """Let the curves learn a row; ``truth`` (labels,) is 0 or 1."""
    errors = room.error_c
    rows = experts.totals[ROWS] + 1.0
    for label in range(experts.totals[LABELS]):
        error = sigmoid(view.score_c[label if label < known else 0]) - truth[label]
        experts.missed[label] += error * error
        errors[label] = error / math.sqrt(experts.missed[label] / rows)
    rate = np.float32(RATE / math.sqrt(view.knot.size))
    curves, visits = experts.curves, experts.visits
    curve_step(curves, visits, view.knot, view.share, room.steps, errors, rate)
