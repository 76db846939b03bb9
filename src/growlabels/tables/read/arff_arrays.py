"""ARFF files as arrays, dense and sparse, with the conventions of Mulan and MEKA."""

import itertools
import math
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from growlabels.base.errors import DataError, MissingExtraError, UsageError
from growlabels.tables.read.arff_header import (
    FALSE_WORDS,
    TRUE_WORDS,
    Attribute,
    choose_labels,
    split_cells,
    without_comment,
)
from growlabels.tables.read.arff_rows import Line, arff_lines, read_header, sparse_pairs
from growlabels.tables.rows import MalformedRow
from growlabels.tables.source import Source
from growlabels.tables.text import texts

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class MultiLabelData(NamedTuple):
    """A multi-label data set; unpacks as ``X, Y, feature_names, label_names``.

    Attributes
    ----------
    X
        Rows x features: a float64 array, or a SciPy CSR matrix where the file is sparse.
    Y
        Rows x labels, boolean.
    feature_names, label_names
        Names of the columns of ``X`` and ``Y``.
    """

    X: "np.ndarray | csr_matrix"
    Y: np.ndarray
    feature_names: list[str]
    label_names: list[str]


def read_arff(
    path: str | os.PathLike[str],
    labels: int | str | Path | Sequence[str] | Callable[[str], bool] | None = None,
    set_aside: Callable[[MalformedRow], None] | None = None,
    drop: Sequence[str] = (),
    published: Callable[[Path], int | None] | None = None,
) -> MultiLabelData:
    """Read a multi-label ARFF file as arrays.

    Parameters
    ----------
    path
        The file.
    labels
        Which attributes are labels: n > 0 the first n, n < 0 the last -n (MEKA's convention),
        their names, a function that says it of a name, or the path of a Mulan XML file. Without
        it: the XML file of the same name beside the file, else ``-C n`` in the relation name.
    set_aside
        Called with each row that cannot be read. Without it such a row raises.
    drop
        Names of attributes to leave out, as if they were not there; of any type.
    published
        Gives the label count of a file that does not say it itself; None where it is not known.

    Returns
    -------
    MultiLabelData
        ``X`` (rows, features): float64 array, NaN where a value is missing; SciPy CSR where the
        file is sparse. A nominal feature gives its number if all its values are numbers, else
        the place of its value in the declaration, from 0. ``Y`` (rows, labels): bool; int8 where
        some labels are not known (``?``), which are -1 there.

    Raises
    ------
    UsageError
        The file does not exist, nothing says which attributes are labels, or ``labels`` names one
        that is not there.
    DataError
        The file is not what it must be; the message names the line.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "small.arff"
    >>> header = "@relation 'small: -C -1'\\n@attribute a numeric\\n@attribute b {0,1}\\n"
    >>> _ = path.write_text(header + "@data\\n0.5,1\\n2,0\\n")
    >>> X, Y, feature_names, label_names = read_arff(path)
    >>> X.tolist(), Y.tolist(), feature_names, label_names
    ([[0.5], [2.0]], [[True], [False]], ['a'], ['b'])
    >>> folder.cleanup()
    """
    file = Path(path)
    source = Source(file)
    lines = arff_lines(texts(source.chunks(), "utf-8", source.name))
    relation, attributes, _ = read_header(lines, file.name)
    names = {attribute.name for attribute in attributes}
    if missing := [name for name in drop if name not in names]:
        raise UsageError(
            f"{file.name} has no attribute {missing[0][:40]!r} to drop; check the names"
        )
    kept = [i for i, attribute in enumerate(attributes) if attribute.name not in drop]
    for i in kept:
        attributes[i].check(file.name)
    # the file's own word is about all attributes, a person's about those that are left
    among = kept if labels is not None else range(len(attributes))
    chosen = choose_labels(relation, [attributes[i] for i in among], labels, file, published)
    columns = [among[i] for i in chosen if attributes[among[i]].name not in drop]
    return _Body(attributes, kept, columns, file.name, set_aside).read(lines)


