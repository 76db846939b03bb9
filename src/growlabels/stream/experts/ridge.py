"""Recursive least squares that brings its matrix up to date only after every few rows.

The inverse covariance of wide rows is larger than the fast caches. So the steps of the last rows
are kept beside it, ``held``, and go into it together; the weights learn from every row at once.
"""

import math

from growlabels.stream.experts.state import HELD, STEPS, TILE
from growlabels.stream.numeric.arithmetic import dot
from growlabels.stream.numeric.numba import borrowing


@borrowing(fastmath={"reassoc", "contract", "nsz"})
def tile_times(covariance, x, i, out):
    """Add what eight rows of the lower triangle from ``i`` on give, below and on the diagonal.

    Sums are reordered by ``i`` alone, so that every row ``x`` gets the same in any company.
    """
    r0, r1, r2, r3 = covariance[i], covariance[i + 1], covariance[i + 2], covariance[i + 3]
    r4, r5, r6, r7 = covariance[i + 4], covariance[i + 5], covariance[i + 6], covariance[i + 7]
    x0, x1, x2, x3, x4, x5, x6, x7 = (
        x[i], x[i + 1], x[i + 2], x[i + 3], x[i + 4], x[i + 5], x[i + 6], x[i + 7],
    )  # fmt: skip
    d0 = d1 = d2 = d3 = d4 = d5 = d6 = d7 = 0.0
    for j in range(i):
        a0, a1, a2, a3, a4, a5, a6, a7 = r0[j], r1[j], r2[j], r3[j], r4[j], r5[j], r6[j], r7[j]
        y = x[j]
        d0, d1, d2, d3 = d0 + a0 * y, d1 + a1 * y, d2 + a2 * y, d3 + a3 * y
        d4, d5, d6, d7 = d4 + a4 * y, d5 + a5 * y, d6 + a6 * y, d7 + a7 * y
        out[j] += ((a0 * x0 + a1 * x1) + (a2 * x2 + a3 * x3)) + (
            (a4 * x4 + a5 * x5) + (a6 * x6 + a7 * x7)
        )
    out[i], out[i + 1], out[i + 2], out[i + 3] = d0, d1, d2, d3
    out[i + 4], out[i + 5], out[i + 6], out[i + 7] = d4, d5, d6, d7
    for j in range(i, i + TILE):
        out[j] += ((r0[j] * x0 + r1[j] * x1) + (r2[j] * x2 + r3[j] * x3)) + (
            (r4[j] * x4 + r5[j] * x5) + (r6[j] * x6 + r7[j] * x7)
        )


@borrowing()
def covariance_times(covariance, x, size, out):
    """Multiply the covariance by rows ``x`` (rows, size), a tile at a time for all of them.

    It is symmetric: of ``covariance`` the lower triangle counts, in whole tiles on the diagonal.
    """
    for i in range(0, size, TILE):
        for row in range(x.shape[0]):
            tile_times(covariance, x[row], i, out[row])


@borrowing()
def take_up(covariance, held, size):
    """Take the outer products of the steps from the lower triangle."""
    h0, h1, h2, h3 = held[0], held[1], held[2], held[3]
    for i in range(size):
        row = covariance[i]
        s0, s1, s2, s3 = h0[i], h1[i], h2[i], h3[i]
        for j in range(i - i % TILE + TILE):
            row[j] -= (s0 * h0[j] + s1 * h1[j]) + (s2 * h2[j] + s3 * h3[j])


@borrowing(no_cpython_wrapper=True)
def ridge_step(experts, x, gain, residuals):
    """Learn one row; ``residuals`` (labels,) = target - score before the step.

    ``x`` (places,); ``gain`` (places,) is the covariance times x, without the steps held, which
    this adds.
    """
    size, steps, held = x.size, experts.totals[STEPS], experts.held
    for step in range(steps):
        before = held[step]
        share = dot(before, x)
        for j in range(size):
            gain[j] -= share * before[j]
    norm = 1.0 + dot(gain, x)
    for label in range(residuals.size):
        share = residuals[label] / norm
        row = experts.ridge[label]
        for j in range(size):
            row[j] += share * gain[j]
    scale = 1.0 / math.sqrt(norm)
    now = held[steps]
    for j in range(size):
        now[j] = scale * gain[j]
    experts.totals[STEPS] = steps + 1
    if steps + 1 == HELD:
        take_up(experts.covariance, held, size)
        experts.totals[STEPS] = 0
