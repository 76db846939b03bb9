"""What people hand over -> rows the loop can read, checked before anything is learned.

A zero is the same as a missing feature, so dicts, arrays and sparse matrices agree.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from growlabels.base.errors import DataError, UsageError
from growlabels.base.labels import found_again, repeated
from growlabels.stream.numeric.cells import nonzero_cells

_REAL = (int, float, np.integer, np.floating, np.bool_)
_NUMBERS = {int, float, bool}  # whose values are equal only where they are the same number


class Cells(NamedTuple):
    """Non-zero cells of some rows, row by row.

    Attributes
    ----------
    names
        Names of the columns.
    start
        (rows + 1,): the first cell of each row.
    column, value
        (cells,): place in ``names``, and the value.
    """

    names: Sequence[Hashable]
    start: NDArray[np.int64]
    column: NDArray[np.int64]
    value: NDArray[np.float64]

    def repeated(self, times: NDArray[np.int64]) -> "Cells":
        """Return the rows with row r ``times[r]`` times in its place."""
        order = np.repeat(np.arange(times.size), times)
        sizes = np.diff(self.start)[order]
        start = np.concatenate(([0], np.cumsum(sizes)))
        cells = np.arange(start[-1]) + np.repeat(self.start[order] - start[:-1], sizes)
        return Cells(self.names, start, self.column[cells], self.value[cells])


def check_names(names: Iterable[Hashable], what: str) -> None:
    """Raise at a name such as NaN, which no later row could name again."""
    for name in names:
        if not found_again(name):
            raise DataError(
                f"the name of a {what} must equal itself, it was {name!r}; use strings or numbers"
            )


def own_order(name: Hashable) -> tuple[int, float, str]:
    """Return what names that appear in the same row are sorted by."""
    if isinstance(name, int | float | np.number):
        try:
            return 0, float(name), ""
        except OverflowError:
            return 0, float("inf") if name > 0 else float("-inf"), repr(name)
    return (1, 0.0, name) if isinstance(name, str) else (2, 0.0, f"{type(name)} {name!r}")


def read_row(x: Mapping[Any, Any]) -> Cells:
    """Read one row of features.

    Raises
    ------
    DataError
        ``x`` is no mapping, or a value is not a finite number.
    """
    return row_cells(*row_items(x))


def row_items(x: Mapping[Any, Any]) -> tuple[list[Hashable], list[Any]]:
    """Return names and values of a row; all values are numbers, of which some may be NaN."""
    if not isinstance(x, Mapping):
        raise DataError(
            f"a row of features must be a dict of name -> number, it was {type(x).__name__}; "
            "use learn_many or predict_many for arrays"
        )
    names, values = list(x), list(x.values())
    if not _NUMBERS.issuperset(map(type, values)):
        for name, value in zip(names, values, strict=True):
            if not isinstance(value, _REAL) or isinstance(value, np.timedelta64):
                raise _bad_value(name, value)
        values = [value if isinstance(value, int) else float(value) for value in values]
    return names, values


def row_cells(names: list[Hashable], values: list[Any]) -> Cells:
    """Return the cells of a row that count; values that are not finite are refused."""
    try:
        value = np.array(values, np.float64)
    except OverflowError:
        value = np.array([float("inf") if abs(v) > 1e308 else float(v) for v in values])
    start, column, value, bad = nonzero_cells(value.reshape(1, -1), False)
    if bad >= 0:
        raise _bad_value(names[bad], values[bad])
    return Cells(names, start, column, value)


def _within_reach(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Limit what could not be squared: above 1e100 is 1e100, below 1e-100 is 0."""
    return np.where(np.abs(value) < 1e-100, 0.0, np.clip(value, -1e100, 1e100))


def _bad_value(name: Hashable, value: object, where: str = "") -> DataError:
    was = repr(value)
    was = was if len(was) <= 60 else was[:57] + "..."
    return DataError(
        f"{where}feature {name!r} must be a finite number, it was {was}; "
        "mend the value or leave the feature out"
    )


