"""The compiled arithmetic of the learner: numba functions on plain arrays.

All of it is strict floating point, whatever the compiler makes of a loop, so that every path of
the learner agrees to the bit. The one exception is ``dot``: it only reads, so that its sum is
reordered by its length alone, never by where arrays lie in memory.
"""

import math
from typing import Any

import numpy as np

from growlabels.stream.numeric.numba import borrowing, compiled

# for steps that only compiled code calls: no wrapper for Python, which takes long to compile
INNER: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True}
LOGIT_LIMIT = 6.0
TINY = 1e-12
LEAST_VARIANCE = 1e-24
"""Of a feature of mean 1: below it lies rounding alone, so the feature is constant."""
SMALLEST = 1e-300
"""Variance up to which a feature is constant, since one over it may be infinite."""
MOST_PRECISE = float(np.finfo(np.float32).max)
PRIOR_VOTE = 2.0
FARTHEST = np.float32(1e36)
WIDEST = 1e12
BLOCK = 32


@borrowing()
def logit(p):
    """Log odds of a probability, clipped to +-6."""
    if p <= 0.0:
        return -LOGIT_LIMIT
    if p >= 1.0:
        return LOGIT_LIMIT
    return min(max(math.log(p / (1.0 - p)), -LOGIT_LIMIT), LOGIT_LIMIT)


@borrowing()
def sigmoid(z):
    """Probability of a log odds."""
    return 1.0 / (1.0 + math.exp(-z))


@borrowing(fastmath={"reassoc", "contract", "nsz"})
def dot(a, b):
    """Inner product over the places of ``b``; ``a`` may be longer."""
    total = a[0] * b[0]
    for j in range(1, b.size):
        total += a[j] * b[j]
    return total


@borrowing()
def copy(values, out):
    """Copy values to the beginning of ``out``; an assignment would look for overlap first."""
    for i in range(values.size):
        out[i] = values[i]


@borrowing()
def gauge_of(value):
    """Return the power of two that brings a value other than zero to [1/2, 1)."""
    return math.ldexp(1.0, -math.frexp(value)[1])


@borrowing()
def spread_out(index, value, gauge, x):
    """Write a sparse row into zeros ``x`` (features,), each value times its gauge."""
    for k in range(index.size):
        j = index[k]
        unit = gauge[j] if gauge[j] > 0.0 else gauge_of(value[k])
        x[j] = min(max(value[k] * unit, -WIDEST), WIDEST)


@borrowing()
def standardise(x, rows, mean, spread, largest, moments, scaled, zscores, precision):
    """Scale one dense row as if it had already been counted; the statistics stay as they are.

    ``x, mean, spread, largest`` (features,): the row, running mean, sum of squared deviations
    and largest absolute value over ``rows`` earlier rows. Writes ``moments`` (3, features): the
    statistics with this row counted; ``scaled`` (features + 1,): a leading 1, then x over the
    largest absolute value; ``zscores`` (features + 1,): a leading 1, then z-scores within +-5;
    ``precision`` (features,): one over the variance; 0 for a constant feature, and for one whose
    deviation is under a millionth of its mean, since the window keeps 32 bits of a value.
    Distances are computed in 32 bits too, in which a larger precision would be infinite.
    """
    n = rows + 1.0
    scaled[0] = 1.0
    zscores[0] = 1.0
    for j in range(x.size):
        delta = x[j] - mean[j]
        centre = mean[j] + delta / n
        squares = spread[j] + delta * (x[j] - centre)
        top = max(largest[j], abs(x[j]))
        variance = squares / n
        level = centre * centre
        alive = variance > LEAST_VARIANCE * level and variance > SMALLEST
        moments[0, j] = centre
        moments[1, j] = squares
        moments[2, j] = top
        inverse = 1.0 / variance if alive else 0.0
        precision[j] = min(inverse, MOST_PRECISE) if variance > TINY * level else 0.0
        scaled[j + 1] = x[j] / top if top > 0.0 else 0.0
        zscores[j + 1] = min(max((x[j] - centre) * math.sqrt(inverse), -5.0), 5.0)


@borrowing()
def linear_scores(weights, x, out):
    """Scores ``out`` (labels,) = ``weights`` (labels, features) times ``x`` (features,)."""
    for label in range(out.size):
        out[label] = dot(weights[label], x)


@borrowing()
def adagrad_step(weights, squares, x, errors, rate):
    """Logistic AdaGrad step on dense rows; ``errors`` (labels,) = probability - truth.

    ``weights, squares`` (labels, features) change in place: squares += g^2,
    weights -= rate g / sqrt(squares).
    """
    step = np.float32(rate)
    for label in range(errors.size):
        error = np.float32(errors[label])
        row = weights[label]
        square = squares[label]
        for j in range(x.size):
            gradient = error * x[j]
            total = square[j] + gradient * gradient
            square[j] = total
            row[j] -= step * gradient / np.sqrt(total)


