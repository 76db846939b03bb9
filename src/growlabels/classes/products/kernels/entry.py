"""Call the compiled kernels on numpy arrays.

Import this module only if :func:`growlabels.classes.products.compiled_vectors.available` returns
True. Otherwise :mod:`growlabels.classes.products.sign_vectors` computes the same results in torch.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.classes.products.kernels.arrays import Best, LossTiles, empty_tiles
from growlabels.classes.products.kernels.certified import certified_best
from growlabels.classes.products.kernels.logits import add_combined, write_cosines
from growlabels.classes.products.kernels.loss import add_units, add_weights
from growlabels.classes.products.kernels.passes import fill
from growlabels.classes.products.kernels.plan import KernelPlan
from growlabels.classes.products.kernels.search import (
    best_by_bases,
    best_classes,
    maxima_of_bases,
    maxima_of_queries,
)
from growlabels.classes.products.kernels.vector_ir import LANES

LOG2_E = 1.4426950408889634
LARGEST = 126.0  # the largest exponent of a power of two that the kernels compute
HEADROOM = 86.0  # the largest weight of a unit row is 2^86, so 10^8 of them fit into float32
MINUS_ONE = np.float32(-1.0)


def top1(
    z: NDArray[np.float32], plan: KernelPlan, threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the class with the largest cosine and that cosine, (rows,) each."""
    index, values = topk(z, plan, 1, threads)
    return index[:, 0], values[:, 0]


