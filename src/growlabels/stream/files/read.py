"""Streams from files and standard input, with the label columns that the caller names."""

import math
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.datasets import load_arff
from growlabels.stream.files.columns import COUNT, Choice, listed
from growlabels.stream.files.features import hint_at_words, json_features, text_features
from growlabels.stream.files.keys import LOOKED_AT, Keys
from growlabels.stream.files.labels import TRUTH, Labels, LabelTruths
from growlabels.stream.files.refused import Refused
from growlabels.stream.rows.array_rows import ArrayRows
from growlabels.stream.rows.inputs import Inputs
from growlabels.stream.rows.text import TextFeatures
from growlabels.tables import Row, SetAside, Table, number, open_table

LabelRow = tuple[dict[str, float], LabelTruths | None]
"""Features and labels of a row; None: the labels are not known yet."""
STANDARD_INPUT = "standard input"
_NO_LABELS = (
    "{} does not say which {} are labels; pass --labels with a count (the last n), first-n, "
    "prefix:..., or names"
)


def read_stream(
    path: str | os.PathLike[str],
    labels: str | None = None,
    set_aside: SetAside | None = None,
    text: str | None = None,
    drop: str | None = None,
    encoding: str = "utf-8",
    label_separator: str | None = None,
    say: Callable[[str], None] | None = None,
    kind: TextFeatures = "ngrams",
) -> ArrayRows | Iterator[LabelRow]:
    """Read a file as a stream of (features, labels).

    Parameters
    ----------
    path
        What :func:`growlabels.tables.open_table` takes: CSV, JSON lines, JSON, Parquet, Arrow, XMC
        or ARFF, packed or not, a folder of them, or ``-`` for standard input. Rows of JSON are
        ``{"x": {...}, "y": [...]}``, or flat with ``labels``. Rows are read while the stream runs,
        but those of ARFF and of CSV with columns of 0 and 1 and without text, which are read whole.
    labels
        Which columns are labels: ``"14"`` the last 14, ``"first-14"``, ``"prefix:tag_"``, names
        with commas between (a name that holds a comma in double quotes; ``meta.tags`` is a key
        inside a key), or for ARFF the path of a Mulan XML file. None: what an ARFF file says of
        itself, or the ``y`` of the rows. A column may hold 0 and 1, a list, or text that holds
        several labels.
    set_aside
        Called with each row that cannot be used. Without it such a row raises.
    text
        Names of columns or keys, with commas between, that hold text (not of ARFF).
    drop
        Names of columns or keys to leave out, with commas between.
    encoding
        Of files of text.
    label_separator
        What stands between labels in one cell; empty: a cell is one label. None: found out.
    say
        Takes sentences on what was found out about the file.
    kind
        Features of a text; see :func:`growlabels.stream.rows.text.count_features`.

    Raises
    ------
    UsageError
        The file or a column does not exist, its kind is unknown, or nothing says what the labels
        are.
    DataError
        The file is empty, or a row is malformed.
    """
    if not isinstance(labels, str | None):
        raise UsageError.parameter("labels", "must be text such as '14' or 'a,b'", labels)
    refused = Refused(set_aside)
    table = open_table(path, encoding=encoding, set_aside=refused.add if set_aside else None)
    say = say or _unsaid
    for note in table.notes:
        say(f"{table.name}: {note}")
    if table.format == "arff" and not table.one_pass:
        if text is not None:
            must = "is for CSV, JSON and Parquet, not for ARFF"
            raise UsageError.parameter("text", must, text, "convert the file")
        return _arff(Path(path), labels, drop, set_aside)
    columns = table.columns
    if columns is not None:
        _require_columns(columns, labels, table)
    keys = Keys(Choice(labels, text, drop), columns, table.name)
    names = Labels(table, keys, label_separator, say)
    if table.format != "csv":
        return _mapping_rows(table, keys, names, refused, kind)
    if not keys.texts and names.are_truths and not table.one_pass:
        return _arrays(table, keys, refused)
    return _cell_rows(table, keys, names, refused, kind)


