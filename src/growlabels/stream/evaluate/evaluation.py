"""Evaluate several models on the same rows, in one pass that can be interrupted and continued."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from operator import length_hint
from typing import Any

from growlabels.base.errors import UsageError, is_whole
from growlabels.base.progress import Progress, silent
from growlabels.stream.evaluate.metrics import LabelSet, MultiLabelMetrics, present
from growlabels.stream.evaluate.runner import (
    Runner,
    Step,
    StreamModel,
    can_rank,
    chunks,
    no_ranking,
)
from growlabels.stream.evaluate.scores import OnPoint, Point, PrequentialScores

_CHUNK = 1000
"""Largest chunk of an array, in rows; a signal takes effect only between chunks."""


class Evaluation:
    """Score several models in one pass over the rows; the state can be saved and continued.

    Parameters
    ----------
    models
        Models by name; each must be a separate object.
    every
        Number of rows between two points of the curve, at least 1; default 100.
    window
        Number of rows in the recent scores of a point, at least 1; default 500.
    delay
        Number of further rows predicted before a row's labels arrive, at least 0; default 0.
    at
        Values of k for precision at k; by default none.

    Attributes
    ----------
    rows
        Number of rows evaluated so far, including those before the state was saved.

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
        self._curves = {name: _Curve(every, window, ranked[name]) for name in models}
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
        on_step: Callable[[Step], None] | None = None,
    ) -> None:
        """Evaluate further rows.

        Parameters
        ----------
        rows
            Pairs (x, y), as in :func:`prequential`.
        progress
            Function called at each point of the first model; see :func:`prequential`.
        on_point
            Function called with each :class:`Point` of the first model; by default none.
        after
            Function called after each chunk of rows, when the state can be saved; by default
            none.
        on_step
            Function called with the true and the predicted labels of each row by the first model,
            in the order of the rows; by default none.
        """
        left = length_hint(rows)
        total = self.rows + left if left else None

        def report(point: Point) -> None:
            progress("stream", point.row, total)
            if on_point is not None:
                on_point(point)

        next(iter(self._curves.values())).on_point = report
        for chunk in chunks(rows, min(self._every, _CHUNK)):
            for place, (name, runner) in enumerate(self._runners.items()):
                for step in runner.steps(chunk):
                    self._curves[name].add(step)
                    if on_step is not None and not place:
                        on_step(step)
            self.rows += len(chunk)
            after()

    def end(self) -> dict[str, PrequentialScores]:
        """Learn the rows whose labels had not arrived, and return the scores."""
        for runner in self._runners.values():
            runner.end()
        return {name: curve.end() for name, curve in self._curves.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value, without the models."""
        return {
            "rows": self.rows,
            "curves": {name: curve.to_json() for name, curve in self._curves.items()},
            "runners": {name: runner.to_json() for name, runner in self._runners.items()},
        }

    def fill(self, state: Mapping[str, Any]) -> None:
        """Restore the state from :meth:`to_json`; the models must be restored as well."""
        self.rows: int = int(state["rows"])
        for name, curve in self._curves.items():
            curve.fill(state["curves"][name])
            self._runners[name].fill(state["runners"][name])


def _check_models(models: object) -> None:
    """Raise unless ``models`` is a mapping of names to separate models, at least one."""
    if not isinstance(models, Mapping):
        raise UsageError(f"models must be a mapping name -> model, got {type(models).__name__}")
    if not models:
        raise UsageError("models is empty; pass at least one model")
    names = {id(model): name for name, model in models.items()}
    for name, model in models.items():
        if names[id(model)] != name:
            raise UsageError(
                f"models {name!r} and {names[id(model)]!r} are one object, which would be scored "
                "on rows that it has already learned; make two models"
            )


class _Curve:
    """Collect the scores of one model while the stream runs."""

    def __init__(self, every: int, window: int, at: Sequence[int]) -> None:
        self.on_point: OnPoint | None = None
        self._every = every
        self._metrics, self._recent = MultiLabelMetrics(at=at), MultiLabelMetrics(window, at)
        self._points: list[Point] = []
        self._seconds, self._row = 0.0, 0
        self._unlabelled = self._partly = 0

    def add(self, step: Step) -> None:
        """Score one row."""
        truth, guess, ranked, spent = step
        self._seconds += spent
        if truth is None:
            self._unlabelled += 1
            return
        self._row += 1
        true, predicted = present(truth), present(guess)
        if isinstance(truth, Mapping) and None in truth.values():
            predicted -= {label for label, there in truth.items() if there is None}
            self._partly += 1
        self._metrics.update(true, predicted, ranked)
        self._recent.update(true, predicted, ranked)
        if self._row % self._every == 0:
            self._mark()

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        return {
            "metrics": self._metrics.to_json(),
            "recent": self._recent.to_json(),
            "curve": [asdict(point) for point in self._points],
            "seconds": self._seconds,
            "row": self._row,
            "unlabelled": self._unlabelled,
            "partly": self._partly,
        }

    def fill(self, state: Mapping[str, Any]) -> None:
        """Restore the state from :meth:`to_json`."""
        self._metrics = MultiLabelMetrics.from_json(state["metrics"])
        self._recent = MultiLabelMetrics.from_json(state["recent"])
        self._points = [Point(**point) for point in state["curve"]]
        self._seconds, self._row = state["seconds"], state["row"]
        self._unlabelled, self._partly = state["unlabelled"], state["partly"]

    def end(self) -> PrequentialScores:
        """Add the last point and return all scores."""
        if self._row % self._every or not self._row:
            self._mark()
        return PrequentialScores(
            self._metrics, tuple(self._points), self._seconds, self._unlabelled, self._partly
        )

    def _mark(self) -> None:
        """Add a point to the curve."""
        total, recent = self._metrics.as_dict(), self._recent.as_dict()
        self._points.append(Point(self._row, total, recent, self._seconds))
        if self.on_point is not None:
            self.on_point(self._points[-1])