def read_labels(y: Any) -> tuple[list[Hashable], list[Hashable]]:
    """Read the labels of one row: the names mentioned, and those that are true.

    Raises
    ------
    DataError
        ``y`` is neither a dict of label -> bool nor a collection of labels.
    """
    try:
        if isinstance(y, Mapping):
            for label, value in y.items():
                if not isinstance(value, _REAL) or (value != 0 and value != 1):
                    raise DataError(
                        f"label {label!r} must be True or False, it was {value!r}; "
                        "give one truth value per label"
                    )
            check_names(y, "label")
            return list(y), [label for label, value in y.items() if value]
        if isinstance(y, Set | list | tuple):
            labels = list(dict.fromkeys(y))
            check_names(labels, "label")
            labels.sort(key=own_order)
            return labels, labels
    except TypeError as error:
        raise DataError(f"a label must be hashable ({error}); use strings or tuples") from error
    raise DataError(
        f"the labels of a row must be a dict of label -> bool or a set of labels, "
        f"they were {type(y).__name__}; put a single label into a set, give arrays to learn_many"
    )


def read_table(table: Any, what: str) -> Cells:
    """Read an array, a DataFrame or a sparse matrix of numbers, (rows, columns).

    ``what`` is ``"X"`` or ``"y"``; columns of an array are named 0, 1, ...

    Raises
    ------
    DataError
        A cell is not a finite number (of y: not 0 or 1), or rows differ in length.
    UsageError
        The table has not two dimensions, or two columns of one name.
    """
    names: Sequence[Hashable]
    table = as_known_table(table, what)
    if sparse.issparse(table):
        return _read_sparse(table, what)
    array = as_array(table, what)
    names = list(table.columns) if hasattr(table, "columns") else range(array.shape[1])
    if not isinstance(names, range) and (twice := repeated(names)):
        raise UsageError(f"{what} has two columns named {twice[0]!r}; rename one")
    if what == "y" and not isinstance(names, range):
        check_names(names, "label")
    array = _numbers(array, what, names)
    start, column, value, bad = nonzero_cells(array, what == "y")
    if bad >= 0:
        row, place = divmod(bad, array.shape[1])
        raise _bad_cell(row, names[place], float(array[row, place]), what)
    return Cells(names, start, column, value)


def _read_sparse(table: Any, what: str) -> Cells:
    if table.ndim != 2:
        raise _not_two(what, table.ndim)
    matrix = table.tocsr()
    start, column = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    width = matrix.shape[1]
    if (
        (np.diff(start, prepend=0) < 0).any()
        or start[0] != 0
        or start[-1] > min(column.size, matrix.data.size)
        or column.min(initial=0) < 0
        or column.max(initial=-1) >= width
    ):
        raise UsageError(
            f"{what} is no sound sparse matrix: it points beyond itself; build it anew"
        )
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
        start, column = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    column = column[: start[-1]]  # a matrix may have room to spare
    names: Sequence[Hashable] = list(getattr(table, "columns", range(width)))
    if matrix.dtype.kind not in "biuf":
        raise UsageError(f"{what} must hold numbers, its dtype was {matrix.dtype}; convert it")
    with np.errstate(over="ignore"):
        value = matrix.data[: start[-1]].astype(np.float64)
    _check_cells(value, start, column, names, what)
    value = _within_reach(value)
    if not value.all():
        kept = np.flatnonzero(value)
        start = np.searchsorted(kept, start).astype(np.int64)
        column, value = column[kept], value[kept]
    return Cells(names, start, column, value)


def as_known_table(table: Any, what: str = "the table") -> Any:
    """Wrap a frame that only speaks the interchange protocol (``__dataframe__``), as pyarrow's."""
    if hasattr(table, "__dataframe__") and not hasattr(table, "to_numpy"):
        import narwhals
        from narwhals.exceptions import DuplicateError

        try:
            return narwhals.from_native(table, eager_only=True)
        except DuplicateError as error:
            raise UsageError(f"{what} has two columns of one name; rename one") from error
        except TypeError as error:  # a record batch of pyarrow, or a frame that is not computed yet
            raise _no_frame(table, what) from error
    lazy = hasattr(table, "collect") and not hasattr(table, "to_numpy")
    if lazy or (isinstance(table, Mapping) and not sparse.issparse(table)):
        raise _no_frame(table, what)
    return table


