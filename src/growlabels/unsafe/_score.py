"""Scores of rows against sets of targets: hidden windows, RepSim, z-scores and their fusion.

All scores are computed for several target sets at once: the first holds every target, the
others leave one out each. Cosines are linear in the target, so the sets cost next to nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

FUSED: Mapping[str, float] = {"tfidf": 1.0, "kt": 1.0, "windows": 2.0}
"""F4w: what the default score adds, and with which weight."""
MOST_LEFT_OUT = 32
"""Leaving one out costs a column of scores each; more targets than this add little."""


def floats(values: object) -> np.ndarray:
    """Read numbers; an array without dimensions where they are none, as a generator or a text.

    >>> floats([1, 2]).shape, floats("x").shape
    ((2,), ())
    """
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError, OverflowError):
        return np.empty(())


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


def over_targets(
    similar: Float[np.ndarray, "rows targets"],
    sets: Float[np.ndarray, "targets sets"],
    over: str = "mean",
) -> Float[np.ndarray, "rows sets"]:
    """Sum up the similarities to the targets of each set: mean, largest, or mean of the top 3.

    >>> similar = np.array([[0.1, 0.5, 0.3, 0.7]])
    >>> [over_targets(similar, target_sets(4), over)[0, 0].item() for over in ("max", "top3")]
    [0.7, 0.5]
    """
    if over == "mean":
        return similar @ sets
    columns = []
    for weights in sets.T:
        inside = np.sort(similar[:, weights > 0], axis=1)
        columns.append(inside[:, -1 if over == "max" else -3 :].mean(1))
    return np.stack(columns, axis=1)


def unit(vectors: Float[np.ndarray, "*rows dim"]) -> Float[np.ndarray, "*rows dim"]:
    """Scale vectors to unit length; zero stays zero."""
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(norm > 0, norm, 1)


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


def zscore(
    scores: Float[np.ndarray, "rows *sets"],
    pool: Float[np.ndarray, "pool *sets"] | None = None,
    out: Float[np.ndarray, "rows *sets"] | None = None,
) -> Float[np.ndarray, "rows *sets"]:
    """Return ``(score - median) / standard deviation``, both over the pool (default: itself).

    Column by column in float64, so that a large pool is not copied. A pool of equal scores gives
    zeros: such a score says nothing.

    Parameters
    ----------
    scores
        What is to be scaled.
    pool
        Scores of the pool.
    out
        Where the result goes, ``scores`` itself if you like; a new array by default.
    """
    pool = scores if pool is None else pool
    if out is None:
        out = np.empty(scores.shape, np.result_type(scores, np.float32))
    for column in np.ndindex(pool.shape[1:]):
        of_pool = pool[:, *column].astype(np.float64)
        middle, spread = np.median(of_pool), of_pool.std()
        flat = spread <= 1e-12 * np.abs(of_pool).max(initial=0)
        out[:, *column] = 0.0 if flat else (scores[:, *column] - middle) / spread
    return out


def fuse(
    parts: Mapping[str, Float[np.ndarray, "rows *sets"]],
    pool: Mapping[str, Float[np.ndarray, "pool *sets"]] | None = None,
    weights: Mapping[str, float] = FUSED,
) -> Float[np.ndarray, "rows *sets"]:
    """Add the weighted z-scores of several methods; the default weights make F4w.

    >>> part = np.array([0.0, 1.0, 2.0])
    >>> [round(float(s), 2) for s in fuse({"a": part}, weights={"a": 2.0})]
    [-2.45, 0.0, 2.45]
    """
    pool = parts if pool is None else pool
    shape = parts[next(iter(weights))].shape
    total = np.zeros(shape, np.result_type(*(parts[name] for name in weights), np.float32))
    for name, weight in weights.items():
        scaled = zscore(parts[name], pool[name])
        total += np.multiply(weight, scaled, out=scaled)
    return total
