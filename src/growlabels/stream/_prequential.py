"""Prequential evaluation: every row is predicted, scored, and only then learned."""

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import Progress, silent
from growlabels.stream._array_rows import ArrayRows
from growlabels.stream._metrics import SCORES, LabelSet, MultiLabelMetrics, present

Step = tuple[LabelSet, LabelSet, Sequence[Hashable], float]
"""Truth, prediction, labels ranked by probability, seconds spent in the model."""


class StreamModel(Protocol):
    """Any River multi-label model, or another with these two methods."""

    def predict_one(self, x: Any) -> Any: ...

    def learn_one(self, x: Any, y: Any) -> Any: ...


class OnPoint(Protocol):
    """Called with each new point of the curve, while the stream runs."""

    def __call__(self, point: "Point") -> None: ...


@dataclass(frozen=True)
class Point:
    """The scores at one moment.

    Attributes
    ----------
    row
        Rows scored so far.
    total, recent
        Name -> figure (``n_rows``, ``exact_match``, ...) over all rows so far, and over the last
        ``window`` rows.
    seconds
        Spent in the model so far.
    """

    row: int
    total: Mapping[str, float]
    recent: Mapping[str, float]
    seconds: float


class PrequentialScores:
    """What :func:`prequential` found: the scores over all rows, and their course.

    Attributes
    ----------
    metrics
        Over all rows; its figures are attributes here as well: ``exact_match``, ``micro_f1``,
        ``macro_f1``, ``hamming``, ``jaccard``, ``n_rows``.
    curve
        :class:`Point` objects, one every ``every`` rows and one at the end.
    seconds
        Time spent in the model, predicting and learning.
    """

    def __init__(
        self, metrics: MultiLabelMetrics, curve: tuple[Point, ...], seconds: float
    ) -> None:
        self.metrics, self.curve, self.seconds = metrics, curve, seconds

    @property
    def rows_per_second(self) -> float:
        """Rows predicted and learned per second in the model."""
        return self.metrics.n_rows / self.seconds if self.seconds else 0.0

    @property
    def n_rows(self) -> int:
        """How many rows were scored."""
        return self.metrics.n_rows

    @property
    def exact_match(self) -> float:
        """Share of rows whose whole label set was right."""
        return self.metrics.exact_match

    @property
    def micro_f1(self) -> float:
        """F1 over all decisions together."""
        return self.metrics.micro_f1

    @property
    def macro_f1(self) -> float:
        """Mean of the labels' F1."""
        return self.metrics.macro_f1

    @property
    def hamming(self) -> float:
        """Share of (row, label) decisions that were wrong."""
        return self.metrics.hamming

    @property
    def jaccard(self) -> float:
        """Mean overlap of the true and the predicted set."""
        return self.metrics.jaccard

    @property
    def precision_at(self) -> dict[int, float]:
        """Mean share of true labels among the k most probable, for each k that was asked for."""
        return self.metrics.precision_at

    def __repr__(self) -> str:
        figures = ", ".join(f"{name}={getattr(self, name):.3f}" for name in SCORES)
        return f"PrequentialScores(n_rows={self.n_rows}, {figures})"


def prequential(
    model: StreamModel,
    rows: Iterable[tuple[Any, LabelSet]],
    *,
    every: int = 100,
    window: int = 500,
    delay: int = 0,
    at: Sequence[int] = (),
    progress: Progress = silent,
    on_point: OnPoint | None = None,
) -> PrequentialScores:
    """Predict every row, score the prediction, then learn the row.

    No row is left out: the first one is predicted by a model that knows nothing.

    Parameters
    ----------
    model
        Any River multi-label model. It goes on learning from the state it is in.
    rows
        (x, y) pairs: features as a dict; labels as a dict label -> bool, or as a set for a model
        that takes one. For :class:`ArrayRows` and a model with ``prequential_many`` the arrays
        are used as they are: the same scores, much faster.
    every
        Rows between two points of the curve.
    window
        Rows that count for the recent scores of a point.
    delay
        A row's labels arrive, and are learned, when so many further rows were predicted. The
        labels that have not arrived when the stream ends are learned then.
    at
        Score precision at these k as well; the model ranks with ``predict_topk_one(x, k)`` or,
        as River's do, with ``predict_proba_one``.
    progress, on_point
        Called while the stream runs.

    Examples
    --------
    >>> from river import datasets
    >>> from growlabels.stream import MajorityLabels
    >>> prequential(MajorityLabels(), datasets.Yeast()).n_rows
    2417
    """
    for name, value in (("every", every), ("window", window)):
        if value < 1:
            raise UsageError.parameter(name, "must be at least 1 row", value)
    if delay < 0:
        raise UsageError.parameter("delay", "must be at least 0 rows", delay)
    at_once = hasattr(model, "prequential_many") and not delay and not at
    if isinstance(rows, ArrayRows) and at_once:
        steps = _array_steps(model, rows, every)
    else:
        steps = _dict_steps(model, rows, delay, max(at, default=0))
    total = len(rows) if hasattr(rows, "__len__") else None  # type: ignore[arg-type]
    metrics, recent = MultiLabelMetrics(at=at), MultiLabelMetrics(window, at)
    curve: list[Point] = []
    seconds, row = 0.0, 0

    def mark() -> None:
        curve.append(Point(row, metrics.as_dict(), recent.as_dict(), seconds))
        progress("stream", row, total)
        if on_point is not None:
            on_point(curve[-1])

    for row, (truth, guess, ranked, spent) in enumerate(steps, 1):
        seconds += spent
        true, said = present(truth), present(guess)
        metrics.update(true, said, ranked)
        recent.update(true, said, ranked)
        if row % every == 0:
            mark()
    if row % every or not row:
        mark()
    return PrequentialScores(metrics, tuple(curve), seconds)


