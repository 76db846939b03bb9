"""Run one model on a stream: predict each row, then learn it at once or some rows later."""

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from river import base

from growlabels.base.errors import DataError, UsageError
from growlabels.stream.evaluate.interrupt import UntilStopped
from growlabels.stream.evaluate.metrics import LabelSet
from growlabels.stream.rows.array_rows import ArrayRows

Step = tuple[LabelSet | None, LabelSet, Sequence[Hashable], float]
"""True labels, predicted labels, labels ranked by probability, seconds of CPU time spent.

The true labels are None where they are not known yet.
"""


class StreamModel(Protocol):
    """Predict and learn rows, as every multi-label model of River does.

    Three further methods are optional.

    - ``predict_labels_one(x)`` returns only the labels that are present. It replaces
      ``predict_one``, which must return every known label.
    - ``predict_topk_one(x, k)`` returns the k most probable labels with their probabilities.
    - ``prequential_many(X, Y)`` predicts and learns the rows of arrays one after another.
    """

    def predict_one(self, x: Any) -> Any: ...

    def learn_one(self, x: Any, y: Any) -> Any: ...


class Runner:
    """Predict each row with one model, then learn it.

    Parameters
    ----------
    model
        Model to run.
    delay
        Number of further rows predicted before a row's labels arrive, at least 0.
    most
        Number of labels to rank for each row, at least 0; 0 ranks none.
    """

    def __init__(self, model: Any, delay: int, most: int) -> None:
        if not (hasattr(model, "predict_one") and hasattr(model, "learn_one")):
            raise UsageError(
                "a model must have the methods predict_one and learn_one, as in River; got "
                f"{type(model).__name__}"
            )
        self._model = model
        self._guess = getattr(model, "predict_labels_one", model.predict_one)
        self._completes = getattr(model, "completes_labels", False)
        self._delay = delay
        self._most = most
        self._rank = _ranking(model) if most else None
        self._waiting: deque[tuple[int, Any, LabelSet]] = deque()
        self._row = 0
        self._whole = hasattr(model, "prequential_many") and not delay and not most

    def steps(self, chunk: ArrayRows | Sequence[tuple[Any, LabelSet]]) -> Iterator[Step]:
        """Yield the step of each row; arrays are passed whole to a model that accepts them."""
        if isinstance(chunk, ArrayRows) and self._whole:
            return self._array_steps(chunk)
        return (self._step(x, y) for x, y in chunk)

    def end(self) -> None:
        """Learn the rows whose labels had not arrived at the end of the stream."""
        while self._waiting:
            self._learn(*self._waiting.popleft())

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value: the waiting rows and the number of rows."""
        waiting = [[row, list(dict(x).items()), _pairs_of(y)] for row, x, y in self._waiting]
        return {"row": self._row, "waiting": waiting}

    def fill(self, state: Mapping[str, Any]) -> None:
        """Restore the state from :meth:`to_json`."""
        self._row = state["row"]
        self._waiting = deque((row, dict(x), dict(y)) for row, x, y in state["waiting"])

    def _step(self, x: Any, y: LabelSet) -> Step:
        """Predict one row and learn the row whose labels have arrived."""
        start = time.process_time()
        with _at_row(self._row):
            guess = self._guess(x)
            ranked = self._rank(x, self._most) if self._rank is not None else ()
        if y is not None:
            self._waiting.append((self._row, x, y))
        if self._waiting and self._row - self._waiting[0][0] >= self._delay:
            self._learn(*self._waiting.popleft())
        self._row += 1
        return y, guess or {}, ranked, time.process_time() - start

    def _learn(self, row: int, x: Any, y: LabelSet) -> None:
        """Learn one row; an error names its index."""
        if isinstance(y, Mapping) and None in y.values() and not self._completes:
            y = {label: there for label, there in y.items() if there is not None}
        with _at_row(row):
            self._model.learn_one(x, y)

    def _array_steps(self, part: ArrayRows) -> Iterator[Step]:
        """Predict and learn the rows of arrays in one call."""
        tables = part.tables
        start = time.process_time()
        guesses = self._model.prequential_many(*tables)
        spent = (time.process_time() - start) / len(part)
        names = list(self._model.labels_)
        truths = _members(part.Y, part.label_names)
        for y, guess in zip(truths, _members(guesses, names), strict=True):
            yield y, guess, (), spent


def chunks(rows: Iterable[Any], size: int) -> Iterator[ArrayRows | list[tuple[Any, LabelSet]]]:
    """Yield arrays in chunks of ``size`` rows, and other rows one by one as they arrive."""
    if isinstance(rows, UntilStopped):
        yield from rows.until(chunks(rows.rows, size))
        return
    if isinstance(rows, ArrayRows):
        for begin in range(0, len(rows), size):
            yield rows.take(slice(begin, begin + size))
        return
    for pair in _pairs(rows):
        yield [pair]


@contextmanager
def _at_row(number: int) -> Iterator[None]:
    """Add the row's index to a DataError; the model keeps what it learned before."""
    try:
        yield
    except DataError as error:
        raise DataError(f"row {number} (counting from 0): {error}") from error


def can_rank(model: Any) -> bool:
    """Return whether a model can rank labels by probability."""
    unable = base.MultiLabelClassifier.predict_proba_one  # of a class that does not define its own
    own = getattr(type(model), "predict_proba_one", unable)
    return hasattr(model, "predict_topk_one") or own is not unable


def no_ranking(model: Any) -> UsageError:
    """Build the error for a model that cannot rank labels."""
    name = type(model).__name__
    return UsageError(f"{name} gives no probabilities, so it has no precision at k; omit at")


def _ranking(model: Any) -> Callable[[Any, int], Sequence[Hashable]]:
    """Return a function of (row, k) that ranks the k most probable labels."""
    if hasattr(model, "predict_topk_one"):
        return lambda x, k: [label for label, _ in model.predict_topk_one(x, k)]

    def by_probability(x: Any, k: int) -> list[Hashable]:
        try:
            found = model.predict_proba_one(x) or {}
        except (AttributeError, NotImplementedError) as error:
            raise no_ranking(model) from error
        return sorted(found, key=lambda label: -found[label].get(True, 0.0))[:k]

    return by_probability


def _pairs(rows: Iterable[tuple[Any, LabelSet]]) -> Iterator[tuple[Any, LabelSet]]:
    """Yield the pairs (x, y); raise if a row is not a pair."""
    if not isinstance(rows, Iterable):
        raise UsageError(f"rows must be (x, y) pairs, got {type(rows).__name__}")
    for number, pair in enumerate(rows):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise DataError(
                f"row {number} (counting from 0) must be a pair (features, labels), got "
                f"{type(pair).__name__}; wrap arrays as ArrayRows(X, Y)"
            )
        yield pair[0], pair[1]


def _pairs_of(y: LabelSet) -> list[tuple[Any, bool | None]]:
    """Return the pairs (label, present) of a label set, in its order; None is unknown."""
    if isinstance(y, Mapping):
        return [(label, None if there is None else bool(there)) for label, there in y.items()]
    return [(label, True) for label in y]


def _members(matrix: Any, names: Sequence[Hashable]) -> Iterator[list[Hashable]]:
    """Yield the names of the labels that are present in each row of a matrix."""
    for row in range(matrix.shape[0]):
        if hasattr(matrix, "indptr"):
            inside = slice(matrix.indptr[row], matrix.indptr[row + 1])
            columns = matrix.indices[inside][matrix.data[inside] != 0]
        else:
            columns = np.flatnonzero(matrix[row])
        yield [names[column] for column in columns.tolist()]
