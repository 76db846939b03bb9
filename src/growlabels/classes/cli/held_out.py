"""Rows kept back from training, and what they are for: calibration, and the scores."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from growlabels.base.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from growlabels.classes.classifier.classifier import EBVClassifier


@dataclass(frozen=True)
class CalibrationFacts:
    """What a classifier learned from held-out rows.

    Attributes
    ----------
    rows
        How many rows; 0 where there were too few, and nothing was learned.
    false_rejection
        Share of rows of known classes that may be rejected.
    temperature, threshold
        See :meth:`EBVClassifier.calibrate`.
    rejected
        Share of the other held-out rows that is rejected; None without a threshold.
    """

    rows: int
    false_rejection: float
    temperature: float = 1.0
    threshold: float | None = None
    rejected: float | None = None


def check_false_rejection(rate: float) -> None:
    """Refuse a rate that is no share."""
    if not 0 < rate < 1:
        raise UsageError.parameter("false-rejection", "must be between 0 and 1", rate)


def calibrate_on_half(
    model: "EBVClassifier", rows: Any, labels: "NDArray[Any]", false_rejection: float, seed: int
) -> "tuple[CalibrationFacts, NDArray[np.int64]]":
    """Calibrate on a random half of held-out rows; returns the places of those left to score.

    With too few rows for the rate nothing is learned, and all are left.
    """
    import numpy as np

    from growlabels.classes.cli.fitted_run import pick

    order = np.random.default_rng(seed).permutation(len(labels))
    half = np.sort(order[: len(order) // 2])
    if (len(half) + 1) * false_rejection * (1 + 1e-12) < 1:
        return CalibrationFacts(0, false_rejection), np.arange(len(labels))
    left = np.sort(order[len(order) // 2 :])
    model.calibrate(pick(rows, half), labels[half], false_rejection=false_rejection)
    rejected = float(model.reject(pick(rows, left)).mean())
    facts = CalibrationFacts(
        len(half), false_rejection, model.temperature_, model.threshold_, rejected
    )
    return facts, left


def first_copies(rows: Any, labels: "NDArray[Any]") -> "NDArray[np.int64]":
    """Return, for each row, the place of the first row that equals it, label included."""
    import numpy as np

    from growlabels.classes.inputs.frames import MixedRows

    keys: Any = rows
    if isinstance(rows, MixedRows):
        numbers = [row.tobytes() for row in rows.numbers]
        keys = zip(numbers, *rows.words.values(), strict=True)
    elif not isinstance(rows, list):
        keys = [row.tobytes() for row in np.ascontiguousarray(rows)]
    first: dict[Any, int] = {}
    pairs = enumerate(zip(keys, labels.tolist(), strict=True))
    return np.array([first.setdefault(key, place) for place, key in pairs], np.int64)


def hold_out(
    rows: Any, labels: "NDArray[Any]", share: float, seed: int
) -> "tuple[NDArray[np.bool_], int]":
    """Say which rows are held out, and how many copies of others there are.

    Copies of a row are all held out or all learned, so that no figure counts rows that were
    learned.
    """
    import numpy as np

    from growlabels.classes.classifier.split import draw_held_out

    first = first_copies(rows, labels)
    distinct, place = np.unique(first, return_inverse=True)
    held = draw_held_out(labels[distinct], share, seed)
    return held[place], len(labels) - len(distinct)
