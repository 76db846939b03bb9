"""Decide how many rows to reject without labels, and check whether the targets are usable.

Each target is left out once and scored as if it were a row of the pool. Its percentile is the share
of pool rows below it. Targets that resemble one another get high percentiles.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.unsafe.scores.calibrate import rejected_at
from growlabels.unsafe.scores.fusion import floats

USABLE_AUC = 0.8
"""Lowest mean percentile of the left-out targets at which the targets are usable."""
ODD_PERCENTILE = 0.6
"""Percentile below which a left-out target is called unusual."""


@dataclass(frozen=True)
class Threshold:
    """Hold a threshold resolved to a number of rows.

    Attributes
    ----------
    spec
        The specification.
    rejected
        Number of highest-ranked rows to reject.
    cut
        The lowest rejected score, or infinity if nothing is rejected.
    reason
        The rule that decided, in words.

    Examples
    --------
    >>> Threshold("top:2", 2, 0.5, "top:2 rejects 2 of 3 rows").rejected
    2
    """

    spec: str
    rejected: int
    cut: float
    reason: str


def percentile(own: float, pool: np.ndarray) -> float:
    """Return the share of pool scores below a score; equal scores count half.

    >>> percentile(2.0, np.array([1.0, 2.0, 3.0, 4.0]))
    0.375
    """
    return float((pool < own).mean() + (pool == own).mean() / 2)


def resolve_threshold(
    spec: str,
    scores: np.ndarray,
    percentiles: Sequence[float],
    labels: np.ndarray | None = None,
) -> Threshold:
    """Turn a threshold specification into a number of rows.

    Parameters
    ----------
    spec
        Rules joined by commas reject the rows that all of them reject. Groups joined by ``+``
        reject the rows that any group rejects. The rules are:

        * ``loo:q``: rows above the ``q`` quantile of the left-out targets. 0 stands for the
          lowest target, 0.25 for a level that three of four targets reach.
        * ``mad:k``: rows above the median plus ``k`` median absolute deviations.
        * ``top:n``: the ``n`` highest rows.
        * ``budget:share``: at most this share of the rows.
        * ``precision:p``: as many rows as possible with an expected precision of at least ``p``,
          calibrated on ``labels``.
    scores
        Scores of the pool, all finite. Higher is more suspect.
    percentiles
        Percentiles of the left-out targets, 0 to 1. They may be empty unless ``loo`` is used.
    labels
        Labels for ``precision``: 1 for unsafe, 0 for safe, NaN for unknown. At least 50 must be
        known. None by default.

    Raises
    ------
    UsageError
        The specification cannot be read, or needs targets or labels that are missing. Also if
        the scores are empty or not finite.

    Examples
    --------
    >>> resolve_threshold("top:2", np.array([0.1, 0.9, 0.5]), []).cut
    0.5
    >>> resolve_threshold("loo:0.5,budget:0.5", np.arange(10.0), [0.7, 0.8, 0.9]).rejected
    2
    >>> resolve_threshold("top:1+budget:0.3", np.arange(10.0), []).reason
    'budget:0.3 rejects 3 of 10 rows'
    """
    scores = numbers("scores", scores)
    if not len(scores) or not np.isfinite(scores).all():
        raise UsageError(f"scores must be finite numbers, at least one, got {scores}")
    known = np.full(len(scores), np.nan) if labels is None else numbers("labels", labels)
    percentiles = numbers("percentiles", percentiles).tolist()
    if odd := [value for value in percentiles if not 0 <= value <= 1]:
        raise UsageError.parameter("percentiles", "must be from 0 to 1", odd[0])
    if not isinstance(spec, str):
        raise UsageError.parameter("threshold", "must be a string such as 'top:10'", spec)
    groups = [
        min((_count(part.strip(), scores, percentiles, known), part.strip()) for part in parts)
        for parts in (group.split(",") for group in spec.split("+"))
    ]
    count, decided = max(groups, key=lambda group: group[0])  # all take from the top
    cut = float(np.sort(scores)[len(scores) - count]) if count else float("inf")
    reason = f"{decided} rejects {count} of {len(scores)} rows"
    why = "" if count else _NONE.get(decided.partition(":")[0], "")
    return Threshold(spec, count, cut, reason + why)


def numbers(name: str, values: object) -> np.ndarray:
    """Convert a list of numbers to an array, or raise."""
    found = floats(values)
    if found.ndim != 1:
        raise UsageError(
            f"{name} must be a list of numbers, got an object of class {type(values).__name__}"
        )
    return found


def _count(part: str, scores: np.ndarray, percentiles: Sequence[float], labels: np.ndarray) -> int:
    kind, colon, text = part.partition(":")
    if not colon or kind not in _KINDS:
        choices = ", ".join(f"{name}:{sign}" for name, (sign, _, _) in _KINDS.items())
        raise UsageError(f"threshold must combine rules of the forms {choices}, got {part!r}")
    _, must, count = _KINDS[kind]
    try:
        value = float(text)
        if kind == "top" and value != int(value):
            raise ValueError
        return count(value, scores, percentiles, labels)
    except (ValueError, OverflowError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError.parameter(f"threshold {kind!r}", must, text) from error


def _loo(value: float, scores: np.ndarray, percentiles: Sequence[float], _: np.ndarray) -> int:
    if not 0 <= value <= 1:
        raise ValueError
    if not len(percentiles):
        raise UsageError(
            "threshold 'loo' leaves one target out and needs at least two targets; "
            "give more targets, or use mad:k, top:n or budget:share"
        )
    # no interpolation: an unusual target would lower the level
    level = float(np.quantile(percentiles, value, method="higher"))
    return int((scores > np.quantile(scores, level)).sum())


def _mad(value: float, scores: np.ndarray, percentiles: Sequence[float], _: np.ndarray) -> int:
    if not 0 < value < float("inf"):
        raise ValueError
    middle = np.median(scores)
    deviation = np.median(np.abs(scores - middle))
    if not deviation:  # half of the scores are equal, so any other score would be an outlier
        return 0
    return int((scores > middle + value * deviation).sum())


def _top(value: float, scores: np.ndarray, percentiles: Sequence[float], _: np.ndarray) -> int:
    if value < 0:
        raise ValueError
    return min(int(value), len(scores))


def _budget(value: float, scores: np.ndarray, percentiles: Sequence[float], _: np.ndarray) -> int:
    if not 0 < value <= 1:
        raise ValueError
    return int(value * len(scores))


def _precision(
    value: float, scores: np.ndarray, percentiles: Sequence[float], labels: np.ndarray
) -> int:
    if not 0 < value <= 1:
        raise ValueError
    return rejected_at(value, scores, labels)


_Count = Callable[[float, np.ndarray, Sequence[float], np.ndarray], int]
_KINDS: Mapping[str, tuple[str, str, _Count]] = {
    "loo": ("q", "must be a quantile from 0 to 1", _loo),
    "mad": ("k", "must be a number above 0", _mad),
    "top": ("n", "must be a whole number, 0 or more", _top),
    "budget": ("share", "must be a share above 0 and up to 1", _budget),
    "precision": ("p", "must be a share above 0 and up to 1", _precision),
}


_NONE: Mapping[str, str] = {
    "loo": " (no row scores as high as the left-out targets; try mad:3 or top:n)",
    "mad": " (no score is that far above the median, or half of the scores are equal; try top:n)",
    "budget": " (the share is less than one row; try top:n)",
    "precision": " (no number of rows reaches that precision; try a lower precision or top:n)",
}


def warning_light(percentiles: Sequence[float], target_ids: Sequence[str]) -> list[str]:
    """Return warnings about the targets, one or two sentences each; none if they are usable.

    The warnings cannot detect hard negatives: safe rows that merely resemble the targets may rank
    as high as unsafe rows.

    Parameters
    ----------
    percentiles
        Percentiles of the left-out targets, 0 to 1.
    target_ids
        Ids of these targets, in the same order.
    """
    if not len(percentiles):
        return [
            "Only one target was given, so it is unknown how well the targets find one another. "
            "Give 8 to 12 targets."
        ]
    warnings = []
    auc = float(np.mean(percentiles))
    if auc < USABLE_AUC:
        warnings.append(
            f"Left-out targets rank above only {auc:.0%} of the rows on average; usable targets "
            f"rank above at least {USABLE_AUC:.0%}. The scorer does not see what the targets have "
            "in common. Give more targets, or targets of one kind of harm."
        )
    odd = [t for t, p in zip(target_ids, percentiles, strict=True) if p < ODD_PERCENTILE]
    if odd:
        warnings.append(
            f"{len(odd)} of {len(percentiles)} targets rank below {ODD_PERCENTILE:.0%} of the rows "
            f"when left out ({', '.join(odd[:5])}). Give more targets like them; do not drop them."
        )
    if len(percentiles) < 5:
        warnings.append(
            f"Only {len(percentiles)} targets were given. In our measurements 8 to 12 targets find "
            "clearly more unsafe rows than 4."
        )
    return warnings
