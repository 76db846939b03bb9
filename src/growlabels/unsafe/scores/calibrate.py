"""Precision of a threshold, calibrated on some rows whose truth a person knows.

The labelled rows need not be drawn at random: what is learnt is how likely a row of a given score
is unsafe, so rows from the top of the ranking, which a person looks through anyway, serve.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from growlabels.base.errors import DataError, UsageError

MOST_NEEDED = 50
EACH_NEEDED = 5


def known_labels(
    row_ids: Sequence[str],
    decisions: Mapping[str, str] | None = None,
    labels: Mapping[str, int] | None = None,
) -> Float[np.ndarray, " rows"]:
    """Return what is known of rows: 1 for unsafe, 0 for safe, NaN; a decision outweighs a label.

    >>> known_labels(["a", "b", "c"], {"a": "reject", "b": "unsure"}, {"a": 0, "b": 1}).tolist()
    [1.0, 1.0, nan]
    """
    if labels is not None:
        UsageError.require_instance("labels", labels, Mapping, "give row id -> 1 or 0")
    for row_id, label in (labels or {}).items():
        if label not in (0, 1, None) and label == label:  # NaN: not known
            raise UsageError.parameter(f"label of row {row_id!r}", "must be 1 or 0", label)
    if labels and not labels.keys() & set(row_ids):
        raise DataError(
            f"none of {len(labels)} labels is of a row that was scanned (the first: "
            f"{next(iter(labels))!r}); give them by row_id"
        )
    decided = np.array([(decisions or {}).get(row_id, "") for row_id in row_ids], str)
    known = np.array([(labels or {}).get(row_id, np.nan) for row_id in row_ids], float)
    return np.select([decided == "reject", decided == "accept"], [1.0, 0.0], known)


def chances(
    scores: Float[np.ndarray, " rows"], labels: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    """Return each row's chance of being unsafe: a logistic curve of its score.

    Parameters
    ----------
    scores
        Higher is more suspect.
    labels
        1 for unsafe, 0 for safe, NaN where nothing is known.

    Raises
    ------
    UsageError
        Fewer than 50 labelled rows, or fewer than 5 of either kind.

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", 1999: the smoothed labels.

    Examples
    --------
    >>> scores = np.arange(100.0)
    >>> chances(scores, (scores > 79).astype(float))[[0, 99]].round(1).tolist()
    [0.0, 1.0]
    """
    from sklearn.linear_model import LogisticRegression

    known = np.isfinite(labels)
    unsafe, safe = int((labels == 1).sum()), int((labels == 0).sum())
    if known.sum() < MOST_NEEDED or min(unsafe, safe) < EACH_NEEDED:
        raise UsageError(
            f"threshold 'precision' needs the truth of {MOST_NEEDED} rows or more, at least "
            f"{EACH_NEEDED} of them unsafe and {EACH_NEEDED} safe; known are {unsafe} unsafe and "
            f"{safe} safe rows; review more rows, or use loo:q"
        )
    spread = scores.std() or 1.0
    column = ((scores - np.median(scores)) / spread)[:, None]
    smoothed = np.where(labels[known] == 1, (unsafe + 1) / (unsafe + 2), 1 / (safe + 2))
    twice = np.repeat([1, 0], known.sum())
    curve = LogisticRegression(C=1e4).fit(
        np.concatenate([column[known]] * 2),
        twice,
        sample_weight=np.concatenate([smoothed, 1 - smoothed]),
    )
    return curve.predict_proba(column)[:, 1]


def rejected_at(
    precision: float, scores: Float[np.ndarray, " rows"], labels: Float[np.ndarray, " rows"]
) -> int:
    """Return how many of the highest rows can go while the expected precision stays that high."""
    chance = chances(scores, labels)
    chance = chance[np.argsort(-scores, kind="stable")]
    expected = np.cumsum(chance) / np.arange(1, len(chance) + 1)
    return int(np.flatnonzero(expected >= precision).max(initial=-1)) + 1
