"""Sets of targets with one left out, for thresholds by leave-one-out."""

import numpy as np
from jaxtyping import Float

MOST_LEFT_OUT = 32
"""Leaving one out costs a column of scores each; more targets than this add little."""


def left_out(targets: int) -> list[int]:
    """Return which targets are left out in turn: all, or an even choice of the most allowed.

    >>> left_out(3), len(left_out(1000)), left_out(1)
    ([0, 1, 2], 32, [])
    """
    if targets < 2:
        return []
    count = min(targets, MOST_LEFT_OUT)
    return [place * targets // count for place in range(count)]


def target_sets(targets: int) -> Float[np.ndarray, "targets sets"]:
    """Return target weights: a column for all targets, then one per target left out.

    >>> target_sets(2).tolist()
    [[0.5, 0.0, 1.0], [0.5, 1.0, 0.0]]
    """
    sets = np.full((targets, 1 + len(left_out(targets))), 1 / max(targets - 1, 1))
    sets[:, 0] = 1 / targets
    for column, target in enumerate(left_out(targets), 1):
        sets[target, column] = 0
    return sets