def inputs_of(
    path: str | os.PathLike[str],
    labels: str | None,
    text: str | None,
    drop: str | None,
    encoding: str = "utf-8",
    kind: TextFeatures = "ngrams",
) -> Inputs | None:
    """Return what turns the rows of a file into features, for a model to keep.

    Takes what :func:`read_stream` takes. None for standard input without named columns, for ARFF
    and for rows of ``x`` and ``y``, whose features are numbers.
    """
    if str(path) == "-":  # only what is named is known before the rows are read
        counted = labels is None or COUNT.fullmatch(labels) or labels.startswith("prefix:")
        named = None if counted else labels
        texts, dropped, names = ([] if n is None else listed(n) for n in (text, drop, named))
        return Inputs(texts, dropped, names, kind)
    table = open_table(path, encoding=encoding)
    if table.format in ("arff", "xmc"):
        return None
    keys = Keys(Choice(labels, text, drop), table.columns, table.name)
    if keys.nested and not keys.texts and not keys.dropped:
        return None
    chosen = set(keys.labels)
    if not chosen and not keys.nested:
        chosen = {key for row in table.head(LOOKED_AT) for key in keys.split(row.data)[1]}
    return Inputs(sorted(keys.texts), sorted(keys.dropped), sorted(chosen), kind)


def _unsaid(_: str) -> None:
    """Take a sentence that nobody asked for."""


def _require_columns(columns: Sequence[str], labels: str | None, table: Table) -> None:
    """Raise where a table with columns cannot be split."""
    if labels is None and not {"x", "y"} <= set(columns):
        raise UsageError(_NO_LABELS.format(table.name, "columns"))
    if len(columns) == 1 and table.format == "csv":
        raise DataError(
            f"{table.name} has one column only, {columns[0][:40]!r}; it needs features and labels, "
            "with commas, tabs, semicolons or bars between"
        )


def _arff(
    path: Path, labels: str | None, drop: str | None, set_aside: SetAside | None
) -> ArrayRows | Iterator[LabelRow]:
    chosen: Any = labels
    if labels is not None and not labels.endswith(".xml"):
        counted = COUNT.fullmatch(labels)
        if counted:
            chosen = int(counted[2]) * (1 if counted[1] == "first-" else -1)
        elif labels.startswith("prefix:"):
            prefix = labels.removeprefix("prefix:")
            chosen = lambda name: name.startswith(prefix)  # noqa: E731
        else:
            chosen = listed(labels)
    try:
        X, Y, features, names = load_arff(path, chosen, set_aside, listed(drop) if drop else ())
    except UsageError as error:
        if labels is None:
            raise UsageError(_NO_LABELS.format(path.name, "attributes")) from error
        raise
    if isinstance(X, np.ndarray):
        X = np.nan_to_num(X, nan=0.0)  # "?": a missing feature is the same as one that is zero
    if Y.dtype != bool:
        return rows_by_name(X, Y, features, names)
    return ArrayRows(X, Y, features, names)


def _mapping_rows(
    table: Table, keys: Keys, names: Labels, refused: Refused, kind: TextFeatures
) -> Iterator[LabelRow]:
    """Yield rows of JSON, Parquet, Arrow and XMC."""
    count, used = 0, False
    for row in table:
        if count == LOOKED_AT:
            keys.check(count)
        count += 1
        try:
            x, labels = keys.split(row.data)
            texts = {name: keys.text_of(row.data, x, name) for name in keys.texts}
            features, y = json_features(x, texts, kind), names.read(labels)
        except ValueError as error:
            refused(table, row.number, error, row.data)
            continue
        used = True
        yield features, y
    if not used:
        raise refused.all(table)
    keys.check(count)


def _cell_rows(
    table: Table, keys: Keys, names: Labels, refused: Refused, kind: TextFeatures
) -> Iterator[LabelRow]:
    """Yield rows of CSV by name."""
    cells, used = _Cells(table, keys), False
    for row in table:
        try:
            x = dict(zip(cells.features, cells.numbers(row), strict=True))
            texts = {name: row.data[name] for name in cells.texts}
            words = text_features(texts, cells.columns, kind)
            labels = {name: row.data[name] for name in cells.labels}
            y = names.read(labels) if not names.are_truths else cells.truths_by_name(row)
        except ValueError as error:
            refused(table, row.number, error, row.raw)
            continue
        used = True
        yield x | words, y
    if not used:
        raise refused.all(table)


