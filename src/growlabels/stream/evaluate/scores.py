"""Hold the scores of a prequential evaluation, and their curve."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from growlabels.stream.evaluate.metrics import SCORES, MultiLabelMetrics


class OnPoint(Protocol):
    """Receive each new point of the curve while the stream runs."""

    def __call__(self, point: "Point") -> None: ...


@dataclass(frozen=True)
class Point:
    """Hold the scores after some rows.

    Attributes
    ----------
    row
        Number of rows scored so far.
    total
        Scores (``n_rows``, ``exact_match``, ...) by name, over all rows so far.
    recent
        Scores by name over the last ``window`` rows.
    seconds
        CPU time spent in the model so far, in seconds.

    Examples
    --------
    >>> from growlabels.stream import MajorityLabels, prequential
    >>> rows = [({}, {"a"}) for _ in range(4)]
    >>> [(point.row, point.total["micro_f1"]) for point in prequential(
    ...     MajorityLabels(), rows, every=2).curve]
    [(2, 0.6666666666666666), (4, 0.8571428571428571)]
    """

    row: int
    total: Mapping[str, float]
    recent: Mapping[str, float]
    seconds: float


class PrequentialScores:
    """Hold the scores of :func:`prequential` over all rows, and their curve.

    Attributes
    ----------
    metrics
        :class:`MultiLabelMetrics` over all rows. Its scores are also attributes here:
        ``exact_match``, ``micro_f1``, ``macro_f1``, ``hamming``, ``jaccard`` and ``n_rows``.
    curve
        :class:`Point` objects, one every ``every`` rows and one at the end.
    seconds
        CPU time of the process while the model predicts and learns, in seconds.
    n_unlabelled
        Number of rows without known labels. They are predicted, but neither scored nor learned.
    n_partly_labelled
        Number of scored rows with some unknown labels. Only their known labels are scored.

    Examples
    --------
    >>> from growlabels.stream import MajorityLabels, prequential
    >>> scores = prequential(MajorityLabels(), [({}, {"a"}) for _ in range(4)])
    >>> scores.n_rows, scores.exact_match, scores.metrics.per_label()["a"].recall
    (4, 0.75, 0.75)
    """

    def __init__(
        self,
        metrics: MultiLabelMetrics,
        curve: tuple[Point, ...],
        seconds: float,
        n_unlabelled: int = 0,
        n_partly_labelled: int = 0,
    ) -> None:
        self.metrics: MultiLabelMetrics = metrics
        self.curve: tuple[Point, ...] = curve
        self.seconds: float = seconds
        self.n_unlabelled: int = n_unlabelled
        self.n_partly_labelled: int = n_partly_labelled

    @property
    def rows_per_second(self) -> float:
        """Return the number of rows predicted and learned per second of CPU time."""
        return self.metrics.n_rows / self.seconds if self.seconds else 0.0

    @property
    def n_rows(self) -> int:
        """Return the number of scored rows."""
        return self.metrics.n_rows

    @property
    def exact_match(self) -> float:
        """Return the share of rows with a completely correct label set."""
        return self.metrics.exact_match

    @property
    def micro_f1(self) -> float:
        """Return F1 over all (row, label) decisions."""
        return self.metrics.micro_f1

    @property
    def macro_f1(self) -> float:
        """Return the mean F1 over labels."""
        return self.metrics.macro_f1

    @property
    def hamming(self) -> float:
        """Return the share of wrong (row, label) decisions."""
        return self.metrics.hamming

    @property
    def jaccard(self) -> float:
        """Return the mean Jaccard index of the true and the predicted set."""
        return self.metrics.jaccard

    @property
    def precision_at(self) -> dict[int, float]:
        """Return precision at k by k, for each k in ``at``."""
        return self.metrics.precision_at

    def __repr__(self) -> str:
        figures = ", ".join(f"{name}={getattr(self, name):.3f}" for name in SCORES)
        return f"PrequentialScores(n_rows={self.n_rows}, {figures})"
