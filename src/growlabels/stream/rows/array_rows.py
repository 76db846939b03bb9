"""A stream whose rows are held as arrays."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.base.labels import repeated
from growlabels.stream.rows.tables import as_array, as_known_table

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


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
        (rows, labels) of 0 and 1 or bool: array, DataFrame or SciPy sparse matrix, which stays
        sparse.
    features, labels
        Names of the columns; by default those of a DataFrame, else 0, 1, ...

    Raises
    ------
    DataError
        X and Y differ in their number of rows, names in number from columns, or Y holds other
        values than 0 and 1.
    UsageError
        X or Y has not two dimensions, or two columns of one name.

    Examples
    --------
    >>> import numpy as np
    >>> rows = ArrayRows(np.array([[1.0, 2.0]]), np.array([[True]]), ["a", "b"], ["tag"])
    >>> list(rows)
    [({'a': 1.0, 'b': 2.0}, {'tag': True})]
    """

    X: "NDArray[np.float64] | csr_matrix"
    Y: "NDArray[Any] | csr_matrix"
    features: Sequence[Hashable] | None = None
    labels: Sequence[Hashable] | None = None

    def __post_init__(self) -> None:
        for table, names in (("X", "features"), ("Y", "labels")):
            given: Any = as_known_table(getattr(self, table), table)
            if getattr(self, names) is None and hasattr(given, "columns"):
                object.__setattr__(self, names, list(given.columns))
            object.__setattr__(self, table, as_matrix(given, table))
        if self.X.shape[0] != self.Y.shape[0]:
            raise DataError(
                f"X has {self.X.shape[0]} rows and Y has {self.Y.shape[0]}; pass the same rows"
            )
        for name, names, width in (
            ("features", self.features, self.X.shape[1]),
            ("labels", self.labels, self.Y.shape[1]),
        ):
            if names is not None:
                if not isinstance(names, Iterable) or isinstance(names, str | bytes):
                    raise UsageError.parameter(name, "must be a list of names, or None", names)
                _check_names(name, list(names), width)

    def __len__(self) -> int:
        return int(self.Y.shape[0])

    def __iter__(self) -> Iterator[tuple[dict[Hashable, float], dict[Hashable, bool]]]:
        features = self.feature_names
        labels = self.label_names
        for row in range(len(self)):
            x = dict(self._values(row, features))
            yield x, dict(zip(labels, self._truths(row), strict=True))

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

    def _truths(self, row: int) -> list[bool]:
        matrix: Any = self.Y
        if not hasattr(matrix, "indptr"):
            return matrix[row].tolist()
        truths = np.zeros(matrix.shape[1], bool)
        inside = slice(matrix.indptr[row], matrix.indptr[row + 1])
        truths[matrix.indices[inside]] = matrix.data[inside]
        return truths.tolist()

    def _values(self, row: int, names: Sequence[Hashable]) -> Iterator[tuple[Hashable, float]]:
        matrix: Any = self.X
        if hasattr(matrix, "indptr"):
            inside = slice(matrix.indptr[row], matrix.indptr[row + 1])
            columns, values = matrix.indices[inside].tolist(), matrix.data[inside].tolist()
        else:
            columns, values = range(matrix.shape[1]), matrix[row].tolist()
        return ((names[c], v) for c, v in zip(columns, values, strict=True) if v == v)


def _check_names(what: str, names: list[Hashable], width: int) -> None:
    if len(names) != width:
        raise DataError(f"{what} has {len(names)} names for {width} columns")
    try:
        twice = repeated(names)
    except TypeError as error:
        raise UsageError(f"{what}: a name must be hashable ({error}); use strings") from error
    if twice:
        raise UsageError(f"{what} has {twice[0]!r} twice; rename one")


def as_matrix(table: Any, what: str) -> Any:
    """Return an array or CSR matrix of two dimensions; of bool, but for X."""
    matrix: Any = table.tocsr() if hasattr(table, "tocsr") else as_array(table, what)
    if what != "X" and hasattr(matrix, "indptr") and not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    values = matrix.data if hasattr(matrix, "indptr") else matrix
    if what == "X" or values.dtype == np.bool_:
        return matrix
    try:
        truths = bool(((values == 0) | (values == 1)).all())
    except TypeError:  # such as pandas' NA
        truths = False
    if not truths:
        raise DataError(f"{what} must hold 0 and 1, or False and True; mend the labels")
    if values is matrix:
        return matrix == 1
    return matrix.astype(np.bool_)


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
