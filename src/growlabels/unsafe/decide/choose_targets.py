"""Targets out of the suspect rows themselves: the fewest that a moderator is sure of.

A moderator finds some of the unsafe rows and is often wrong about the rest, so it does not rank:
it gives a handful of rows that it is sure of and that differ from one another, and attribution
finds the others with them (Pan et al., arXiv 2502.11411, the complex case).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.moderate.moderator import Exchange, Verdict, require_exchanges
from growlabels.unsafe.rows.words import InverseFrequencies, count_words
from growlabels.unsafe.scores.threshold import USABLE_AUC, percentile

_ENOUGH_AUC = 0.02  # fewer targets are taken where they cost no more than this


@dataclass(frozen=True)
class TargetChoice:
    """The rows that are to be targets.

    Attributes
    ----------
    places
        Their places among the rows, the surest first.
    auc
        Mean share of the other rows below a chosen row that is looked for with the others, by
        TF-IDF; from 0 to 1, nan (and a warning) for a single target or where no row is left over.
    confident
        How many rows the moderator was sure of.
    unjudged
        How many rows it could not judge.
    warnings
        What to know before the targets are used, one sentence each.
    """

    places: tuple[int, ...]
    auc: float
    confident: int
    unjudged: int
    warnings: tuple[str, ...]


def require_choice(least: int, most: int, confidence: float) -> None:
    """Raise where rows cannot be chosen so: ask before they are judged, not after it."""
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
    """Choose the smallest set of sure and mutually different rows that find one another.

    Rows are taken one after another: the one whose probability, less its greatest TF-IDF cosine
    with those taken, is highest. Of the sizes from ``least`` to ``most`` the smallest wins whose
    left-out targets are found within .02 of the best size.

    Parameters
    ----------
    rows, verdicts
        The suspect rows and what a moderator says of each.
    least, most
        Smallest and largest number of targets; fewer where fewer are sure.
    confidence
        Probability from which the moderator is sure, above 0 to 1.

    Raises
    ------
    DataError
        The moderator is sure of no row.

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
    UsageError.require_instance("verdicts", verdicts, Sequence, "moderate gives them")
    if [v for v in verdicts if not isinstance(v, Verdict)] or len(verdicts) != len(rows):
        raise DataError(f"there must be one Verdict for each of {len(rows)} rows; see moderate")
    known = np.array([-1.0 if v.probability is None else v.probability for v in verdicts])
    sure = np.flatnonzero(known >= confidence)
    unjudged = int((known < 0).sum())
    if unjudged == len(rows):
        why = verdicts[0].reason if verdicts else "there is none"
        raise DataError(
            f"the moderator could judge none of {len(rows)} rows (the first: {why}); check the "
            "moderator, or give targets by hand"
        )
    if not len(sure):
        raise DataError(_NOT_SURE.format(c=confidence, n=len(rows), u=unjudged, m=known.max()))
    order, cosines = _surest_and_different(known, sure, _Likeness(rows), most)
    sizes = range(min(least, len(order)), len(order) + 1)
    aucs = [_left_out_auc(cosines[:, :size], order[:size], sure) for size in sizes]
    enough = max((auc for auc in aucs if not np.isnan(auc)), default=np.nan) - _ENOUGH_AUC
    best = next((i for i, auc in enumerate(aucs) if auc >= enough), 0)
    places = tuple(order[: sizes[best]])
    warnings = _warnings(len(places), least, aucs[best], len(sure), unjudged, len(rows))
    return TargetChoice(places, aucs[best], len(sure), unjudged, warnings)


_NOT_SURE = (
    "the moderator is sure (probability {c} or more) of none of {n} rows, the highest is {m:.2f}, "
    "{u} could not be judged; lower the confidence or give targets by hand"
)


class _Likeness:
    """TF-IDF cosines of every row with one of them, counted when they are asked for."""

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
    known: NDArray[np.float64], sure: NDArray[np.int64], likeness: _Likeness, most: int
) -> tuple[list[int], NDArray[np.float64]]:
    """Return places of rows, the surest first, and all rows' cosines with each, (rows, chosen)."""
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
        columns.append(likeness(chosen[-1]))
        nearest = np.maximum(nearest, columns[-1][sure])
    return chosen, np.stack(columns, 1)


def _left_out_auc(
    cosines: NDArray[np.float64], places: Sequence[int], sure: NDArray[np.int64]
) -> float:
    """Mean percentile of each target, scored by the others, among rows that are not suspect."""
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
            f"Only {count} different rows are sure enough to be targets ({sure} sure rows), "
            f"{least} to 12 suffice: add some by hand, or lower the confidence."
        )
    if auc < USABLE_AUC:
        warnings.append(
            f"The chosen targets have little in common (left-out targets rank above {auc:.0%} of "
            "the other rows): they may show several harms, or the moderator may be wrong; look "
            "at them before you scan."
        )
    if np.isnan(auc):
        why = (
            "a single target cannot be looked for with others"
            if count < 2
            else "the moderator is sure of every row, so none is left to compare with"
        )
        warnings.append(
            f"Nothing is known about how well the targets find one another: {why}. Look at them "
            "before you scan, or add rows that are surely safe."
        )
    if unjudged:
        warnings.append(f"{unjudged} of {rows} rows could not be judged and are no targets.")
    return tuple(warnings)