def topk(
    z: NDArray[np.float32], plan: KernelPlan, k: int, threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k classes with the largest cosines, and these cosines.

    Parameters
    ----------
    z
        ``(rows, d)`` queries.
    plan
        Tables of the bases, from ``make_plan``.
    k
        Number of classes per row, from 1 to ``plan.n_classes``.
    threads
        Number of threads, at least 1; default 1. They divide the tiles of rows or, if there are
        fewer tiles, the bases. The result does not depend on it.

    Returns
    -------
    index, values
        ``(rows, k)`` each, in descending order of cosine; ties are ordered by class. A row that
        is not finite gives NaN and the classes 0 .. k - 1.

    Examples
    --------
    >>> from growlabels.classes.codes.kerdock import sign_rows
    >>> from growlabels.classes.products.kernels.plan import make_plan
    >>> from growlabels.classes.products.compiled_vectors import available
    >>> if available():
    ...     plan = make_plan(sign_rows(16), 100)
    ...     index, values = topk(np.eye(16, dtype=np.float32)[:2], plan, 3)
    ...     assert index.tolist() == [[0, 1, 2], [0, 2, 4]] and values[0, 0] == 0.25
    """
    z = _own_type(z, np.float32)
    index = np.empty((len(z), k), dtype=np.int64)
    values = np.empty((len(z), k), dtype=np.float32)
    if k == 1 and len(plan.places):
        left = _certify(z, plan, values, index)
        if len(left) < len(z):
            of_left = values[left], index[left]
            _scan(z[left], plan, *of_left, threads)
            values[left], index[left] = of_left
            return index, values
    _scan(z, plan, values, index, threads)
    return index, values


def _certify(
    z: NDArray[np.float32],
    plan: KernelPlan,
    values: NDArray[np.float32],
    index: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Write the best class of rows where it can be proved without a scan; return the others."""
    room = 16 // LANES
    tiles, first, grids = empty_tiles(2 * room * plan.dim, plan.dim, 2 * plan.dim // LANES)
    energies = np.empty((16, len(plan.signs)), dtype=np.float32)
    settled = np.zeros(len(z), dtype=np.bool_)
    certified_best(
        plan.stages, z, plan.signs, plan.places, plan.factors, plan.n_classes, plan.groups.table,
        plan.groups.flips, MINUS_ONE, tiles, first, energies, grids, values, index, settled,
    )  # fmt: skip
    return np.flatnonzero(~settled)


def _scan(
    z: NDArray[np.float32],
    plan: KernelPlan,
    values: NDArray[np.float32],
    index: NDArray[np.int64],
    threads: int,
) -> None:
    """Write the results of :func:`topk`, computed from the largest logit of every basis."""
    if len(z) < LANES:
        _search_few(z, plan, values, index, threads)
        return
    across, within = _shares(len(z), threads)

    def part(_: int, rows: slice) -> None:
        _search_many(z, plan, rows, values, index, within)

    _in_threads(part, len(z), across, LANES)


def _search_few(
    z: NDArray[np.float32],
    plan: KernelPlan,
    values: NDArray[np.float32],
    index: NDArray[np.int64],
    threads: int,
) -> None:
    """Write the results of :func:`topk` row by row, with one basis per lane."""
    if threads == 1:
        best_by_bases(
            plan.stages, z, plan.words, plan.signs, plan.n_classes, MINUS_ONE, values, index
        )
        return
    maxima, grids = empty_tiles(len(plan.words), 2 * plan.dim // LANES)
    scratch = [empty_tiles(plan.dim // 2)[0] for _ in range(threads)]
    column = maxima.reshape(-1, 1)
    for row in range(len(z)):
        own = slice(row, row + 1)

        def part(piece: int, sets: slice, row: int = row) -> None:
            maxima_of_bases(
                plan.stages, z[row], plan.words[sets], MINUS_ONE, scratch[piece], maxima[sets]
            )

        _in_threads(part, len(plan.words), threads)
        best = Best(values[own], index[own])
        best_classes(
            plan.stages, z[own], column, plan.signs, plan.n_classes, MINUS_ONE, grids, best
        )


def _search_many(
    z: NDArray[np.float32],
    plan: KernelPlan,
    rows: slice,
    values: NDArray[np.float32],
    index: NDArray[np.int64],
    threads: int,
) -> None:
    """Write the results of :func:`topk` for a range of rows, with one row per lane."""
    tile, maxima, grids = empty_tiles(plan.dim, len(plan.signs), 2 * plan.dim // LANES)
    first = [empty_tiles(plan.dim)[0] for _ in range(threads)]

    def part(piece: int, groups: slice) -> None:
        bases = plan.of_groups(groups)
        maxima_of_queries(plan.stages, tile, bases, MINUS_ONE, first[piece], maxima)

    for own in _tiles(rows):
        fill(tile, z[own], 1.0)
        _in_threads(part, len(plan.groups.leaders), threads)
        best = Best(values[own], index[own])
        best_classes(
            plan.stages, z[own], maxima, plan.signs, plan.n_classes, MINUS_ONE, grids, best
        )


def sum_exp(
    z: NDArray[np.float32],
    target: NDArray[np.int64],
    plan: KernelPlan,
    scale: float,
    shift: float,
    threads: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum ``e_j = exp(scale cos_j - shift)`` over all classes except the target, in one pass.

    Parameters
    ----------
    z
        ``(rows, d)`` unit rows.
    target
        ``(rows,)`` class of each row that is excluded; -1 excludes none.
    plan
        Tables of the bases, from ``make_plan``.
    scale
        Inverse temperature 1 / tau, above 0 and at most 100.
    shift
        Number that is subtracted from every logit.
    threads
        Number of threads, at least 1; default 1. They divide the tiles of rows or, if there are
        fewer tiles, the bases. In the second case the order of the float64 sums changes, and
        with it their last bits.

    Returns
    -------
    sums, combined
        The sums of e_j, ``(rows,)``, and of e_j W_j, ``(rows, d)``. A row that is not finite, or
        much longer than 1, gives NaN.
    """
    z = _own_type(z, np.float32)
    target = _own_type(target, np.int64)
    radix = 1 << len(plan.stages)
    base2 = scale * LOG2_E
    power = np.float32(round(HEADROOM - base2))
    norms = np.einsum("ij,ij->i", z, z) ** 0.5
    factor = np.exp2(-float(power) - shift * LOG2_E)
    factors = np.where(norms * base2 + power <= LARGEST, factor, np.nan)
    sums = np.empty(len(z))
    combined = np.empty(z.shape)

    across, within = _shares(len(z), threads)

    def part(_: int, rows: slice) -> None:
        (tile,) = empty_tiles(plan.dim)
        targets = np.empty(LANES, dtype=np.int64)
        totals = [empty_tiles(plan.dim, kind=np.float64)[0] for _ in range(within)]
        sizes = plan.dim, radix, plan.dim
        tiles = [LossTiles._make([*empty_tiles(*sizes), total]) for total in totals]

        def some(piece: int, groups: slice) -> None:
            bases = plan.of_groups(groups)
            add_weights(
                plan.stages, tile, targets, plan.n_classes, power, bases, MINUS_ONE, tiles[piece]
            )

        for own in _tiles(rows):
            count = own.stop - own.start
            targets[:] = -1
            targets[:count] = target[own]
            fill(tile, z[own], base2 / radix)
            pieces = _in_threads(some, len(plan.groups.leaders), within)
            total = sum(totals[1:pieces], totals[0])
            sums[own] = total[0, :count] * factors[own]
            np.multiply(total[:, :count].T, factors[own, None] / radix, out=combined[own])

    _in_threads(part, len(z), across, LANES)
    units = len(plan.signs) * plan.dim
    if plan.n_classes > units:
        add_units(z, target, (units, plan.n_classes), base2, power, factors, sums, combined)
    return sums, combined


def cosines(z: NDArray[np.float32], plan: KernelPlan, threads: int = 1) -> NDArray[np.float32]:
    """Return the cosines ``z W^T``, (rows, classes)."""
    z = _own_type(z, np.float32)
    out = np.empty((len(z), plan.n_classes), dtype=np.float32)

    def part(_: int, rows: slice) -> None:
        tile, first, buffer = empty_tiles(plan.dim, plan.dim, plan.dim)
        for own in _tiles(rows):
            fill(tile, z[own], 1.0 / (1 << len(plan.stages)))
            write_cosines(
                plan.stages, tile, plan.n_classes, plan.groups, MINUS_ONE, first,
                buffer.reshape(LANES, plan.dim), out[own],
            )  # fmt: skip

    _in_threads(part, len(z), threads, LANES)
    units = len(plan.signs) * plan.dim
    out[:, units:] = z[:, : max(0, plan.n_classes - units)]
    return out


def combine(
    weights: NDArray[np.float32], plan: KernelPlan, threads: int = 1
) -> NDArray[np.float32]:
    """Return ``weights W``, (rows, d), the adjoint of :func:`cosines`."""
    weights = _own_type(weights, np.float32)
    radix = 1 << len(plan.stages)
    out = np.empty((len(weights), plan.dim), dtype=np.float32)

    def part(_: int, rows: slice) -> None:
        block, adjoint = empty_tiles(radix, plan.dim)
        (total,) = empty_tiles(plan.dim, kind=np.float64)
        for own in _tiles(rows):
            add_combined(
                plan.stages, weights[own], plan.n_classes, plan.groups, MINUS_ONE, block,
                adjoint, total,
            )  # fmt: skip
            np.multiply(total[:, : own.stop - own.start].T, 1.0 / radix, out=out[own])

    _in_threads(part, len(weights), threads, LANES)
    units = len(plan.signs) * plan.dim
    if plan.n_classes > units:
        out[:, : plan.n_classes - units] += weights[:, units:]
    return out


def _own_type(array: NDArray[Any], kind: type) -> NDArray[Any]:
    """Return the array in C order, with this dtype and writeable, as the kernels require it."""
    array = np.ascontiguousarray(array, kind)
    return array if array.flags.writeable else array.copy()


def _tiles(rows: slice) -> Iterator[slice]:
    for start in range(rows.start, rows.stop, LANES):
        yield slice(start, min(start + LANES, rows.stop))


def _shares(rows: int, threads: int) -> tuple[int, int]:
    """Return how many threads divide the tiles, and how many divide the bases of a tile."""
    return (threads, 1) if -(-rows // LANES) >= threads else (1, threads)


def _in_threads(
    part: Callable[[int, slice], object], count: int, threads: int, unit: int = 1
) -> int:
    """Call ``part(piece, range)`` on ranges of whole units that cover ``count``.

    Return the number of ranges.
    """
    units = -(-count // unit)
    pieces = max(1, min(threads, units))
    if pieces == 1:
        part(0, slice(0, count))
        return 1
    ends = [min(count, unit * (units * i // pieces)) for i in range(pieces + 1)]
    with ThreadPoolExecutor(pieces) as pool:
        list(pool.map(part, range(pieces), [slice(*pair) for pair in pairwise(ends)]))
    return pieces
