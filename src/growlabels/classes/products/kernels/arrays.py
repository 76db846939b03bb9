"""Name the array types of the kernels, and group arrays that kernels take together.

A group costs about half a microsecond per call from Python. Kernels that serve a single query
therefore take their arrays one by one.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from growlabels.classes.products.kernels.vector_ir import LANES, ROW

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Signs = NDArray[np.int8]
Words = NDArray[np.uint32]
Stages = tuple[int, ...]


class Bases(NamedTuple):
    """Groups of sign bases that share the first pass of their transforms.

    Attributes
    ----------
    leaders
        ``(groups, d)`` signs of the first basis of each group.
    starts
        ``(groups + 1,)`` first basis of each group, and the end of the last group.
    table
        ``(bases, R)`` offset in bytes of row (shift(l), l) in a tile.
    flips
        ``(bases, R)`` sign of each l relative to the leader.
    """

    leaders: Floats
    starts: Ints
    table: Ints
    flips: Floats


class LossTiles(NamedTuple):
    """Working arrays and result of the one-pass loss for LANES rows.

    Attributes
    ----------
    first, weights, adjoint
        Scratch of shapes ``(d, LANES)``, ``(R, LANES)`` and ``(d, LANES)``.
    total
        ``(d, LANES)`` result.
    """

    first: Floats
    weights: Floats
    adjoint: Floats
    total: Doubles


class Best(NamedTuple):
    """Result of a search.

    Attributes
    ----------
    values
        ``(rows, k)`` cosines in descending order.
    classes
        ``(rows, k)`` classes.
    """

    values: Floats
    classes: Ints


def empty_tiles(*rows: int, kind: type = np.float32) -> list[NDArray[Any]]:
    """Return uninitialised ``(rows, LANES)`` arrays that are aligned to a vector."""
    room = np.empty((sum(rows) + 1) * LANES, dtype=kind)
    start = -room.ctypes.data % ROW // room.itemsize
    tiles = []
    for count in rows:
        tiles.append(room[start : start + count * LANES].reshape(count, LANES))
        start += count * LANES
    return tiles
