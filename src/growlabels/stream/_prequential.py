"""Prequential evaluation: every row is predicted, scored, and only then learned."""

import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import Progress, silent
from growlabels.stream._metrics import SCORES, LabelSet, MultiLabelMetrics, present

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Step = tuple[LabelSet, LabelSet, float]  # truth, prediction, seconds spent in the model


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


@dataclass(frozen=True)
class ArrayRows:
    """Rows that are held as arrays; iterates as (x, y) dicts.

    :func:`prequential` hands the arrays themselves to a learner that takes them.

    Parameters
    ----------
    X
        (rows, features) array, DataFrame or SciPy sparse matrix. NaN and what a sparse matrix
        does not store are left out of the dicts; both are zero to a learner that takes arrays.
    Y
        (rows, labels) of 0 and 1 or bool: array, DataFrame or SciPy sparse matrix.
    features, labels
        Names of the columns; by default those of a DataFrame, else 0, 1, ...

    Raises
    ------
    DataError
        X and Y differ in their number of rows, names in number from columns, or Y holds other
        values than 0 and 1.
    UsageError
        X or Y has not two dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> rows = ArrayRows(np.array([[1.0, 2.0]]), np.array([[True]]), ["a", "b"], ["tag"])
    >>> list(rows)
    [({'a': 1.0, 'b': 2.0}, {'tag': True})]
    """

    X: "NDArray[np.float64] | csr_matrix"
    Y: NDArray[np.bool_]
    features: Sequence[Hashable] | None = None
    labels: Sequence[Hashable] | None = None

    def __post_init__(self) -> None:
        for table, names in (("X", "features"), ("Y", "labels")):
            given: Any = getattr(self, table)
            if getattr(self, names) is None and hasattr(given, "columns"):
                object.__setattr__(self, names, list(given.columns))
            object.__setattr__(self, table, _matrix(given, table))
        if self.X.shape[0] != self.Y.shape[0]:
            raise DataError(
                f"X has {self.X.shape[0]} rows and Y has {self.Y.shape[0]}; pass the same rows"
            )
        for name, names, width in (
            ("features", self.features, self.X.shape[1]),
            ("labels", self.labels, self.Y.shape[1]),
        ):
            if names is not None and len(names) != width:
                raise DataError(f"{name} has {len(names)} names for {width} columns")

    def __len__(self) -> int:
        return int(self.Y.shape[0])

    def __iter__(self) -> Iterator[tuple[dict[Hashable, float], dict[Hashable, bool]]]:
        features = self.feature_names
        labels = self.label_names
        for row in range(len(self)):
            x = dict(self._values(row, features))
            yield x, dict(zip(labels, self.Y[row].tolist(), strict=True))

    @property
    def feature_names(self) -> list[Hashable]:
        """Names of the columns of X."""
        return list(range(self.X.shape[1]) if self.features is None else self.features)

    @property
    def label_names(self) -> list[Hashable]:
        """Names of the columns of Y."""
        return list(range(self.Y.shape[1]) if self.labels is None else self.labels)

    @property
    def tables(self) -> tuple[Any, Any]:
        """X and Y for a learner's ``..._many`` methods, with the names of their columns.

        NaN is 0 there: a feature that is missing.
        """
        X = _without_nan(self.X)
        return (
            X if self.features is None else _named(X, self.features),
            self.Y if self.labels is None else _named(self.Y, self.labels),
        )

    def take(self, order: NDArray[np.int64] | slice) -> "ArrayRows":
        """Return some rows, or all in another order."""
        return ArrayRows(self.X[order], self.Y[order], self.features, self.labels)

    def shuffled(self, seed: int) -> "ArrayRows":
        """Return the rows in random order."""
        return self.take(np.random.default_rng(seed).permutation(len(self)))

    def _values(self, row: int, names: Sequence[Hashable]) -> Iterator[tuple[Hashable, float]]:
        matrix: Any = self.X
        if hasattr(matrix, "indptr"):
            inside = slice(matrix.indptr[row], matrix.indptr[row + 1])
            columns, values = matrix.indices[inside].tolist(), matrix.data[inside].tolist()
        else:
            columns, values = range(matrix.shape[1]), matrix[row].tolist()
        return ((names[c], v) for c, v in zip(columns, values, strict=True) if v == v)


