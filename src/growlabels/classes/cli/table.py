"""Tables of any kind, by column."""

import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.inputs.labels import as_labels
from growlabels.tables import Row, Table, open_table

if TYPE_CHECKING:
    from growlabels.classes.inputs.frames import MixedRows

_PADDED = re.compile(r"0\d+")
_NAMELESS = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
LARGEST = 1e100  # number that is read; squares of larger ones overflow


@dataclass(frozen=True)
class DataTable:
    """A table that was read whole.

    Attributes
    ----------
    name
        The file, for messages.
    columns
        Column name -> values, equally many; missing ones are None.
    numbers
        1-based place of each row in the file (its line, in JSONL and CSV).
    class_labels
        Columns of a Hugging Face dataset in which a missing label means "no label".
    """

    name: str
    columns: dict[str, list[Any]]
    numbers: list[int]
    class_labels: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.numbers)

    def column(self, name: str) -> list[Any]:
        """Return a column; a wrong name is a ``UsageError`` that lists those that exist."""
        if name not in self.columns:
            known = ", ".join(map(repr, self.columns))
            raise UsageError(f"{self.name} has no column {name!r}; it has {known}")
        return self.columns[name]

    def labelled(self, name: str) -> "tuple[DataTable, int]":
        """Return the rows of a dataset that have a label, and how many have none.

        Only a dataset's own "no label" counts: an empty cell elsewhere is an error of
        :meth:`labels`.
        """
        if name not in self.class_labels:
            return self, 0
        kept = [place for place, value in enumerate(self.column(name)) if value is not None]
        return self.at(kept), len(self) - len(kept)

    def at(self, places: Sequence[int]) -> "DataTable":
        """Return the rows at some places."""
        columns = {key: [values[i] for i in places] for key, values in self.columns.items()}
        return replace(self, columns=columns, numbers=[self.numbers[i] for i in places])

    def texts(self, name: str, empty: bool = False) -> list[str]:
        """Return a column of strings; numbers become their text, and missing ones "" if allowed."""
        values = [None if _is_nan(value) else value for value in self.column(name)]
        if empty:
            values = ["" if value is None else value for value in values]
        self._complete(name, values)
        self._single(name, values)
        return [value if isinstance(value, str) else str(value) for value in values]

    def labels(self, name: str) -> NDArray[Any]:
        """Return a column of labels: whole numbers where all are, else strings."""
        values = [None if value == "" or _is_nan(value) else value for value in self.column(name)]
        self._complete(name, values)
        self._single(name, values)
        values = [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]
        if all(type(value) is int for value in values):
            return as_labels(values, name)
        return np.array([str(value) for value in values])

    def matrix(
        self, names: Sequence[str], widths: Mapping[str, int] | None = None
    ) -> NDArray[np.float64]:
        """Return columns of numbers, or of vectors of numbers, side by side.

        A missing value is NaN, and so is all of a missing vector. ``widths`` says how many
        numbers the cells of a column must hold; without it, the first cell does.
        """
        known = widths or {}
        parts = [self._numbers(name, known.get(name)) for name in names]
        return np.concatenate([np.zeros((len(self), 0)), *parts], axis=1)

    def widths(self, names: Sequence[str]) -> dict[str, int]:
        """Return how many numbers a cell of each column holds."""
        return {name: self._numbers(name, None).shape[1] for name in names}

    def mixed(
        self,
        words: Sequence[str],
        numbers: Sequence[str],
        widths: Mapping[str, int] | None = None,
    ) -> "MixedRows":
        """Return columns of words, "" where one is missing, and columns of numbers."""
        from growlabels.classes.inputs.frames import MixedRows

        for name in words:
            self._single(name, self.column(name))
        strings = {
            name: ["" if value is None else str(value) for value in self.column(name)]
            for name in words
        }
        return MixedRows(strings, self.matrix(numbers, widths), tuple(numbers))

    def _numbers(self, name: str, width: int | None) -> NDArray[np.float64]:
        vectors = [_vector(value) for value in self.column(name)]
        wanted = "the rows before" if width is None else "the model was fitted on"
        if width is None:
            width = next((len(vector) for vector in vectors if vector is not None), 1)
        matrix = np.full((len(self), width), np.nan)
        for row, (value, vector) in enumerate(zip(self.columns[name], vectors, strict=True)):
            if value is None:
                continue
            where = f"{self.name} row {self.numbers[row]}: column {name!r}"
            if vector is None or (np.abs(vector) > LARGEST).any():
                raise DataError(
                    f"{where} must hold finite numbers up to {LARGEST:g}, it was {_short(value)}; "
                    "leave the column out with --columns"
                )
            if len(vector) != width:
                raise DataError(
                    f"{where} holds {len(vector)} numbers, {wanted} {width}; correct the row"
                )
            matrix[row] = vector
        return matrix

    def odd_cell(self, name: str) -> tuple[int, Any] | None:
        """Return row and value of the first cell without a number, where most hold one."""
        places = [i for i, value in enumerate(self.columns[name]) if value is not None]
        odd = [i for i in places if _vector(self.columns[name][i]) is None]
        if not odd or 2 * len(odd) > len(places):
            return None
        return self.numbers[odd[0]], self.columns[name][odd[0]]

    def numeric(self, without: str) -> list[str]:
        """Name the columns that hold numbers or vectors wherever they hold anything."""
        return [
            name
            for name, values in self.columns.items()
            if name != without
            and any(value is not None for value in values)
            and all(value is None or _vector(value) is not None for value in values)
        ]

    def not_numbers(self, names: Sequence[str]) -> dict[str, str]:
        """Return columns of numbers that are no measured values, each with what it is."""
        found = {}
        for name in names:
            values = [value for value in self.column(name) if value is not None]
            code = next((v for v in values if isinstance(v, str) and _PADDED.fullmatch(v)), None)
            if code is not None:
                found[name] = f"holds codes with leading zeros, such as {code!r}"
            elif _NAMELESS.fullmatch(name) and _counts(values):
                found[name] = "is a running number without a name"
        return found

    def _single(self, name: str, values: list[Any]) -> None:
        """Refuse what is neither text nor a number."""
        for number, value in zip(self.numbers, values, strict=True):
            if isinstance(value, list | dict):
                raise DataError(
                    f"{self.name} row {number}: column {name!r} must hold text or numbers, it was "
                    f"{_short(value)}; write it as one value"
                )

    def _complete(self, name: str, values: list[Any]) -> None:
        if None in values:
            row, empty = self.numbers[values.index(None)], values.count(None)
            more = f", as in {empty - 1:,} more" if empty > 1 else ""
            raise DataError(
                f"{self.name} row {row}: column {name!r} is empty{more}; fill it in or remove the "
                "row"
            )


