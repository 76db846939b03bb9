"""Compile the products with all class vectors: all cosines, and weighted sums of vectors."""

from growlabels.classes.products.kernels.arrays import Bases, Doubles, Floats, Stages
from growlabels.classes.products.kernels.numba import kernel
from growlabels.classes.products.kernels.passes import (
    address,
    block_back,
    block_rows,
    spread,
    spread_back,
)
from growlabels.classes.products.kernels.vector_ir import LANES, ROW


@kernel
def write_cosines(
    stages: Stages,
    tile: Floats,
    n_classes: int,
    bases: Bases,
    one: float,
    first: Floats,
    buffer: Floats,
    out: Floats,
) -> None:
    """Write the cosines of up to LANES queries with all sign bases to ``out`` (rows, classes).

    ``tile`` (d, LANES) contains the queries divided by sqrt(d). ``first`` (d, LANES) and
    ``buffer`` (LANES, d) are scratch. ``one`` is -1.
    """
    leaders, starts, table, flips = bases
    radix = 1 << len(stages)
    dim = radix * radix
    source, passed, rows_of = address(tile), address(first), address(buffer)
    for group in range(len(leaders)):
        signs = address(leaders) + group * dim * 4
        for low in range(radix):
            spread(stages, source + low * ROW, signs + 4 * low, passed + low * ROW, one)
        for basis in range(starts[group], starts[group + 1]):
            rows = address(table) + basis * radix * 8
            factors = address(flips) + basis * radix * 4
            for high in range(radix):
                offset = high * radix * ROW
                target = rows_of + high * radix * 4
                block_rows(stages, passed, rows, factors, offset, target, one)
            begin = basis * dim
            used = min(n_classes - begin, dim)
            for row in range(len(out)):
                out[row, begin : begin + used] = buffer[row, :used]


@kernel
def add_combined(
    stages: Stages,
    weights: Floats,
    n_classes: int,
    bases: Bases,
    one: float,
    block: Floats,
    adjoint: Floats,
    total: Doubles,
) -> None:
    """Sum ``weights[:, j] W_j`` over the classes of all sign bases, for up to LANES rows.

    ``weights`` has shape (rows, classes). ``block`` (R, LANES) and ``adjoint`` (d, LANES) are
    scratch. The result ``total`` (d, LANES) is in units of 1 / sqrt(d). ``one`` is -1.
    """
    leaders, starts, table, flips = bases
    radix = 1 << len(stages)
    dim = radix * radix
    for coordinate in range(dim):
        for lane in range(LANES):
            total[coordinate, lane] = 0.0
            adjoint[coordinate, lane] = 0.0
    for column in range(radix):
        for lane in range(LANES):
            block[column, lane] = 0.0
    back = address(adjoint)
    for group in range(len(leaders)):
        signs = address(leaders) + group * dim * 4
        for basis in range(starts[group], starts[group + 1]):
            rows = address(table) + basis * radix * 8
            factors = address(flips) + basis * radix * 4
            for high in range(radix):
                begin = basis * dim + high * radix
                used = min(n_classes - begin, radix)
                for lane in range(len(weights)):
                    for column in range(used):
                        block[column, lane] = weights[lane, begin + column]
                    for column in range(max(used, 0), radix):
                        block[column, lane] = 0.0
                block_back(stages, address(block), rows, factors, high * radix * ROW, back, one)
        for low in range(radix):
            sums = address(total) + low * ROW * 2
            spread_back(stages, back + low * ROW, signs + 4 * low, sums, one)
