"""Labels as people give them -> one array of one type, and the columns of a classifier."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import column_or_1d

from growlabels.base.errors import DataError, UsageError
from growlabels.base.labels import LabelMap, found_again

KINDS: Mapping[str, Callable[[Any], bool]] = {
    "booleans": lambda value: isinstance(value, bool | np.bool_),
    "whole numbers": lambda value: isinstance(value, Integral),
    "numbers": lambda value: isinstance(value, Real),
    "strings": lambda value: isinstance(value, str),
    "tuples": lambda value: isinstance(value, tuple),
}
"""Kinds of labels; a value is of the first that fits."""


def as_labels(y: Any, name: str = "y") -> NDArray[Any]:
    """Return labels as a one-dimensional array that keeps their type.

    Whole numbers stay whole at any width: an array of Python integers holds those that numpy's
    do not. Tuples stay tuples.

    Parameters
    ----------
    y
        A sequence, an array, a series or a column of pandas, polars or pyarrow.
    name
        What error messages call it.

    Raises
    ------
    UsageError
        ``y`` is a set or a mapping, whose order is not that of the rows, or no sequence.
    DataError
        A label is missing (None, NaN, NaT, NA), or labels are of several kinds.
    ValueError
        ``y`` has several columns: scikit-learn's sentence.

    Examples
    --------
    >>> as_labels([2**63 + 1, 5]).tolist(), as_labels([("a", 1), ("b", 2)]).tolist()
    ([9223372036854775809, 5], [('a', 1), ('b', 2)])
    """
    if not hasattr(y, "__iter__") and hasattr(y, "__array__"):
        y = np.asarray(y)
    if isinstance(y, set | frozenset | Mapping | str) or not hasattr(y, "__iter__"):
        raise UsageError(
            f"{name} must be a list of labels in order, it was of type {type(y).__name__}"
        )
    if not isinstance(getattr(y, "dtype", None), np.dtype) and getattr(y, "ndim", 1) != 2:
        return _from_values(_values(y), name)
    array = column_or_1d(y, dtype=None, warn=True)
    if array.dtype.kind == "O":
        return _from_values(array.tolist(), name)
    _refuse_missing(array if array.dtype.kind in "fM" else (), name)
    return _finite(array, name)


def kind_of(labels: NDArray[Any]) -> str:
    """Return the kind of labels that an array holds, for comparison and for messages.

    >>> kind_of(np.array([1.0])), kind_of(np.array(["a"])), kind_of(as_labels([2**70]))
    ('numbers', 'strings', 'numbers')
    """
    if labels.dtype.kind in "iuf":
        return "numbers"
    if labels.dtype.kind == "O":
        found = _kind(labels[0]) if len(labels) else "numbers"
        return "numbers" if found == "whole numbers" else found
    return {"b": "booleans", "U": "strings"}.get(labels.dtype.kind, str(labels.dtype))


def check_kind(name: str, labels: NDArray[Any], known: NDArray[Any]) -> None:
    """Refuse labels of another kind than those that a classifier knows."""
    was, own = kind_of(labels), kind_of(known)
    if len(labels) and was != own:
        raise UsageError(
            f"{name} must hold labels like those of fit, {own}, it holds {was}; convert them"
        )


def distinct(labels: NDArray[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """Return the different labels, sorted, and the place of each row's label among them.

    >>> distinct(as_labels([("b", 1), ("a", 2), ("b", 1)]))
    ([('a', 2), ('b', 1)], array([1, 0, 1]))
    """
    if labels.dtype.kind != "O":
        found, place = np.unique(labels, return_inverse=True)
        return found.tolist(), place
    values = labels.tolist()
    ordered = _sorted(dict.fromkeys(values))
    place_of = {label: place for place, label in enumerate(ordered)}
    return ordered, np.array([place_of[value] for value in values], np.int64)


@dataclass(frozen=True)
class Columns:
    """The order in which a classifier shows its classes: sorted, without retired ones.

    Attributes
    ----------
    labels
        ``(columns,)``, sorted.
    index
        ``(columns,)``, the place of each in the codebook: the order in which labels came.
    column
        Column of each place in the codebook, -1 where its label is retired.
    """

    labels: NDArray[Any]
    index: NDArray[np.int64]
    column: NDArray[np.int64]

    @classmethod
    def of(cls, labels: LabelMap, count: int, dtype: np.dtype[Any]) -> "Columns":
        """Order the first ``count`` labels of a codebook."""
        kept = np.setdiff1d(np.arange(count), labels.removed)
        values = [labels[place] for place in kept.tolist()]
        array = array_of(values, dtype)
        if array.dtype.kind == "O":
            place_of = {label: place for place, label in enumerate(values)}
            order = np.array([place_of[label] for label in _sorted(values)], np.int64)
        else:
            order = np.argsort(array, kind="stable")
        column = np.full(count, -1)
        column[kept[order]] = np.arange(len(kept))
        return cls(array[order], kept[order], column)

    def in_order(self, values: Any) -> Any:
        """Return an array or tensor ``(rows, labels of the codebook)`` in these columns."""
        if len(self.index) == len(self.column) and bool((np.diff(self.index) > 0).all()):
            return values
        return values[:, self.index]


def joined_type(old: LabelMap, dtype: np.dtype[Any], added: NDArray[Any]) -> np.dtype[Any]:
    """Return the type that holds old labels of one type and further ones."""
    if dtype.kind not in "iuO" or dtype == added.dtype:
        return dtype
    return _from_values([*old, *added.tolist()], "y").dtype


def _values(y: Any) -> list[Any]:
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(y, method):
            return getattr(y, method)()
    return list(y)


def _from_values(values: Sequence[Any], name: str) -> NDArray[Any]:
    if any(isinstance(value, list | np.ndarray) for value in values):
        return column_or_1d(np.asarray(values), warn=True)
    _refuse_missing(values, name)
    kinds = {type(value): _kind(value) for value in values}
    _refuse_mixture(values, kinds, name)
    if set(kinds.values()) <= {"tuples"} and kinds:
        _refuse_odd_tuples(values, name)
        return array_of(values, np.dtype(object))
    if "numbers" in kinds.values():
        _finite(np.asarray(values, float), name)
    if "whole numbers" in kinds.values() and all(value == int(value) for value in values):
        return _whole([int(value) for value in values])
    if any(isinstance(value, str) and value.endswith("\0") for value in values):
        return array_of(values, np.dtype(object))  # numpy's strings end before it
    return column_or_1d(np.asarray(values))


def _finite(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return labels, unless one is infinite."""
    if array.dtype.kind == "f" and np.isinf(array).any():
        raise DataError(f"{name}[{int(np.isinf(array).argmax())}] is infinite; correct the label")
    return array