@borrowing()
def sparse_linear_scores(weights, index, value, out):
    """Scores of a sparse row; ``weights`` (features + 1, labels), row 0 is the intercept."""
    for label in range(out.size):
        out[label] = weights[0, label]
    for k in range(index.size):
        row = weights[index[k] + 1]
        x = value[k]
        for label in range(out.size):
            out[label] += row[label] * x


@borrowing()
def sparse_adagrad_step(weights, squares, index, value, errors, rate):
    """Logistic AdaGrad step on a sparse row, the layout of ``sparse_linear_scores``."""
    step = np.float32(rate)
    for k in range(-1, index.size):
        place = 0 if k < 0 else index[k] + 1
        x = np.float32(1.0) if k < 0 else value[k]
        row = weights[place]
        square = squares[place]
        for label in range(errors.size):
            gradient = np.float32(errors[label]) * x
            total = square[label] + gradient * gradient
            square[label] = total
            row[label] -= step * gradient / np.sqrt(total)


@borrowing()
def window_distances(window, x, precision, features, slots, out):
    """Euclidean distances ``out`` (rows, slots) of rows to the columns of ``window``.

    ``x`` (rows, features) and ``window`` (features, slots); squared differences are weighted by
    ``precision`` (rows, features): 1 / variance. What is read of the window serves all rows.
    """
    rows = x.shape[0]
    for row in range(rows):
        out[row][:slots] = 0.0
    size = features - features % 4
    for j in range(0, size, 4):  # four features at a time: a quarter of the passes over out
        r0, r1, r2, r3 = window[j], window[j + 1], window[j + 2], window[j + 3]
        for row in range(rows):
            weight, centre, near = precision[row], x[row], out[row]
            w0, w1 = np.float32(weight[j]), np.float32(weight[j + 1])
            w2, w3 = np.float32(weight[j + 2]), np.float32(weight[j + 3])
            c0, c1 = np.float32(centre[j]), np.float32(centre[j + 1])
            c2, c3 = np.float32(centre[j + 2]), np.float32(centre[j + 3])
            for slot in range(slots):
                d0, d1, d2, d3 = c0 - r0[slot], c1 - r1[slot], c2 - r2[slot], c3 - r3[slot]
                near[slot] += (w0 * d0 * d0 + w1 * d1 * d1) + (w2 * d2 * d2 + w3 * d3 * d3)
    for row in range(rows):
        near = out[row]
        for j in range(size, features):
            weight, centre, column = np.float32(precision[row, j]), np.float32(x[row, j]), window[j]
            for slot in range(slots):
                delta = centre - column[slot]
                near[slot] += weight * delta * delta
        for slot in range(slots):
            near[slot] = np.sqrt(min(near[slot], FARTHEST))


@borrowing()
def posting_distances(index, value, first, follower, node_slot, node_weight, out):
    """Distance sqrt(1 - cos) of a sparse unit row to the rows of the window.

    ``first`` (features,) is the absolute position of a feature's oldest node, -1 for none;
    ``follower, node_slot, node_weight`` (nodes,) are a ring whose size is a power of two: the
    next node of the same feature, the slot of its row, and its weight in that unit row.
    """
    mask = follower.size - 1
    out[:] = 1.0
    for k in range(index.size):
        weight = value[k]
        node = first[index[k]]
        while node >= 0:
            place = node & mask
            out[node_slot[place]] -= weight * node_weight[place]
            node = follower[place]
    for slot in range(out.size):
        out[slot] = np.sqrt(max(out[slot], np.float32(0.0)))


@compiled(error_model="numpy")
def row_distances(index, value, features, starts, sizes, node_feature, node_weight, out):
    """Do what :func:`posting_distances` does, row by row of the window, to the same bit.

    ``starts, sizes`` (slots,) say where each slot's entries lie in the ring ``node_feature,
    node_weight`` (nodes,): in one piece, so that long lists cost less than to follow.
    """
    mask = node_feature.size - 1
    weights = np.zeros(features, np.float32)
    for k in range(index.size):
        if index[k] < features:
            weights[index[k]] = value[k]
    for slot in range(out.size):
        total = np.float32(1.0)
        for node in range(starts[slot], starts[slot] + sizes[slot]):
            place = node & mask
            total -= weights[node_feature[place]] * node_weight[place]
        out[slot] = np.sqrt(max(total, np.float32(0.0)))


@borrowing()
def any_below(values, limit):
    """Whether any value is below the limit: all are looked at, many at a time."""
    below = False
    for i in range(values.size):
        below |= values[i] < limit
    return below


