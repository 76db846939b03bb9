"""Which rows are kept back from training, and which are learned again."""

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


def some_of_each(targets: "NDArray[np.int64]", count: int, seed: int) -> "NDArray[np.int64]":
    """Return up to ``count`` random places of each target, ascending."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(targets))
    grouped = order[np.argsort(targets[order], kind="stable")]
    first = np.r_[True, np.diff(targets[grouped]) > 0] if len(grouped) else np.zeros(0, bool)
    starts = np.flatnonzero(first)
    rank = np.arange(len(grouped)) - starts[np.cumsum(first) - 1]
    return np.sort(grouped[rank < count])
