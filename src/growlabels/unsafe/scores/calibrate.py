"""Estimate the precision of a threshold from rows whose labels are known.

The labelled rows need not be a random sample, because the model predicts the label from the score.
Rows at the top of the ranking, which a person reviews first, can therefore be used.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from growlabels.base.errors import DataError, UsageError

FEWEST_LABELS = 50
FEWEST_PER_CLASS = 5


def known_labels(
    row_ids: Sequence[str],
    decisions: Mapping[str, str] | None = None,
    labels: Mapping[str, int] | None = None,
) -> Float[np.ndarray, " rows"]:
    """Return known labels: 1 for unsafe, 0 for safe, NaN for unknown. Decisions override labels.

    >>> known_labels(["a", "b", "c"], {"a": "reject", "b": "unsure"}, {"a": 0, "b": 1}).tolist()
    [1.0, 1.0, nan]
    """
    if labels is not None:
        UsageError.require_instance("labels", labels, Mapping, "map row ids to 1 or 0")
    for row_id, label in (labels or {}).items():
        if label not in (0, 1, None) and label == label:  # NaN: not known
            raise UsageError.parameter(f"label of row {row_id!r}", "must be 1 or 0", label)
    if labels and not labels.keys() & set(row_ids):
        raise DataError(
            f"none of {len(labels)} labels belongs to a scanned row (the first: "
            f"{next(iter(labels))!r}); use the row_id of the score table"
        )
    decided = np.array([(decisions or {}).get(row_id, "") for row_id in row_ids], str)
    known = np.array([(labels or {}).get(row_id, np.nan) for row_id in row_ids], float)
    return np.select([decided == "reject", decided == "accept"], [1.0, 0.0], known)


def chances(
    scores: Float[np.ndarray, " rows"], labels: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    """Return each row's probability of being unsafe, by logistic regression on its score.

    Parameters
    ----------
    scores
        Higher is more suspect.
    labels
        1 for unsafe, 0 for safe, NaN for unknown.

    Raises
    ------
    UsageError
        There are fewer than 50 labelled rows, or fewer than 5 of either class.

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
    if known.sum() < FEWEST_LABELS or min(unsafe, safe) < FEWEST_PER_CLASS:
        raise UsageError(
            f"threshold 'precision' needs labels of at least {FEWEST_LABELS} rows, "
            f"{FEWEST_PER_CLASS} of them unsafe and {FEWEST_PER_CLASS} safe, got {unsafe} unsafe "
            f"and {safe} safe rows; review more rows, or use loo:q"
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
    """Return the largest number of top rows whose expected precision is at least ``precision``."""
    chance = chances(scores, labels)
    chance = chance[np.argsort(-scores, kind="stable")]
    expected = np.cumsum(chance) / np.arange(1, len(chance) + 1)
    return int(np.flatnonzero(expected >= precision).max(initial=-1)) + 1
