"""Combine scores over targets, scale them to z-scores and add them with weights."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

FUSED: Mapping[str, float] = {"tfidf": 1.0, "kt": 1.0, "windows": 2.0}
"""Weights of the z-scores in F4w, the default score."""


def floats(values: object) -> np.ndarray:
    """Convert values to an array of floats, or to a 0-d array if they are not numbers.

    >>> floats([1, 2]).shape, floats("x").shape
    ((2,), ())
    """
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError, OverflowError):
        return np.empty(())


def over_targets(
    similar: Float[np.ndarray, "rows targets"],
    sets: Float[np.ndarray, "targets sets"],
    over: str = "mean",
) -> Float[np.ndarray, "rows sets"]:
    """Combine the similarities to the targets of each set: mean, maximum, or mean of the top 3.

    >>> from growlabels.unsafe.rows.target_sets import target_sets
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


def zscore(
    scores: Float[np.ndarray, "rows *sets"],
    pool: Float[np.ndarray, "pool *sets"] | None = None,
    out: Float[np.ndarray, "rows *sets"] | None = None,
) -> Float[np.ndarray, "rows *sets"]:
    """Return ``(score - median) / standard deviation``, both over the pool (default: itself).

    The columns are scaled one at a time in float64, so a large pool is not copied. If all scores
    of the pool are equal, the result is zero.

    Parameters
    ----------
    scores
        Scores to scale.
    pool
        Scores that give median and standard deviation. None, the default, takes ``scores``.
    out
        Array for the result, which may be ``scores`` itself. None, the default, makes a new one.
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
    """Add the weighted z-scores of several methods. The default weights give F4w.

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
