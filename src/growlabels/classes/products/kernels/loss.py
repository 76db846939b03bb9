"""Compiled kernel of the one-pass cross-entropy: sums of exponentials and their gradient."""

from growlabels.classes.products.kernels.numba import kernel
from growlabels.classes.products.kernels.passes import (
    address,
    block_back,
    block_exp,
    spread,
    spread_back,
)
from growlabels.classes.products.kernels.vector_ir import LANES, ROW


@kernel
def add_weights(
    stages, tile, targets, n_classes, power, leaders, starts, table, flips, one,
    first, weights, adjoint, total,
):  # fmt: skip
    """Sum ``2^(logit_j + power) W_j`` over the classes of all sign bases, for LANES rows.

    ``tile`` (d, LANES) rows in units in which the transform gives logits to base 2; ``targets``
    (LANES,) classes left out, ``power`` a whole number. Scratch: ``first`` and ``adjoint``
    (d, LANES), ``weights`` (R, LANES). The result, ``total`` (d, LANES) float64, is in units of
    1 / sqrt(d): since every class vector has 1 / sqrt(d) at coordinate 0, its row 0 is the sum
    of the exponentials. Sums are float32 within a group of bases, float64 over the groups.
    """
    radix = 1 << len(stages)
    dim = tile.shape[0]
    for coordinate in range(dim):
        for lane in range(LANES):
            total[coordinate, lane] = 0.0
            adjoint[coordinate, lane] = 0.0
    source, passed, back = address(tile), address(first), address(adjoint)
    for group in range(len(leaders)):
        signs = address(leaders) + group * dim * 4
        for low in range(radix):
            spread(stages, source + low * ROW, signs + 4 * low, passed + low * ROW, one)
        for basis in range(starts[group], starts[group + 1]):
            rows = address(table) + basis * radix * 8
            factors = address(flips) + basis * radix * 4
            used = min(n_classes - basis * dim, dim)
            special = used < dim
            for lane in range(LANES):
                special |= targets[lane] // dim == basis
            for high in range(radix):
                offset = high * radix * ROW
                block = address(weights)
                block_exp(stages, passed, rows, factors, offset, block, power, one)
                if special:
                    leave_out(weights, targets, basis * dim + high * radix, used - high * radix)
                block_back(stages, block, rows, factors, offset, back, one)
        for low in range(radix):
            sums = address(total) + low * ROW * 2
            spread_back(stages, back + low * ROW, signs + 4 * low, sums, one)


@kernel
def leave_out(weights, targets, start, used):
    """Clear the weights of targets and of columns from ``used`` on; ``start``: first class."""
    for column in range(max(used, 0), len(weights)):
        for lane in range(LANES):
            weights[column, lane] = 0.0
    for lane in range(LANES):
        column = targets[lane] - start
        if 0 <= column < len(weights):
            weights[column, lane] = 0.0


@kernel
def add_units(z, target, first_class, n_classes, scale, power, factors, sums, combined):
    """Add ``f 2^(scale z.W_j + power)`` and that times W_j for the unit vectors W_j.

    ``z`` (n, d); ``target`` (n,) classes left out; the unit vectors are the classes from
    ``first_class`` to ``n_classes - 1``; ``factors`` (n,) the f; ``sums`` (n,) and ``combined``
    (n, d) float64.
    """
    for row in range(len(z)):
        for column in range(n_classes - first_class):
            if target[row] != first_class + column:
                weight = factors[row] * 2.0 ** (scale * z[row, column] + power)
                sums[row] += weight
                combined[row, column] += weight
