"""Scores of rows against sets of targets: hidden windows, RepSim, z-scores and their fusion.

All scores are computed for several target sets at once: the first holds every target, the
others leave one out each. Cosines are linear in the target, so the sets cost next to nothing.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from growlabels.unsafe.features.unit import unit


@dataclass(frozen=True)
class WindowScores:
    """What the windows of some rows say.

    Attributes
    ----------
    scores
        Per row, layer and target set the largest window score, from -1 to 1.
    best
        Per row the window with the largest sum over the layers, for the set of all targets;
        counted from the row's first window.
    nearest
        Per row the target most similar to that window.
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
    """Score rows by their best window: mean over targets, then maximum over windows.

    Parameters
    ----------
    windows
        Unit vectors, the means of consecutive response tokens; row ``i`` has
        ``offsets[i]:offsets[i + 1]``, at least one.
    mean
        The pool's mean window, taken from every window before the cosine.
    targets
        Centred unit row means of the targets.
    own
        Per row the target that it is, or -1: that one names neither its best window nor its
        nearest target.
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
