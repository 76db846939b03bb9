"""Score rows against sets of targets by their best window of hidden states.

The scores are computed for several target sets at once. The first set holds every target, and each
other set leaves one out. A mean of cosines is linear, so more sets cost little.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from growlabels.unsafe.features.unit import unit


@dataclass(frozen=True)
class WindowScores:
    """Hold the window scores of some rows.

    Attributes
    ----------
    scores
        Largest window score of each row, layer and target set, in [-1, 1].
    best
        Index of each row's window with the largest sum over the layers, for all targets.
    nearest
        Index of the target most similar to that window.
    """

    scores: Float[np.ndarray, "rows layers sets"]
    best: Int[np.ndarray, " rows"]
    nearest: Int[np.ndarray, " rows"]


def window_scores(
    windows: Float[np.ndarray, "windows layers dim"],
    offsets: Int[np.ndarray, " rows_and_one"],
    mean: Float[np.ndarray, "layers dim"],
    targets: Float[np.ndarray, "targets layers dim"],
    sets: Float[np.ndarray, "targets sets"],
    own: Int[np.ndarray, " rows"] | None = None,
) -> WindowScores:
    """Score rows by their best window: the maximum over windows of the mean over targets.

    Parameters
    ----------
    windows
        Unit means of consecutive response tokens.
    offsets
        Row ``i`` owns the windows ``offsets[i]:offsets[i + 1]``, at least one.
    mean
        The pool's mean window, which is subtracted from every window before the cosine.
    targets
        Centred unit row means of the targets.
    sets
        Weight of every target in every set.
    own
        Index of the target that each row equals, or -1. That target affects neither the row's
        best window nor its nearest target. None by default.
    """
    similar = np.empty((len(windows), targets.shape[1], len(targets)), np.float32)
    for layer in range(targets.shape[1]):
        centred = unit(windows[:, layer].astype(np.float32) - mean[layer].astype(np.float32))
        similar[:, layer] = centred @ targets[:, layer].astype(np.float32).T
    scored = similar @ sets.astype(np.float32)
    starts = offsets[:-1]
    scores = np.maximum.reduceat(scored, starts, axis=0)
    total = scored[:, :, 0].sum(1)
    best = np.array(
        [np.argmax(total[a:b]) for a, b in zip(starts, offsets[1:], strict=True)], np.int64
    )
    nearest = similar[starts + best].sum(1).argmax(1)
    is_target = np.zeros(0, np.int64) if own is None or len(targets) < 2 else own
    for row in np.flatnonzero(is_target >= 0):
        others = similar[offsets[row] : offsets[row + 1]].sum(1)
        others[:, is_target[row]] = 0
        best[row] = others.sum(1).argmax()
        others[:, is_target[row]] = -np.inf
        nearest[row] = others[best[row]].argmax()
    return WindowScores(scores.astype(np.float64), best, nearest)
