"""How good predictions are: accuracy, calibration, confusions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 15


class WorstClass(NamedTuple):
    """A class that is often missed.

    Attributes
    ----------
    name
        Of the class.
    rows
        How many it has.
    recall
        Share of its rows that are answered with it.
    precision
        Share of the rows answered with it that belong to it; None where it is never answered.
    mistaken_for
        The most frequent wrong answer to its rows.
    """

    name: str
    rows: int
    recall: float
    precision: float | None
    mistaken_for: str


@dataclass(frozen=True)
class Scores:
    """Figures of one set of predictions.

    Attributes
    ----------
    rows
        How many rows were scored.
    accuracy
        Share of rows whose most likely class is the right one.
    majority
        Accuracy of always answering the most frequent class of the training rows.
    calibration_error
        Expected calibration error: mean difference between stated probability and accuracy,
        over 15 bins of equal width, weighted by rows.
    calibration
        One ``(mean probability, accuracy, rows)`` per bin that has rows.
    confusions
        ``(right class, answer, rows, share of the rows of the right class)``, most rows first.
    worst
        The classes of lowest recall, of equal ones those with most rows first; none whose rows
        are all right.
    """

    rows: int
    accuracy: float
    majority: float
    calibration_error: float
    calibration: list[tuple[float, float, int]]
    confusions: list[tuple[str, str, int, float]]
    worst: list[WorstClass]


def score(
    shares: NDArray[np.float64],
    targets: NDArray[np.int64],
    names: Sequence[object],
    majority: int,
    most: int = 15,
) -> Scores:
    """Score predicted probabilities.

    Parameters
    ----------
    shares
        Probabilities ``(rows, classes)``; at least one row.
    targets
        Right classes.
    names
        One per class.
    majority
        The most frequent class of the training rows.
    most
        How many confusions, and how many of the worst classes, to list.

    Examples
    --------
    >>> shares = np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]])
    >>> scores = score(shares, np.array([0, 1, 1]), ["a", "b"], majority=0)
    >>> round(scores.accuracy, 3), round(scores.majority, 3), scores.confusions
    (0.667, 0.333, [('b', 'a', 1, 0.5)])
    """
    return score_answers(shares.argmax(1), shares.max(1), targets, names, majority, most)


def score_answers(
    answers: NDArray[np.int64],
    stated: NDArray[np.float64],
    targets: NDArray[np.int64],
    names: Sequence[object],
    majority: int,
    most: int = 15,
) -> Scores:
    """Score the most likely classes and their probabilities; see :func:`score`."""
    bins = calibration_bins(stated, answers == targets)
    return Scores(
        rows=len(targets),
        accuracy=float(np.mean(answers == targets)),
        majority=float(np.mean(targets == majority)),
        calibration_error=sum(n * abs(p - a) for p, a, n in bins) / len(targets),
        calibration=bins,
        confusions=_confusions(answers, targets, names, most),
        worst=_worst(answers, targets, names, most),
    )


def calibration_bins(
    stated: NDArray[np.float64], right: NDArray[np.bool_]
) -> list[tuple[float, float, int]]:
    """Group rows by stated probability; see :class:`Scores`."""
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    return [
        (float(stated[place == b].mean()), float(right[place == b].mean()), int((place == b).sum()))
        for b in np.unique(place)
    ]


def _confusions(
    answers: NDArray[np.int64], targets: NDArray[np.int64], names: Sequence[object], most: int
) -> list[tuple[str, str, int, float]]:
    wrong = answers != targets
    pairs, counts = np.unique(
        np.stack([targets[wrong], answers[wrong]], 1), axis=0, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")[:most]
    found = []
    for (target, answer), count in zip(pairs[order].tolist(), counts[order].tolist(), strict=True):
        of = int((targets == target).sum())
        found.append((str(names[target]), str(names[answer]), count, count / of))
    return found


def _worst(
    answers: NDArray[np.int64], targets: NDArray[np.int64], names: Sequence[object], most: int
) -> list[WorstClass]:
    classes = len(names)
    rows, answered = (np.bincount(of, minlength=classes) for of in (targets, answers))
    right = np.bincount(targets[answers == targets], minlength=classes)
    recall = right / np.maximum(rows, 1)
    missed = np.flatnonzero(right < rows)
    order = missed[np.lexsort((missed, -rows[missed], recall[missed]))][:most]
    found = []
    for place in order.tolist():
        wrong = np.bincount(answers[(targets == place) & (answers != place)], minlength=classes)
        precision = float(right[place] / answered[place]) if answered[place] else None
        mistaken = str(names[int(wrong.argmax())])
        own = str(names[place]), int(rows[place]), float(recall[place]), precision, mistaken
        found.append(WorstClass(*own))
    return found