def frame_rows(frame: Any) -> list[dict[Hashable, Any]]:
    """Return the rows of a data frame as mappings; a missing cell is None."""
    table = as_known_table(frame, "X")
    names = list(table.columns)
    cells = zip(*(table[name].to_list() for name in names), strict=True)
    return [
        {name: None if value != value else value for name, value in zip(names, row, strict=True)}
        for row in cells
    ]


def _no_frame(table: Any, what: str) -> UsageError:
    kind = type(table).__name__
    return UsageError(
        f"{what} was a {kind}, which is no table of rows; make it a DataFrame, an array or a "
        "pyarrow Table first (collect() a lazy frame; give a single dict to learn_one)"
    )


def as_array(table: Any, what: str) -> NDArray[Any]:
    """Return what a person calls a table as an array of two dimensions, of any type.

    Raises
    ------
    DataError
        Rows differ in length, or cells are masked.
    UsageError
        It is no table.
    """
    try:
        array = table.to_numpy() if hasattr(table, "to_numpy") else np.asarray(table)
        if array.dtype.kind == "U" and isinstance(table, list):  # numpy makes text of all cells
            array = np.array(table, object)
    except ValueError as error:
        raise _ragged(table, what) from error
    except (TypeError, RuntimeError) as error:  # such as a tensor that wants its gradient
        raise UsageError(
            f"{what} cannot be read as an array ({error}); pass a plain one"
        ) from error
    if np.ma.is_masked(table):
        raise DataError(f"{what} has masked cells; fill them first, such as with filled(0)")
    if array.ndim == 1 and array.size and isinstance(array[0], Mapping | Set):
        raise UsageError(
            f"{what} was a list of {type(array[0]).__name__}s; give them to learn_one row by row, "
            "or make them a DataFrame"
        )
    if array.ndim != 2:
        raise _not_two(what, array.ndim)
    return array


def _not_two(what: str, dimensions: int) -> UsageError:
    return UsageError(
        f"{what} must have two dimensions (rows, columns), it had {dimensions}; "
        "a single row is a table of one row"
    )


def _ragged(table: Any, what: str) -> DataError:
    sizes = [len(row) if hasattr(row, "__len__") else 1 for row in table]
    row = next((i for i, size in enumerate(sizes) if size != sizes[0]), 0)
    return DataError(
        f"{what} row {row} (counting from 0) has {sizes[row]} values, row 0 has {sizes[0]}; "
        "give each row the same columns"
    )


def _numbers(array: NDArray[Any], what: str, names: Sequence[Hashable]) -> NDArray[np.float64]:
    if array.dtype.kind in "biuf":
        with np.errstate(over="ignore"):
            return np.require(array, np.float64, ("C", "W"))  # what compiled code takes as it is
    objects = array.dtype.kind == "O"
    for place in np.ndindex(array.shape) if objects else [(0, 0)] * bool(array.size):
        cell = array[place]
        if not _fits(cell):
            cell = cell.item() if isinstance(cell, np.generic) else cell
            raise DataError(
                f"{what} row {place[0]} (counting from 0): column {names[place[1]]!r} must be a "
                f"number, it was {cell!r}; encode text, and fill what is missing"
            )
    return array.astype(np.float64)


def _fits(cell: Any) -> bool:
    """Say whether an object is a number that float64 can hold."""
    if not isinstance(cell, _REAL) or isinstance(cell, np.timedelta64):
        return False
    try:
        float(cell)
    except OverflowError:
        return False
    return True


def _check_cells(
    value: NDArray[np.float64],
    start: NDArray[np.int64],
    column: NDArray[np.int64],
    names: Sequence[Hashable],
    what: str,
) -> None:
    good = np.isfinite(value) if what == "X" else (value == 1) | (value == 0)
    if good.all():
        return
    cell = int(np.flatnonzero(~good)[0])
    row = int(np.searchsorted(start, cell, "right")) - 1
    raise _bad_cell(row, names[int(column[cell])], float(value[cell]), what)


def _bad_cell(row: int, name: Hashable, was: float, what: str) -> DataError:
    where = f"row {row} (counting from 0): "
    if what == "X":
        return _bad_value(name, was, where)
    return DataError(f"{where}label {name!r} must be 0 or 1, it was {was!r}; mend or leave out")