class _Body:
    """Reads the rows after ``@data``; inside, what is wrong with a row is a ``ValueError``."""

    def __init__(
        self,
        attributes: list[Attribute],
        kept: list[int],
        labels: list[int],
        source: str,
        set_aside: Callable[[MalformedRow], None] | None,
    ) -> None:
        self._attributes = attributes
        self._labels = labels
        chosen = set(labels)
        self._features = [i for i in kept if i not in chosen]
        self._kept = kept
        self._source = source
        self._set_aside = set_aside

    def read(self, lines: Iterator[Line]) -> MultiLabelData:
        first = next(lines, None)
        if first is None:
            raise DataError(f"{self._source} has no rows after @data; is it whole?")
        self._first_refused = ""
        sparse = first.text.startswith("{")
        self._convert = {column: self._converter(column, sparse) for column in self._kept}
        names = [attribute.name for attribute in self._attributes]
        rows = itertools.chain([first], lines)
        X, Y = self._sparse(rows) if sparse else self._dense(rows)
        if not len(Y):
            raise DataError(
                f"{self._source} has no row that can be used; the first, {self._first_refused}"
            )
        return MultiLabelData(
            X, Y, [names[i] for i in self._features], [names[i] for i in self._labels]
        )

    def _refuse(self, number: int, line: str, error: ValueError) -> None:
        if self._set_aside is None:
            raise DataError(
                f"{self._source} line {number}: {error}; mend or remove the row"
            ) from error
        self._first_refused = self._first_refused or f"line {number}: {error}"
        self._set_aside(MalformedRow(number, str(error), line))

    def _converter(self, column: int, sparse: bool) -> dict[str, float] | None:
        """Return value -> number of a nominal column; None for a numeric one."""
        attribute = self._attributes[column]
        if column in set(self._labels):
            if attribute.values is None:
                words = {**dict.fromkeys(TRUE_WORDS, 1.0), **dict.fromkeys(FALSE_WORDS, 0.0)}
                return words
            return {v: float(t) for v, t in attribute.truths(self._source).items()}
        return None if attribute.values is None else attribute.codes(sparse)

    def _dense(self, rows: Iterator[Line]) -> tuple[np.ndarray, np.ndarray]:
        values = array("d")
        width = len(self._attributes)
        for number, line, _ in rows:
            try:
                values.extend(self._dense_row(line, width))
            except ValueError as error:
                self._refuse(number, line, error)
        table = np.frombuffer(values, dtype=np.float64).reshape(-1, len(self._kept))
        is_label = np.isin(self._kept, self._labels)
        return table[:, ~is_label].copy(), _truths(table[:, is_label])

    def _dense_row(self, line: str, width: int) -> list[float]:
        if line.startswith("{"):
            raise ValueError("dense and sparse rows are mixed: those before are dense")
        cells = split_cells(without_comment(line))
        if len(cells) != width:
            raise ValueError(f"has {len(cells)} values for {width} attributes")
        return [self._value(column, cells[column]) for column in self._kept]

    def _value(self, column: int, cell: str) -> float:
        codes = self._convert[column]
        if codes is not None:
            value = codes.get(cell)
            if value is not None:
                return value
        elif cell != "?" and "_" not in cell:
            try:
                value = float(cell)
            except ValueError:
                value = math.nan
            if math.isfinite(value):
                return value
        return self._odd_value(column, cell)

    def _odd_value(self, column: int, cell: str) -> float:
        """Deal with what is rare: a missing value, another spelling of a number, an error."""
        attribute = self._attributes[column]
        is_label = column in set(self._labels)
        if cell == "?":
            return math.nan
        for value, code in (self._convert[column] or {}).items():
            if _same_number(value, cell):
                return code
        if is_label:
            must = "is a label and must be present or absent (1 or 0)"
        elif attribute.values is None:
            must = "must be a finite number (? where it is missing)"
        else:
            must = f"must be one of its {len(attribute.values)} values"
        raise ValueError(f"attribute {attribute.name!r} {must}, it was {cell[:40]!r}")

    def _sparse(self, rows: Iterator[Line]) -> "tuple[csr_matrix, np.ndarray]":
        try:
            from scipy.sparse import csr_matrix
        except ModuleNotFoundError as error:
            raise MissingExtraError.of("scipy", "stream") from error
        place = {column: i for i, column in enumerate(self._features)}
        label_place = {column: i for i, column in enumerate(self._labels)}
        values, indices, ends = array("d"), array("q"), array("q", [0])
        present = []
        absent = np.array([self._left_out(column) for column in self._labels], float)
        for number, line, _ in rows:
            try:
                pairs = sorted(self._pairs(line).items())
            except ValueError as error:
                self._refuse(number, line, error)
                continue
            y = absent.copy()
            for column, value in pairs:
                if column in label_place:
                    y[label_place[column]] = value
                elif value != 0:
                    indices.append(place[column])
                    values.append(value)
            ends.append(len(indices))
            present.append(y)
        X = csr_matrix(
            (np.array(values), np.array(indices), np.array(ends)),
            shape=(len(present), len(self._features)),
        )
        return X, _truths(np.array(present))

    def _left_out(self, column: int) -> bool:
        """Return what a label left out of a sparse row means: its first declared value."""
        values = self._attributes[column].values
        codes = self._convert[column]
        return bool(values and codes and codes[values[0]])

    def _pairs(self, line: str) -> dict[int, float]:
        if not line.startswith("{"):
            raise ValueError("dense and sparse rows are mixed: those before are sparse")
        pairs = {}
        for column, value in sparse_pairs(without_comment(line), len(self._attributes)):
            kept = column in self._convert
            pairs[column] = self._value(column, value) if kept else 0.0
        return pairs


def _truths(values: np.ndarray) -> np.ndarray:
    """Return truth values as bool; as int8 where some are not known (NaN), with -1 for these."""
    unknown = np.isnan(values)
    there = values != 0
    return np.where(unknown, np.int8(-1), there.astype(np.int8)) if unknown.any() else there


def _same_number(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return False
