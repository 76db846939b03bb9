"""The compiled hot path of the exact head over Kerdock bases: plain arrays in and out.

:mod:`growlabels.classes._transform` says the same in torch, and serves where this cannot: import
this only where :func:`growlabels.classes._kernel_vectors.available` says yes.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from growlabels.classes._kernel_loss import add_units, add_weights
from growlabels.classes._kernel_passes import empty_tiles, fill
from growlabels.classes._kernel_plan import KernelPlan
from growlabels.classes._kernel_search import best_classes, maxima_of_bases, maxima_of_queries
from growlabels.classes._vector_ir import LANES

LOG2_E = 1.4426950408889634
LARGEST = 126.0  # no power of two above this is made
HEADROOM = 86.0  # the largest weight of a unit row is 2^86: 10^8 of them fit into float32
MINUS_ONE = np.float32(-1.0)


def top1(
    z: NDArray[np.float32], plan: KernelPlan, threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the class with the largest cosine, and that cosine: (rows,) each."""
    index, values = topk(z, plan, 1, threads)
    return index[:, 0], values[:, 0]


def topk(
    z: NDArray[np.float32], plan: KernelPlan, k: int, threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k classes with the largest cosines, and these.

    Parameters
    ----------
    z
        ``(rows, d)`` float32.
    plan
        What :func:`make_plan` made.
    k
        From 1 to ``plan.n_classes``.
    threads
        Used from two tiles of rows on.

    Returns
    -------
    index, values
        ``(rows, k)`` each, descending; ties in ascending order of class. A row that is not
        finite gives NaN for the classes 0 .. k - 1.

    Examples
    --------
    >>> from growlabels.classes._kerdock import sign_rows
    >>> from growlabels.classes._kernel_plan import make_plan
    >>> from growlabels.classes._kernel_vectors import available
    >>> if available():
    ...     plan = make_plan(sign_rows(16), 100)
    ...     index, values = topk(np.eye(16, dtype=np.float32)[:2], plan, 3)
    ...     assert index.tolist() == [[0, 1, 2], [0, 2, 4]] and values[0, 0] == 0.25
    """
    z = np.require(z, np.float32, ["C", "W"])
    index = np.empty((len(z), k), dtype=np.int64)
    values = np.empty((len(z), k), dtype=np.float32)
    if len(z) < LANES:
        _search_few(z, plan, values, index)
    else:
        _in_threads(lambda rows: _search_many(z, plan, rows, values, index), len(z), threads)
    return index, values


def _search_few(
    z: NDArray[np.float32],
    plan: KernelPlan,
    values: NDArray[np.float32],
    index: NDArray[np.int64],
) -> None:
    """Do the work of :func:`topk` row by row, with bases in the lanes."""
    scratch, maxima, grids = empty_tiles(plan.dim // 2, len(plan.words), 2 * plan.dim // LANES)
    column = maxima.reshape(-1, 1)
    for row in range(len(z)):
        own = slice(row, row + 1)
        maxima_of_bases(plan.stages, z[row], plan.words, MINUS_ONE, scratch, maxima)
        best_classes(
            plan.stages, z[own], column, plan.signs, plan.n_classes, MINUS_ONE, grids,
            values[own], index[own],
        )  # fmt: skip


def _search_many(
    z: NDArray[np.float32],
    plan: KernelPlan,
    rows: slice,
    values: NDArray[np.float32],
    index: NDArray[np.int64],
) -> None:
    """Do the work of :func:`topk` for a range of rows, these in the lanes."""
    first, tile, maxima, grids = empty_tiles(
        plan.dim, plan.dim, len(plan.signs), 2 * plan.dim // LANES
    )
    for own in _tiles(rows):
        fill(tile, z[own], 1.0)
        maxima_of_queries(
            plan.stages, tile, plan.leaders, plan.starts, plan.table, plan.flips, MINUS_ONE,
            first, maxima,
        )  # fmt: skip
        best_classes(
            plan.stages, z[own], maxima, plan.signs, plan.n_classes, MINUS_ONE, grids,
            values[own], index[own],
        )  # fmt: skip


def sum_exp(
    z: NDArray[np.float32],
    target: NDArray[np.int64],
    plan: KernelPlan,
    scale: float,
    shift: float,
    threads: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum ``e_j = exp(scale cos_j - shift)`` over all classes but the target, in one pass.

    Parameters
    ----------
    z
        ``(rows, d)`` float32, unit rows.
    target
        ``(rows,)`` the class of each row that is left out, -1 for none.
    plan
        What :func:`make_plan` made.
    scale, shift
        1 / tau, above 0 and at most 100; any number.
    threads
        Used from two tiles of rows on.

    Returns
    -------
    sums, combined
        ``(rows,)`` the sums of e_j and ``(rows, d)`` the sums of e_j W_j, float64. A row that is
        not finite, or much longer than 1, gives NaN.
    """
    z = np.require(z, np.float32, ["C", "W"])
    target = np.require(target, np.int64, ["C", "W"])
    radix = 1 << len(plan.stages)
    base2 = scale * LOG2_E
    power = np.float32(round(HEADROOM - base2))
    norms = np.einsum("ij,ij->i", z, z) ** 0.5
    factor = np.exp2(-float(power) - shift * LOG2_E)
    factors = np.where(norms * base2 + power <= LARGEST, factor, np.nan)
    sums = np.empty(len(z))
    combined = np.empty(z.shape)

    def part(rows: slice) -> None:
        tile, first, adjoint, weights = empty_tiles(plan.dim, plan.dim, plan.dim, radix)
        (total,) = empty_tiles(plan.dim, kind=np.float64)
        for own in _tiles(rows):
            count = own.stop - own.start
            targets = np.full(LANES, -1)
            targets[:count] = target[own]
            fill(tile, z[own], base2 / radix)
            add_weights(
                plan.stages, tile, targets, plan.n_classes, power, plan.leaders, plan.starts,
                plan.table, plan.flips, MINUS_ONE, first, weights, adjoint, total,
            )  # fmt: skip
            sums[own] = total[0, :count] * factors[own]
            np.multiply(total[:, :count].T, factors[own, None] / radix, out=combined[own])

    _in_threads(part, len(z), threads)
    units = len(plan.signs) * plan.dim
    if plan.n_classes > units:
        add_units(z, target, units, plan.n_classes, base2, power, factors, sums, combined)
    return sums, combined


def _tiles(rows: slice) -> Iterator[slice]:
    for start in range(rows.start, rows.stop, LANES):
        yield slice(start, min(start + LANES, rows.stop))


def _in_threads(part: Callable[[slice], None], rows: int, threads: int) -> None:
    """Call ``part`` on ranges of rows that are whole tiles."""
    tiles = -(-rows // LANES)
    pieces = max(1, min(threads, tiles))
    if pieces == 1:
        part(slice(0, rows))
        return
    ends = [min(rows, LANES * (tiles * i // pieces)) for i in range(pieces + 1)]
    with ThreadPoolExecutor(pieces) as pool:
        list(pool.map(part, [slice(*pair) for pair in pairwise(ends)]))
