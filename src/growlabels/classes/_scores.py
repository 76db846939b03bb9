"""How good predictions are: accuracy, calibration, confusions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15


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
    """

    rows: int
    accuracy: float
    majority: float
    calibration_error: float
    calibration: list[tuple[float, float, int]]
    confusions: list[tuple[str, str, int, float]]


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
        How many confusions to list.

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