def _matrix(table: Any, what: str) -> Any:
    """Return an array or CSR matrix of two dimensions; of Y a bool array."""
    if hasattr(table, "tocsr"):
        matrix: Any = table.tocsr()
        matrix = matrix if what == "X" else matrix.toarray()
    else:
        try:
            matrix = np.asarray(table)
        except ValueError as error:
            raise DataError(f"{what} has rows of different lengths; give each the same") from error
    if matrix.ndim != 2:
        raise UsageError(
            f"{what} must have two dimensions (rows, columns), it had {matrix.ndim}; "
            "pass dicts to prequential as (x, y) pairs"
        )
    if what == "Y" and matrix.dtype != np.bool_:
        if not ((matrix == 0) | (matrix == 1)).all():
            raise DataError("Y must hold 0 and 1, or False and True; mend the labels")
        matrix = matrix == 1
    return matrix


def _without_nan(matrix: Any) -> Any:
    values = matrix.data if hasattr(matrix, "indptr") else matrix
    if values.dtype.kind != "f" or not np.isnan(values).any():
        return matrix
    if values is matrix:
        return np.where(np.isnan(matrix), 0.0, matrix)
    mended = matrix.copy()
    mended.data[np.isnan(values)] = 0.0
    return mended


@dataclass(frozen=True)
class _NamedArray:
    """An array with column names: what learners ask of a DataFrame."""

    array: NDArray[Any]
    columns: list[Hashable]

    def to_numpy(self) -> NDArray[Any]:
        return self.array


def _named(matrix: Any, names: Sequence[Hashable]) -> Any:
    if not hasattr(matrix, "indptr"):
        return _NamedArray(matrix, list(names))
    named = matrix.copy()
    named.columns = list(names)
    return named


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

    def __repr__(self) -> str:
        figures = ", ".join(f"{name}={getattr(self, name):.3f}" for name in SCORES)
        return f"PrequentialScores(n_rows={self.n_rows}, {figures})"


def prequential(
    model: StreamModel,
    rows: Iterable[tuple[Any, LabelSet]],
    *,
    every: int = 100,
    window: int = 500,
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
    if isinstance(rows, ArrayRows) and hasattr(model, "prequential_many"):
        steps = _array_steps(model, rows, every)
    else:
        steps = _dict_steps(model, rows)
    total = len(rows) if hasattr(rows, "__len__") else None  # type: ignore[arg-type]
    metrics, recent = MultiLabelMetrics(), MultiLabelMetrics(window)
    curve: list[Point] = []
    seconds, row = 0.0, 0

    def mark() -> None:
        curve.append(Point(row, metrics.as_dict(), recent.as_dict(), seconds))
        progress("stream", row, total)
        if on_point is not None:
            on_point(curve[-1])

    for row, (truth, guess, spent) in enumerate(steps, 1):
        seconds += spent
        true, said = present(truth), present(guess)
        metrics.update(true, said)
        recent.update(true, said)
        if row % every == 0:
            mark()
    if row % every or not row:
        mark()
    return PrequentialScores(metrics, tuple(curve), seconds)


def _dict_steps(model: StreamModel, rows: Iterable[tuple[Any, LabelSet]]) -> Iterator[Step]:
    for x, y in _pairs(rows):
        start = time.perf_counter()
        guess = model.predict_one(x)
        model.learn_one(x, y)
        yield y, guess or {}, time.perf_counter() - start


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
            yield y, guess, spent


def _members(matrix: Any, names: Sequence[Hashable]) -> Iterator[list[Hashable]]:
    for row in range(matrix.shape[0]):
        if hasattr(matrix, "indptr"):
            inside = slice(matrix.indptr[row], matrix.indptr[row + 1])
            columns = matrix.indices[inside][matrix.data[inside] != 0]
        else:
            columns = np.flatnonzero(matrix[row])
        yield [names[column] for column in columns.tolist()]