@borrowing()
def nearest(distance, newest, limit, slots, best):
    """Find the nearest of the ``limit`` newest slots, nearest first; of equals the newest.

    ``distance`` (capacity,) is a ring whose last written place is ``newest``. Fills ``slots``
    and ``best`` (wanted,) and returns how many were found.
    """
    found, wanted = 0, slots.size
    left, end = limit, newest + 1
    while left > 0:
        begin = max(end - BLOCK, end - left, 0)
        if found < wanted or any_below(distance[begin:end], best[found - 1]):
            for slot in range(end - 1, begin - 1, -1):
                d = distance[slot]
                if found < wanted or d < best[found - 1]:
                    found = min(found + 1, wanted)
                    place = found - 1
                    while place > 0 and best[place - 1] > d:
                        best[place] = best[place - 1]
                        slots[place] = slots[place - 1]
                        place -= 1
                    best[place] = d
                    slots[place] = slot
        left -= end - begin
        end = begin if begin > 0 else distance.size
    return found


@borrowing()
def vote(slots, best, count, slot_set, set_start, set_size, pool, prior, out):
    """Logits of the labels of the ``count`` nearest rows, weighted by (d_1 / d)^4.

    One further vote of weight 2 is the ``prior`` (labels,).
    """
    total = PRIOR_VOTE
    for label in range(out.size):
        out[label] = PRIOR_VOTE * prior[label]
    for k in range(count):
        closeness = ((best[0] + TINY) / (best[k] + TINY)) ** 2
        weight = closeness * closeness
        total += weight
        chosen = slot_set[slots[k]]
        for place in range(set_start[chosen], set_start[chosen] + set_size[chosen]):
            out[pool[place]] += weight
    for label in range(out.size):
        out[label] = logit(out[label] / total)


@borrowing()
def mix(weights, logits, out):
    """Mix the experts: ``out`` (labels,) = ``weights`` (experts,) times ``logits``."""
    out[:] = 0.0
    for expert in range(weights.size):
        weight = weights[expert]
        for label in range(out.size):
            out[label] += weight * logits[expert, label]


@compiled(error_model="numpy")
def stack_step(weights, hessian, logits, truth, keep, ridge):
    """One Newton step of the logistic stack that all labels share.

    ``hessian`` (experts, experts) <- keep hessian + (1 - keep) ridge I + sum of p (1 - p) f f';
    ``weights`` (experts,) <- weights - hessian^-1 sum of (p - y) f, with f the columns of
    ``logits`` (experts, labels) and y = ``truth`` (labels,), 0 or 1. Column 0 stands for labels
    that never occurred and does not count.
    """
    size = weights.size
    labels = truth.size
    mixed = np.empty(labels)
    mix(weights, logits, mixed)
    error, curve, scratch = np.zeros(labels), np.zeros(labels), np.empty(labels)
    for label in range(1, labels):
        p = sigmoid(mixed[label])
        error[label] = p - truth[label]
        curve[label] = p * (1.0 - p)
    slope = np.empty(size)
    factor = np.empty((size, size))
    for i in range(size):
        slope[i] = dot(error, logits[i])
        for label in range(labels):
            scratch[label] = curve[label] * logits[i, label]
        for j in range(i + 1):
            hessian[i, j] = keep * hessian[i, j] + dot(scratch, logits[j])
        hessian[i, i] += (1.0 - keep) * ridge
    # Cholesky factor and solution in place; only the lower triangle is used
    for i in range(size):
        for j in range(i + 1):
            total = hessian[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            factor[i, j] = math.sqrt(total) if i == j else total / factor[j, j]
    for i in range(size):
        for k in range(i):
            slope[i] -= factor[i, k] * slope[k]
        slope[i] /= factor[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            slope[i] -= factor[k, i] * slope[k]
        slope[i] /= factor[i, i]
    for i in range(size):
        weights[i] -= slope[i]


@compiled(error_model="numpy")
def best_set(scores, candidates, level, start, size, pool, rows, novelty, odds, empty):
    """Choose a label set: the index of a known set, or -1 for the labels with a positive score.

    score(s) = sum of ``scores`` (labels,) in s + half of [log(1 - novelty) + level_s - ``rows``
    - sum of ``odds`` (labels,) in s - ``empty``], where ``level`` and ``rows`` are the logs of how
    often the set and any set came, ``odds`` are the log odds of the priors and ``empty`` is the
    sum of log(1 - prior) over all labels; for -1 the bracket is log novelty. Label 0 stands for
    labels that never occurred and is never chosen.
    """
    best = 0.5 * math.log(novelty)
    gain = np.empty(scores.size)
    for label in range(1, scores.size):
        gain[label] = scores[label] - 0.5 * odds[label]
        if scores[label] > 0.0:
            best += scores[label]
    chosen = -1
    known = math.log(1.0 - novelty) - rows - empty
    for k in range(candidates.size):
        s = candidates[k]
        total = 0.5 * (known + level[s])
        for place in range(start[s], start[s] + size[s]):
            total += gain[pool[place]]
        if total > best:
            best = total
            chosen = s
    return chosen
