"""Compile the one-pass cross-entropy: the sums of exponentials and their gradient."""

from growlabels.classes.products.kernels.arrays import (
    Bases,
    Doubles,
    Floats,
    Ints,
    LossTiles,
    Stages,
)
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
    stages: Stages,
    tile: Floats,
    targets: Ints,
    n_classes: int,
    power: float,
    bases: Bases,
    one: float,
    tiles: LossTiles,
) -> None:
    """Sum ``2^(logit_j + power) W_j`` over the classes of all sign bases, for LANES rows.

    The result, ``tiles.total`` (d, LANES), is in units of 1 / sqrt(d). Every class vector has
    1 / sqrt(d) at coordinate 0, so row 0 is the sum of the exponentials. Sums are float32 within
    a group of bases and float64 over the groups.

    Parameters
    ----------
    stages, n_classes, bases
        Entries of a plan.
    tile
        ``(d, LANES)`` rows, scaled so that the transform gives logits to base 2.
    targets
        ``(LANES,)`` classes that are excluded; -1 excludes none.
    power
        Whole number that is added to every logit.
    one
        The constant -1.
    tiles
        Scratch and result.
    """
    leaders, starts, table, flips = bases
    first, weights, adjoint, total = tiles
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
def leave_out(weights: Floats, targets: Ints, start: int, used: int) -> None:
    """Set the weights of targets and of columns from ``used`` on to 0.

    ``start`` is the class of the first column.
    """
    for column in range(max(used, 0), len(weights)):
        for lane in range(LANES):
            weights[column, lane] = 0.0
    for lane in range(LANES):
        column = targets[lane] - start
        if 0 <= column < len(weights):
            weights[column, lane] = 0.0


@kernel
def add_units(
    z: Floats,
    target: Ints,
    classes: tuple[int, int],
    scale: float,
    power: float,
    factors: Doubles,
    sums: Doubles,
    combined: Doubles,
) -> None:
    """Add ``f 2^(scale z.W_j + power)`` and its product with W_j for the standard unit vectors.

    ``classes`` is the half-open range of their classes. ``z`` (n, d) contains the rows,
    ``target`` (n,) the excluded classes and ``factors`` (n,) the f. The results are added to
    ``sums`` (n,) and ``combined`` (n, d).
    """
    first, end = classes
    for row in range(len(z)):
        for column in range(end - first):
            if target[row] != first + column:
                weight = factors[row] * 2.0 ** (scale * z[row, column] + power)
                sums[row] += weight
                combined[row, column] += weight
