"""How many rows to reject, without labels; and whether the targets are usable at all.

Every target is left out once and scored against the pool as if it were a row: the share of
pool rows below it is its percentile. Targets that look like one another come out high.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.unsafe.scores.calibrate import rejected_at
from growlabels.unsafe.scores.fusion import floats

DEFAULT_THRESHOLD = "loo:0,mad:2+loo:0.1+mad:6"
"""As high as the lowest left-out target and clearly above the middle; or as high as all of them but
the lowest tenth, because many unsafe rows raise the middle; or far out, because targets that are
more like one another than like any row reject none. Leans to finding all."""
USABLE_AUC = 0.8
ODD_PERCENTILE = 0.6


@dataclass(frozen=True)
class Threshold:
    """A resolved threshold.

    Attributes
    ----------
    spec
        What was asked for.
    rejected
        How many of the highest-ranked rows go.
    cut
        The lowest rejected score; infinite where nothing is rejected.
    reason
        The rule that decided, in words.
    """

    spec: str
    rejected: int
    cut: float
    reason: str


def percentile(own: float, pool: np.ndarray) -> float:
    """Return the share of pool scores below a score, equal ones counted half.

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
    """Turn a specification into a number of rows.

    Parameters
    ----------
    spec
        ``loo:q`` rejects the rows that rank as high as the left-out targets but the lowest ``q``
        of them, one at least (0: as high as the lowest; 0.25: as high as three of four);
        ``mad:k`` those above the median plus ``k`` median absolute deviations; ``top:n`` the
        ``n`` highest; ``budget:share`` at most that share of the rows; ``precision:p`` as many as
        can go while the share of unsafe ones among them is expected to be ``p`` or more,
        calibrated on the labels. Several joined by commas reject what all of them reject; such
        groups joined by ``+`` reject what any of them rejects.
    scores
        Of the pool; higher is more suspect.
    percentiles
        Of the left-out targets, from 0 to 1; may be empty unless ``loo`` is asked for.
    labels
        For ``precision``: per row 1 for unsafe, 0 for safe, NaN where the truth is not known;
        at least 50 known.

    Raises
    ------
    UsageError
        The specification cannot be read, or asks for more than is known; scores that are not
        finite, or none.

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
        raise UsageError(f"scores must be finite numbers, one or more, were {scores}")
    known = np.full(len(scores), np.nan) if labels is None else numbers("labels", labels)
    percentiles = numbers("percentiles", percentiles).tolist()
    if odd := [value for value in percentiles if not 0 <= value <= 1]:
        raise UsageError.parameter("percentiles", "must be from 0 to 1", odd[0])
    if not isinstance(spec, str):
        raise UsageError.parameter("threshold", "must be a text such as 'top:10'", spec)
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
    """Read a list of numbers, or raise."""
    found = floats(values)
    if found.ndim != 1:
        raise UsageError(
            f"{name} must be a list of numbers, it was of class {type(values).__name__}"
        )
    return found


def _count(part: str, scores: np.ndarray, percentiles: Sequence[float], labels: np.ndarray) -> int:
    kind, colon, text = part.partition(":")
    if not colon or kind not in _KINDS:
        choices = ", ".join(f"{name}:{sign}" for name, (sign, _, _) in _KINDS.items())
        raise UsageError(f"threshold must be one of {choices}, or several of them, was {part!r}")
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
    # a target's own percentile: between two of them an odd one would pull the level down
    level = float(np.quantile(percentiles, value, method="higher"))
    return int((scores > np.quantile(scores, level)).sum())


def _mad(value: float, scores: np.ndarray, percentiles: Sequence[float], _: np.ndarray) -> int:
    if not 0 < value < float("inf"):
        raise ValueError
    middle = np.median(scores)
    deviation = np.median(np.abs(scores - middle))
    if not deviation:  # half of the rows score alike, and the others would all be far out
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
    "loo": " (none scores as high as the left-out targets; mad:3 or top:n may reject some)",
    "mad": " (no score is that far above the median, or half of the rows score alike; top:n "
    "rejects the highest)",
    "budget": " (the share is less than one row; top:n rejects the highest)",
    "precision": " (no score promises that; a lower precision or top:n may reject some)",
}


def warning_light(percentiles: Sequence[float], target_ids: Sequence[str]) -> list[str]:
    """Say in words what is wrong with the targets; empty where nothing is.

    The light is blind to hard negatives: it cannot say that rows which merely resemble the
    targets rank as high as the unsafe ones.

    Parameters
    ----------
    percentiles
        Of the left-out targets, from 0 to 1.
    target_ids
        Their ids, in the same order.
    """
    if not len(percentiles):
        return [
            "Only one target was given, so nothing is known about how well targets find one "
            "another; give 8 to 12 targets."
        ]
    warnings = []
    auc = float(np.mean(percentiles))
    if auc < USABLE_AUC:
        warnings.append(
            f"Left-out targets rank above only {auc:.0%} of the rows on average (usable targets: "
            f"{USABLE_AUC:.0%} or more): they do not share what the scorer can see. Give more "
            "targets, or targets of one kind of harm."
        )
    odd = [t for t, p in zip(target_ids, percentiles, strict=True) if p < ODD_PERCENTILE]
    if odd:
        warnings.append(
            f"{len(odd)} of {len(percentiles)} targets rank below {ODD_PERCENTILE:.0%} of the rows "
            f"when left out ({', '.join(odd[:5])}): give more targets like them; do not drop them."
        )
    if len(percentiles) < 5:
        warnings.append(
            f"{len(percentiles)} targets are few: 8 to 12 find clearly more than 4 in our "
            "measurements."
        )
    return warnings