def _kind(value: Any) -> str:
    return next((kind for kind, fits in KINDS.items() if fits(value)), type(value).__name__)


def _whole(values: list[int]) -> NDArray[Any]:
    """Return integers in the narrowest type of 64 bits or more that holds them all."""
    for kind in (np.int64, np.uint64):
        bounds = np.iinfo(kind)
        if bounds.min <= min(values) and max(values) <= bounds.max:
            return np.array(values, kind)
    return array_of(values, np.dtype(object))


def array_of(values: Sequence[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return labels as an array of their type."""
    if dtype.kind == "O":
        return np.fromiter(values, object, len(values))
    return np.array(values, np.dtype("U") if dtype.kind == "U" else dtype)


def _sorted(values: Iterable[Any]) -> list[Any]:
    kept = list(values)
    try:
        return sorted(kept)
    except TypeError:  # tuples whose parts are of several types
        return sorted(kept, key=lambda label: [(type(part).__name__, str(part)) for part in label])


def _refuse_missing(values: Iterable[Any], name: str) -> None:
    missing = next((i for i, value in enumerate(values) if is_missing(value)), None)
    if missing is not None:
        raise DataError(f"{name}[{missing}] is missing; fill it in or leave the row out")


def _refuse_mixture(values: Sequence[Any], kinds: Mapping[type, str], name: str) -> None:
    found = set(kinds.values())
    if len(found) < 2 or found == {"whole numbers", "numbers"}:
        return
    first = kinds[type(values[0])]
    other = next(i for i, value in enumerate(values) if kinds[type(value)] != first)
    raise DataError(
        f"{name} mixes {first} and {kinds[type(values[other])]}: {name}[0] is {values[0]!r}, "
        f"{name}[{other}] is {values[other]!r}; give all labels one type"
    )


def _refuse_odd_tuples(values: Sequence[Any], name: str) -> None:
    for row, value in enumerate(values):
        if not found_again(value) or any(is_missing(part) for part in value):
            raise DataError(
                f"{name}[{row}] must be a tuple of strings and numbers, none of them missing, it "
                f"was {value!r}"
            )


def is_missing(value: Any) -> bool:
    """Say whether a value is None, NaN or NaT, or ``pandas.NA``."""
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    if isinstance(value, np.datetime64):
        return bool(np.isnat(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")