def _arrays(table: Table, keys: Keys, refused: Refused) -> ArrayRows | Iterator[LabelRow]:
    """Read CSV with columns of numbers, and of 0 and 1, whole; by name where labels are unknown."""
    cells = _Cells(table, keys)
    values, there = array("d"), array("b")
    for row in table:
        try:
            x, y = cells.numbers(row), cells.truths(row)
        except ValueError as error:
            refused(table, row.number, error, row.raw)
            continue
        values.extend(x)
        there.extend(-1 if known is None else known for known in y)
    if not there:
        raise refused.all(table)
    X = np.frombuffer(values).reshape(-1, len(cells.features))
    Y = np.frombuffer(there, np.int8).reshape(len(X), -1)
    if (Y >= 0).all():
        return ArrayRows(X, Y != 0, cells.features, cells.labels)
    return rows_by_name(X, Y, cells.features, cells.labels)


def rows_by_name(
    X: Any, Y: NDArray[np.int8], features: list[str], labels: Sequence[str]
) -> Iterator[LabelRow]:
    """Yield the rows of arrays by name; -1 in ``Y`` is a label that is not known yet."""
    for row, y in enumerate(Y.tolist()):
        known = {n: None if t < 0 else bool(t) for n, t in zip(labels, y, strict=True)}
        unknown = all(there is None for there in known.values())
        if isinstance(X, np.ndarray):
            x: dict[str, float] = dict(zip(features, X[row].tolist(), strict=True))
        else:
            held = slice(X.indptr[row], X.indptr[row + 1])
            places = X.indices[held].tolist()
            x = dict(zip([features[i] for i in places], X.data[held].tolist(), strict=True))
        yield x, None if unknown else known


class _Cells:
    """Reads the cells of a CSV row as numbers and truth values.

    Attributes
    ----------
    columns, features, labels, texts
        Names of all columns that are not dropped, and of each kind.
    """

    def __init__(self, table: Table, keys: Keys) -> None:
        columns = table.columns or []
        self.columns = [name for name in columns if not keys.is_dropped(name)]
        self.labels = [name for name in self.columns if keys.is_label(name)]
        self.texts = [name for name in self.columns if name in keys.texts]
        other = {*self.labels, *self.texts}
        self.features = [name for name in self.columns if name not in other]
        self._commas = table.decimal_commas
        if not self.features and not self.texts:
            raise DataError(f"{table.name} has label columns only; it needs at least one feature")

    def numbers(self, row: Row) -> list[float]:
        """Return the features; an empty cell is a missing feature, which is the same as zero."""
        data = row.data
        try:
            found = [float(data[name] or 0.0) for name in self.features]
        except ValueError:
            return self._numbers_one_by_one(data)
        if not math.isfinite(sum(found)) or "_" in row.raw:
            return self._numbers_one_by_one(data)
        return found

    def _numbers_one_by_one(self, data: Any) -> list[float]:
        found = []
        for name in self.features:
            try:
                value = number(data[name], name in self._commas)
            except ValueError as error:
                hint = hint_at_words(data[name])
                raise ValueError(f"column {name!r} {error}{hint}") from error
            found.append(0.0 if value is None else value)
        return found

    def truths(self, row: Row) -> list[bool | None]:
        """Return whether each label is there; an empty cell is a label that is not known yet."""
        data = row.data
        found: list[bool | None] = [TRUTH.get(data[name]) for name in self.labels]
        if None not in found:
            return found
        for place, name in enumerate(self.labels):
            cell = (data[name] or "").strip()
            found[place] = TRUTH.get(cell.lower())
            if found[place] is None and cell:
                raise ValueError(f"label {name!r} must be 0 or 1, it was {cell[:40]!r}")
        if not any(data.values()):
            raise ValueError("has no value in any cell")
        return found

    def truths_by_name(self, row: Row) -> LabelTruths | None:
        """Return label -> whether it is there; None where no label is known yet."""
        found = dict(zip(self.labels, self.truths(row), strict=True))
        return None if all(there is None for there in found.values()) else found
