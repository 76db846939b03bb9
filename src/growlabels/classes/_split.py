"""Which rows are kept back from training."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def draw_held_out(labels: "NDArray[Any]", share: float, seed: int) -> "NDArray[np.bool_]":
    """Say which rows are held out: a share of each class, all but one row at most."""
    import numpy as np

    random = np.random.default_rng(seed)
    held = np.zeros(len(labels), bool)
    classes, place = np.unique(labels, return_inverse=True)
    for index in range(len(classes)):
        rows = random.permutation(np.flatnonzero(place == index))
        held[rows[: min(len(rows) - 1, round(share * len(rows)))]] = True
    return held
