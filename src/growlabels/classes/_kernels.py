"""The compiled hot path of the exact head over Kerdock bases: plain arrays in and out.

:mod:`growlabels.classes._transform` says the same in torch, and serves where this cannot: call
nothing here before :func:`available` has said yes.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from growlabels.classes._kernel_plan import KernelPlan

DIMS = (16, 64, 256, 1024, 4096)
LOG2_E = 1.4426950408889634
LARGEST = 126.0  # no power of two above this is made
HEADROOM = 86.0  # the largest weight of a unit row is 2^86: 10^8 of them fit into float32
MAX_SCALE = 100.0
MINUS_ONE = np.float32(-1.0)


@lru_cache(maxsize=1)
def available() -> bool:
    """Say whether numba is installed, at work, and compiles for AVX-512, or for AVX2 with FMA."""
    try:
        from growlabels.classes._vector_ir import LANES
    except ImportError:
        return False
    return LANES > 0


def make_plan(sign_rows: NDArray[np.int8], n_classes: int) -> "KernelPlan":
    """Prepare for the first ``n_classes`` classes of a codebook; see ``_kernel_plan``.

    Parameters
    ----------
    sign_rows
        ``(bases, d)`` of +1 and -1, d one of ``DIMS``, every row +1 at coordinate 0.
    n_classes
        From 1 to ``(bases + 1) d``: class ``b d + c`` has the vector
        ``sign_rows[b] * H[c] / sqrt(d)``, and behind all bases stand the unit vectors.
    """
    from growlabels.classes import _kernel_plan

    return _kernel_plan.make_plan(sign_rows, n_classes)


def top1(
    z: NDArray[np.float32], plan: "KernelPlan", threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the class with the largest cosine, and that cosine: (rows,) each."""
    index, values = topk(z, plan, 1, threads)
    return index[:, 0], values[:, 0]


def topk(
    z: NDArray[np.float32], plan: "KernelPlan", k: int, threads: int = 1
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
    >>> if available():
    ...     plan = make_plan(sign_rows(16), 100)
    ...     index, values = topk(np.eye(16, dtype=np.float32)[:2], plan, 3)
    ...     assert index.tolist() == [[0, 1, 2], [0, 2, 4]] and values[0, 0] == 0.25
    """
    from growlabels.classes import _kernel_search as search
    from growlabels.classes._vector_ir import LANES, empty_tile, fill

    z = np.require(z, np.float32, ["C", "W"])
    index = np.empty((len(z), k), dtype=np.int64)
    values = np.empty((len(z), k), dtype=np.float32)
    radix = 1 << len(plan.stages)

    def part(begin: int, end: int) -> None:
        first = empty_tile(plan.dim)
        grids = np.empty((2, radix, radix), dtype=np.float32)
        few = len(z) < LANES
        maxima = empty_tile(len(plan.words if few else plan.signs))
        tile = None if few else empty_tile(plan.dim)
        for start in range(begin, end, 1 if few else LANES):
            stop = start + 1 if few else min(start + LANES, end)
            rows = z[start:stop]
            if few:
                search.maxima_of_bases(plan.stages, rows[0], plan.words, MINUS_ONE, first, maxima)
                largest = maxima.reshape(-1, 1)
            else:
                fill(tile, rows, 1.0)
                search.maxima_of_queries(
                    plan.stages, tile, plan.leaders, plan.starts, plan.table, plan.flips,
                    MINUS_ONE, first, maxima,
                )  # fmt: skip
                largest = maxima
            search.best_classes(
                plan.stages, rows, largest, plan.signs, plan.n_classes, grids,
                values[start:stop], index[start:stop],
            )  # fmt: skip

    _in_threads(part, len(z), threads)
    return index, values


def sum_exp(
    z: NDArray[np.float32],
    target: NDArray[np.int64],
    plan: "KernelPlan",
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
        1 / tau, above 0 and at most ``MAX_SCALE``; any number.
    threads
        Used from two tiles of rows on.

    Returns
    -------
    sums, combined
        ``(rows,)`` the sums of e_j and ``(rows, d)`` the sums of e_j W_j, float64. A row that is
        not finite, or much longer than 1, gives NaN.
    """
    from growlabels.classes import _kernel_loss as loss
    from growlabels.classes._vector_ir import LANES, empty_tile, fill

    z = np.require(z, np.float32, ["C", "W"])
    target = np.require(target, np.int64, ["C", "W"])
    radix = 1 << len(plan.stages)
    base2 = scale * LOG2_E
    power = np.float32(round(HEADROOM - base2))
    sums = np.empty(len(z))
    combined = np.empty(z.shape)

    def part(begin: int, end: int) -> None:
        tile, first, adjoint = (empty_tile(plan.dim) for _ in range(3))
        weights, total = empty_tile(radix), empty_tile(plan.dim, np.float64)
        for start in range(begin, end, LANES):
            stop = min(start + LANES, end)
            targets = np.full(LANES, -1)
            targets[: stop - start] = target[start:stop]
            fill(tile, z[start:stop], base2 / radix)
            loss.add_weights(
                plan.stages, tile, targets, plan.n_classes, power, plan.leaders, plan.starts,
                plan.table, plan.flips, MINUS_ONE, first, weights, adjoint, total,
            )  # fmt: skip
            sums[start:stop] = total[0, : stop - start]
            np.divide(total[:, : stop - start].T, radix, out=combined[start:stop])

    _in_threads(part, len(z), threads)
    units = len(plan.signs) * plan.dim
    if plan.n_classes > units:
        loss.add_units(z, target, units, plan.n_classes, base2, power, sums, combined)
    factor = np.exp2(-float(power) - shift * LOG2_E)
    norms = np.einsum("ij,ij->i", z, z) ** 0.5
    factors = np.where(norms * base2 + power <= LARGEST, factor, np.nan)
    return sums * factors, combined * factors[:, None]


def _in_threads(part: Callable[[int, int], None], rows: int, threads: int) -> None:
    """Call ``part`` on ranges of rows that are whole tiles."""
    from growlabels.classes._vector_ir import LANES

    tiles = -(-rows // LANES)
    pieces = max(1, min(threads, tiles))
    if pieces == 1:
        part(0, rows)
        return
    ends = [min(rows, LANES * (tiles * i // pieces)) for i in range(pieces + 1)]
    with ThreadPoolExecutor(pieces) as pool:
        list(pool.map(part, ends[:-1], ends[1:]))