def read_table(path: str | os.PathLike[str], encoding: str = "utf-8") -> DataTable:
    """Read a table of any kind whole, as :func:`growlabels.tables.open_table` does.

    An empty or blank cell of CSV is missing.

    Raises
    ------
    UsageError
        The file does not exist, or is of no known kind.
    DataError
        It is empty, or a row is broken: the message names its line.
    """
    table = open_table(path, encoding=encoding)
    return by_column(table, table)


def by_column(table: Table, rows: Iterable[Row]) -> DataTable:
    """Return the rows of a table, all of them, by column; see :func:`read_table`."""
    read = [(row.number, row.data) for row in rows]
    if not read:
        raise DataError(f"{table.name} holds no rows")
    names = table.columns or list(dict.fromkeys(name for _, row in read for name in row))
    columns = {name: [row.get(name) for _, row in read] for name in names}
    if table.format == "csv":
        columns = {
            name: _cells(cells, name in table.decimal_commas) for name, cells in columns.items()
        }
    return DataTable(table.name, columns, [number for number, _ in read], table.class_labels)


def _cells(cells: list[Any], decimal_comma: bool) -> list[Any]:
    """Return cells of CSV, None where they are blank, with points for decimal commas."""
    return [
        None
        if cell is None or not cell.strip()
        else cell.replace(",", ".")
        if decimal_comma
        else cell
        for cell in cells
    ]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _counts(values: list[Any]) -> bool:
    """Say whether values are whole numbers that are all different and ascend."""
    numbers = [_number(value) for value in values]
    if not numbers or any(number is None or number % 1 for number in numbers):
        return False
    return all(one < other for one, other in pairwise(cast("list[float]", numbers)))


def _vector(value: object) -> list[float] | None:
    """Return a number as a vector of one, a list of numbers (in CSV: ``[0.5, 1]``) as it is."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    numbers = [_number(one) for one in (value if isinstance(value, list | tuple) else [value])]
    return [n for n in numbers if n is not None] if numbers and None not in numbers else None


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def _number(value: object) -> float | None:
    if isinstance(value, bool | int | float | Decimal):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None