def _dict_steps(
    model: StreamModel, rows: Iterable[tuple[Any, LabelSet]], delay: int, most: int
) -> Iterator[Step]:
    rank = _ranking(model) if most else None
    waiting: deque[tuple[int, Any, LabelSet]] = deque()
    for number, (x, y) in enumerate(_pairs(rows)):
        start = time.perf_counter()
        with _at_row(number):
            guess = model.predict_one(x)
            ranked = rank(x, most) if rank is not None else ()
        waiting.append((number, x, y))
        if number >= delay:
            _learn(model, *waiting.popleft())
        yield y, guess or {}, ranked, time.perf_counter() - start
    for row in waiting:
        _learn(model, *row)


def _learn(model: StreamModel, number: int, x: Any, y: LabelSet) -> None:
    with _at_row(number):
        model.learn_one(x, y)


@contextmanager
def _at_row(number: int) -> Iterator[None]:
    """Say in which row it was that something was wrong; what was learned before stays."""
    try:
        yield
    except DataError as error:
        raise DataError(f"row {number} (counting from 0): {error}") from error


def _ranking(model: Any) -> Callable[[Any, int], Sequence[Hashable]]:
    """Return what gives a row's most probable labels, the best first."""
    if hasattr(model, "predict_topk_one"):
        return lambda x, k: [label for label, _ in model.predict_topk_one(x, k)]

    def by_probability(x: Any, k: int) -> list[Hashable]:
        try:
            found = model.predict_proba_one(x) or {}
        except (AttributeError, NotImplementedError) as error:
            raise UsageError(
                f"{type(model).__name__} gives no probabilities, so it has no precision at k; "
                "leave at out"
            ) from error
        return sorted(found, key=lambda label: -found[label].get(True, 0.0))[:k]

    return by_probability


def _pairs(rows: Iterable[tuple[Any, LabelSet]]) -> Iterator[tuple[Any, LabelSet]]:
    if not isinstance(rows, Iterable):
        raise UsageError(f"rows must be (x, y) pairs, they were {type(rows).__name__}")
    for number, pair in enumerate(rows):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise DataError(
                f"row {number} (counting from 0) must be a pair (features, labels), it was "
                f"{type(pair).__name__}; wrap arrays as ArrayRows(X, Y)"
            )
        yield pair[0], pair[1]


def _array_steps(model: Any, rows: ArrayRows, every: int) -> Iterator[Step]:
    truths = rows.label_names
    for begin in range(0, len(rows), every):
        part = rows.take(slice(begin, begin + every))
        tables = part.tables
        start = time.perf_counter()
        guesses = model.prequential_many(*tables)
        spent = (time.perf_counter() - start) / len(part)
        names = list(model.labels_)
        for y, guess in zip(_members(part.Y, truths), _members(guesses, names), strict=True):
            yield y, guess, (), spent


def _members(matrix: Any, names: Sequence[Hashable]) -> Iterator[list[Hashable]]:
    for row in range(matrix.shape[0]):
        if hasattr(matrix, "indptr"):
            inside = slice(matrix.indptr[row], matrix.indptr[row + 1])
            columns = matrix.indices[inside][matrix.data[inside] != 0]
        else:
            columns = np.flatnonzero(matrix[row])
        yield [names[column] for column in columns.tolist()]
