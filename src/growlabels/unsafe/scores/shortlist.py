"""Choose the rows of a large pool for the expensive methods, and rank the others below them."""

import math

import numpy as np
from jaxtyping import Float, Int

FEWEST = 512


def second_stage_rows(rows: int, share: float, above: int) -> int:
    """Return the number of rows that :func:`likeliest_rows` selects.

    >>> second_stage_rows(100_000, share=0.05, above=10_000)
    5000
    """
    return rows if rows <= above else min(rows, max(FEWEST, math.ceil(share * rows)))


def likeliest_rows(
    first_stage: Float[np.ndarray, " rows"], share: float, above: int
) -> Int[np.ndarray, " scored"]:
    """Return the ascending indices of the rows for the second stage.

    Parameters
    ----------
    first_stage
        Scores of the first stage. Higher means more likely unsafe.
    share
        Share of the rows to select, above 0 to 1. At least 512 rows are selected.
    above
        Largest pool of which all rows are selected, 0 or more.

    Examples
    --------
    >>> likeliest_rows(np.array([0.1, 0.9, 0.5]), share=0.05, above=10_000).tolist()
    [0, 1, 2]
    """
    count = second_stage_rows(len(first_stage), share, above)
    return np.sort(np.argsort(-first_stage, kind="stable")[:count])


def companions(scored: Int[np.ndarray, " scored"], rows: int) -> Int[np.ndarray, " others"]:
    """Choose an equal number of other rows, evenly spaced, so that training sees ordinary rows.

    >>> companions(np.array([0, 5]), 8).tolist()
    [1, 4]
    """
    others = np.setdiff1d(np.arange(rows), scored)
    count = min(len(scored), len(others))
    return others[np.arange(count) * len(others) // max(count, 1)]


def below_the_scored(
    scores: Float[np.ndarray, "scored sets"],
    places: Int[np.ndarray, " scored"],
    first_stage: Float[np.ndarray, " rows"],
) -> Float[np.ndarray, "rows sets"]:
    """Rank rows without a score just below the lowest score, in the order of the first stage.

    >>> scores = below_the_scored(np.array([[3.0], [1.0]]), np.array([0, 3]), np.arange(4.0))
    >>> scores.round(5).tolist()
    [[3.0], [1.0], [1.0], [1.0]]
    """
    rows = len(first_stage)
    if len(places) == rows:
        return scores
    others = np.setdiff1d(np.arange(rows), places)
    order = np.empty(len(others))
    order[np.argsort(-first_stage[others], kind="stable")] = np.arange(1, len(others) + 1)
    lowest = scores.min(0)
    spread = np.maximum(scores.max(0) - lowest, np.abs(lowest) * 1e-6 + 1e-30)
    full = np.empty((rows, scores.shape[1]))
    full[places] = scores
    full[others] = lowest - 1e-6 * spread * (order / len(others))[:, None]
    return full
