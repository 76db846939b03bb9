"""Choose targets among the suspect rows with the help of a moderator.

A moderator finds some of the unsafe rows and is often wrong about the others, so it does not rank
the rows. It selects a few rows with high confidence that differ from one another. Attribution then
finds the other unsafe rows from them (Pan et al., arXiv 2502.11411, the complex case).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.moderate.moderator import Exchange, Verdict, require_exchanges
from growlabels.unsafe.rows.words import InverseFrequencies, count_words
from growlabels.unsafe.scores.threshold import USABLE_AUC, percentile

_ENOUGH_AUC = 0.02  # largest loss of AUC that is accepted for fewer targets


@dataclass(frozen=True)
class TargetChoice:
    """Hold the rows that were chosen as targets.

    Attributes
    ----------
    places
        Indices of the chosen rows, the most confident first.
    auc
        Mean percentile of a left-out target among the other rows, by TF-IDF, 0 to 1. NaN, with a
        warning, for a single target or if no other row exists.
    confident
        Number of rows about which the moderator was confident.
    unjudged
        Number of rows that it could not judge.
    warnings
        Warnings about the choice.

    Examples
    --------
    >>> TargetChoice((3, 0), 0.9, confident=5, unjudged=0, warnings=()).places
    (3, 0)
    """

    places: tuple[int, ...]
    auc: float
    confident: int
    unjudged: int
    warnings: tuple[str, ...]


def require_choice(least: int, most: int, confidence: float) -> None:
    """Raise if the settings are invalid, before any row is judged."""
    for name, value in (("least", least), ("most", most)):
        UsageError.require_whole(name, value)
    if least > most:
        raise UsageError.parameter("least and most", "must be 1 <= least <= most", (least, most))
    UsageError.require_above_zero("confidence", confidence, most=1)


def choose_targets(
    rows: Sequence[Exchange],
    verdicts: Sequence[Verdict],
    least: int = 8,
    most: int = 12,
    confidence: float = 0.8,
) -> TargetChoice:
    """Choose a small set of confident and mutually different rows that find one another.

    Rows are added one at a time. Each has the highest probability minus its largest TF-IDF cosine
    with the rows already chosen. The result is the smallest set from ``least`` to ``most`` rows
    whose left-out AUC is within 0.02 of the best.

    Parameters
    ----------
    rows, verdicts
        The suspect rows, and a moderator's verdict for each.
    least, most
        Smallest and largest number of targets, at least 1. Defaults 8 and 12. The result is smaller
        if fewer rows qualify.
    confidence
        Lowest probability at which a row qualifies, above 0 to 1. Default 0.8.

    Raises
    ------
    DataError
        No row qualifies, or the moderator could judge no row.

    Examples
    --------
    >>> from growlabels.unsafe import Example, Keywords, choose_targets
    >>> rows = [Example(str(i), i, "Do it.", text, {}) for i, text in enumerate(
    ...     ["eval(line)", "eval(line)", "sum(items)", "x = eval(name)", "len(items)"])]
    >>> choose_targets(rows, Keywords(["eval"])(rows), least=2, most=2).places
    (0, 3)
    """
    require_choice(least, most, confidence)
    require_exchanges(rows)
    UsageError.require_instance("verdicts", verdicts, Sequence, "moderate returns them")
    if [v for v in verdicts if not isinstance(v, Verdict)] or len(verdicts) != len(rows):
        raise DataError(f"there must be one Verdict for each of {len(rows)} rows; see moderate")
    known = np.array([-1.0 if v.probability is None else v.probability for v in verdicts])
    sure = np.flatnonzero(known >= confidence)
    unjudged = int((known < 0).sum())
    if unjudged == len(rows):
        why = verdicts[0].reason if verdicts else "there is none"
        raise DataError(
            f"the moderator could judge none of {len(rows)} rows (the first: {why}); check the "
            "moderator, or choose targets by hand"
        )
    if not len(sure):
        raise DataError(_NOT_SURE.format(c=confidence, n=len(rows), u=unjudged, m=known.max()))
    order, cosines = _surest_and_different(known, sure, _Similarity(rows), most)
    sizes = range(min(least, len(order)), len(order) + 1)
    aucs = [_left_out_auc(cosines[:, :size], order[:size], sure) for size in sizes]
    enough = max((auc for auc in aucs if not np.isnan(auc)), default=np.nan) - _ENOUGH_AUC
    best = next((i for i, auc in enumerate(aucs) if auc >= enough), 0)
    places = tuple(order[: sizes[best]])
    warnings = _warnings(len(places), least, aucs[best], len(sure), unjudged, len(rows))
    return TargetChoice(places, aucs[best], len(sure), unjudged, warnings)


_NOT_SURE = (
    "the moderator gives none of {n} rows a probability of {c} or more: the highest is {m:.2f}, "
    "and {u} rows could not be judged; lower the confidence or choose targets by hand"
)


class _Similarity:
    """Compute TF-IDF cosines of all rows with one of them, on request."""

    def __init__(self, rows: Sequence[Exchange]) -> None:
        self._rows = rows
        self._counts = count_words(map(_text, rows))
        self._frequencies = InverseFrequencies()
        self._frequencies.add(self._counts)

    def __call__(self, place: int) -> NDArray[np.float64]:
        """Return the cosines, shape (rows,)."""
        wanted = count_words([_text(self._rows[place])])
        return np.asarray(self._frequencies.cosines(self._counts, wanted)[:, 0], float)


def _text(row: Exchange) -> str:
    return f"{row.prompt}\n{row.response}"


def _surest_and_different(
    known: NDArray[np.float64], sure: NDArray[np.int64], similarity: _Similarity, most: int
) -> tuple[list[int], NDArray[np.float64]]:
    """Return the chosen indices in order, and cosines of shape (rows, chosen)."""
    chosen: list[int] = []
    columns: list[NDArray[np.float64]] = []
    nearest = np.zeros(len(sure))
    while len(chosen) < min(most, len(sure)):
        worth = known[sure] - nearest
        worth[np.isin(sure, chosen)] = -np.inf
        best = int(np.argmax(worth))
        if nearest[best] > 1 - 1e-6:
            break  # only copies of chosen rows are left
        chosen.append(int(sure[best]))
        columns.append(similarity(chosen[-1]))
        nearest = np.maximum(nearest, columns[-1][sure])
    return chosen, np.stack(columns, 1)


def _left_out_auc(
    cosines: NDArray[np.float64], places: Sequence[int], sure: NDArray[np.int64]
) -> float:
    """Return the mean percentile of each target, scored by the others, among ordinary rows."""
    count = len(places)
    if count < 2:
        return float("nan")
    pool = np.setdiff1d(np.arange(len(cosines)), sure)
    if not len(pool):
        return float("nan")
    found = []
    for index in range(count):
        others = [column for column in range(count) if column != index]
        scores = cosines[:, others].mean(1)
        found.append(percentile(scores[places[index]], scores[pool]))
    return float(np.mean(found))


def _warnings(
    count: int, least: int, auc: float, sure: int, unjudged: int, rows: int
) -> tuple[str, ...]:
    warnings = []
    if count < least:
        warnings.append(
            f"Only {count} different rows qualify as targets, of {sure} with enough confidence; "
            f"{least} to 12 are recommended. Add some by hand, or lower the confidence."
        )
    if auc < USABLE_AUC:
        warnings.append(
            f"The chosen targets have little in common: left-out targets rank above {auc:.0%} of "
            "the other rows. They may show several harms, or the moderator may be wrong. Read "
            "them before you scan."
        )
    if np.isnan(auc):
        why = (
            "there is only one target"
            if count < 2
            else "every row qualifies, so none is left to compare with"
        )
        warnings.append(
            f"It is unknown how well the targets find one another: {why}. Read them before you "
            "scan, or add rows that are known to be safe."
        )
    if unjudged:
        warnings.append(f"{unjudged} of {rows} rows could not be judged, so they are not targets.")
    return tuple(warnings)
