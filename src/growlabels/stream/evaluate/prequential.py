"""Prequential evaluation: every row is predicted, scored, and only then learned."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import length_hint
from typing import Any, Protocol

from growlabels.base.errors import UsageError, is_whole
from growlabels.base.progress import Progress, silent
from growlabels.stream.evaluate.metrics import SCORES, LabelSet, MultiLabelMetrics, present
from growlabels.stream.evaluate.runner import (
    Runner,
    Step,
    StreamModel,
    can_rank,
    chunks,
    no_ranking,
)

_PART = 1000
"""Most rows of an array that a model is given at once: how long a stop may take."""


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
        CPU time of the process while the model predicts and learns, in seconds.
    """

    def __init__(
        self, metrics: MultiLabelMetrics, curve: tuple[Point, ...], seconds: float
    ) -> None:
        self.metrics, self.curve, self.seconds = metrics, curve, seconds

    @property
    def rows_per_second(self) -> float:
        """Rows predicted and learned per second of CPU time in the model."""
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
        as River's do, with ``predict_proba_one``. Rows then go through the model one by one.
    progress, on_point
        Called while the stream runs.

    Examples
    --------
    >>> from river import datasets
    >>> from growlabels.stream import MajorityLabels
    >>> prequential(MajorityLabels(), datasets.Yeast()).n_rows
    2417
    """
    found = compare(
        {"": model},
        rows,
        every=every,
        window=window,
        delay=delay,
        at=at,
        progress=progress,
        on_point=on_point,
    )
    return found[""]


def compare(
    models: Mapping[str, StreamModel],
    rows: Iterable[tuple[Any, LabelSet]],
    *,
    every: int = 100,
    window: int = 500,
    delay: int = 0,
    at: Sequence[int] = (),
    progress: Progress = silent,
    on_point: OnPoint | None = None,
) -> dict[str, PrequentialScores]:
    """Score several models on the same rows, read once: each as :func:`prequential` does.

    Parameters
    ----------
    models
        Name -> model.
    rows, every, window, delay, at
        As in :func:`prequential`; models that cannot rank have no precision at k.
    progress, on_point
        Called while the stream runs, with the points of the first model.

    Examples
    --------
    >>> from river import datasets
    >>> from growlabels.stream import IHOMER, MajorityLabels
    >>> models = {"ours": IHOMER(), "majority": MajorityLabels()}
    >>> scores = compare(models, datasets.Yeast().take(200))
    >>> scores["ours"].micro_f1 > scores["majority"].micro_f1
    True
    """
    UsageError.require_callable("progress", progress)
    if on_point is not None:
        UsageError.require_callable("on_point", on_point)
    evaluation = Evaluation(models, every=every, window=window, delay=delay, at=at)
    evaluation.go(rows, progress, on_point)
    return evaluation.end()


class Evaluation:
    """One pass of several models over the same rows, which can be kept and gone on with.

    Parameters
    ----------
    models, every, window, delay, at
        As in :func:`compare`.

    Attributes
    ----------
    rows
        Rows gone through so far, those of a run before this one included.

    Examples
    --------
    >>> from growlabels.stream import MajorityLabels
    >>> rows = [({}, {"a"}), ({}, {"b"}), ({}, {"b"})]
    >>> first = Evaluation({"": MajorityLabels()})
    >>> first.go(rows[:2])
    >>> first.rows, first.end()[""].n_rows
    (2, 2)
    """

    def __init__(
        self,
        models: Mapping[str, StreamModel],
        *,
        every: int = 100,
        window: int = 500,
        delay: int = 0,
        at: Sequence[int] = (),
    ) -> None:
        for name, value, least in (("every", every, 1), ("window", window, 1), ("delay", delay, 0)):
            if not is_whole(value, least):
                raise UsageError.parameter(
                    name, f"must be a whole number of rows, at least {least}", value
                )
        _check_models(models)
        at = MultiLabelMetrics(window, at).at
        ranked = {name: at if can_rank(model) else () for name, model in models.items()}
        if at and not any(ranked.values()):
            raise no_ranking(next(iter(models.values())))
        self.rows = 0
        self._every = every
        self._courses = {name: _Course(every, window, ranked[name]) for name in models}
        self._runners = {
            name: Runner(model, delay, max(ranked[name], default=0))
            for name, model in models.items()
        }

    def go(
        self,
        rows: Iterable[tuple[Any, LabelSet]],
        progress: Progress = silent,
        on_point: OnPoint | None = None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Go through rows.

        Parameters
        ----------
        rows, progress, on_point
            As in :func:`compare`.
        after
            Called when all models have gone through some further rows; the state may be kept then.
        """
        left = length_hint(rows)
        total = self.rows + left if left else None

        def tell(point: Point) -> None:
            progress("stream", point.row, total)
            if on_point is not None:
                on_point(point)

        next(iter(self._courses.values())).tell = tell
        for chunk in chunks(rows, min(self._every, _PART)):
            for name, runner in self._runners.items():
                for step in runner.steps(chunk):
                    self._courses[name].add(step)
            self.rows += len(chunk)
            after()

    def end(self) -> dict[str, PrequentialScores]:
        """Learn the rows whose labels are late, and return the scores."""
        for runner in self._runners.values():
            runner.end()
        return {name: course.end() for name, course in self._courses.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the scores so far and the rows whose labels are late, without the models."""
        return {
            "rows": self.rows,
            "courses": {name: course.to_json() for name, course in self._courses.items()},
            "runners": {name: runner.to_json() for name, runner in self._runners.items()},
        }

    def fill(self, state: Mapping[str, Any]) -> None:
        """Take the state that :meth:`to_json` wrote; the models must be as they were then."""
        self.rows = int(state["rows"])
        for name, course in self._courses.items():
            course.fill(state["courses"][name])
            self._runners[name].fill(state["runners"][name])


def _check_models(models: object) -> None:
    if not isinstance(models, Mapping):
        raise UsageError(f"models must be name -> model, they were {type(models).__name__}")
    if not models:
        raise UsageError("models is empty; name at least one model")
    names = {id(model): name for name, model in models.items()}
    for name, model in models.items():
        if names[id(model)] != name:
            raise UsageError(
                f"models {name!r} and {names[id(model)]!r} are one object, which would be scored "
                "on rows that it has learned; make two models"
            )


class _Course:
    """The scores of one model while the stream runs."""

    def __init__(self, every: int, window: int, at: Sequence[int]) -> None:
        self.tell: OnPoint | None = None
        self._every = every
        self._metrics, self._recent = MultiLabelMetrics(at=at), MultiLabelMetrics(window, at)
        self._curve: list[Point] = []
        self._seconds, self._row = 0.0, 0

    def add(self, step: Step) -> None:
        truth, guess, ranked, spent = step
        self._seconds += spent
        self._row += 1
        true, said = present(truth), present(guess)
        self._metrics.update(true, said, ranked)
        self._recent.update(true, said, ranked)
        if self._row % self._every == 0:
            self._mark()

    def to_json(self) -> dict[str, Any]:
        return {
            "metrics": self._metrics.to_json(),
            "recent": self._recent.to_json(),
            "curve": [asdict(point) for point in self._curve],
            "seconds": self._seconds,
            "row": self._row,
        }

    def fill(self, state: Mapping[str, Any]) -> None:
        self._metrics = MultiLabelMetrics.from_json(state["metrics"])
        self._recent = MultiLabelMetrics.from_json(state["recent"])
        self._curve = [Point(**point) for point in state["curve"]]
        self._seconds, self._row = state["seconds"], state["row"]

    def end(self) -> PrequentialScores:
        if self._row % self._every or not self._row:
            self._mark()
        return PrequentialScores(self._metrics, tuple(self._curve), self._seconds)

    def _mark(self) -> None:
        total, recent = self._metrics.as_dict(), self._recent.as_dict()
        self._curve.append(Point(self._row, total, recent, self._seconds))
        if self.tell is not None:
            self.tell(self._curve[-1])
