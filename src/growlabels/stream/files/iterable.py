"""A stream from any iterable: rows of any shape become (features, labels), checked one by one."""

import os
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from typing import Any

from growlabels.base.errors import DataError, UsageError
from growlabels.stream.files.read import LabelRow, read_stream
from growlabels.stream.rows.array_rows import ArrayRows
from growlabels.stream.rows.tables import read_labels, read_row
from growlabels.stream.rows.text import TextFeatures
from growlabels.tables import MalformedRow

Labels = Collection[Hashable] | Callable[[Hashable], bool] | None


class Stream:
    """Rows of any iterable as pairs (features, labels), each checked when its turn comes.

    Nothing is held: the iterable may be endless, and is read once unless it can be read again.

    Parameters
    ----------
    rows
        Pairs (x, y); or mappings with the keys ``x`` and ``y``; or, with ``labels``, flat mappings.
        x: feature -> finite number, None where it is missing. y: label -> bool, or a collection of
        the labels that are present, which may be empty. Labels are any hashable.
    labels
        Which keys of a flat mapping are labels: their names, or a function that says it of a name.
    set_aside
        Called with each row that cannot be used; its number counts from 0. Without it such a row
        raises.

    Raises
    ------
    DataError
        While iterating: a row is not what it must be; the message says which.

    Examples
    --------
    >>> list(Stream([({"a": 1}, ["t"]), {"x": {"a": None}, "y": {"t": False}}]))
    [({'a': 1}, ['t']), ({}, {'t': False})]
    >>> list(Stream([{"a": 1, "tag_x": True}], labels=lambda key: key.startswith("tag_")))
    [({'a': 1}, {'tag_x': True})]
    """

    def __init__(
        self,
        rows: Iterable[Any],
        labels: Labels = None,
        set_aside: Callable[[MalformedRow], None] | None = None,
    ) -> None:
        if not isinstance(rows, Iterable) or isinstance(rows, str | bytes):
            raise UsageError(f"rows must be an iterable of rows, they were {type(rows).__name__}")
        if set_aside is not None:
            UsageError.require_callable("set_aside", set_aside)
        try:
            names = set() if labels is None or callable(labels) else set(labels)
        except TypeError:
            names = None
        if names is None or isinstance(labels, str | bytes):
            raise UsageError.parameter("labels", "must be names, or a function of a name", labels)
        self.rows = rows
        self.labels = labels
        self.set_aside = set_aside
        self._is_label = labels if callable(labels) else names.__contains__

    @staticmethod
    def read(
        path: str | os.PathLike[str],
        labels: str | None = None,
        set_aside: Callable[[MalformedRow], None] | None = None,
        text: str | None = None,
        drop: str | None = None,
        encoding: str = "utf-8",
        label_separator: str | None = None,
        say: Callable[[str], None] | None = None,
        text_features: TextFeatures = "ngrams",
    ) -> ArrayRows | Iterator[LabelRow]:
        """Read a file, or with ``-`` standard input, as ``growlabels stream run`` does.

        Parameters
        ----------
        path
            CSV, JSON lines, JSON, Parquet, Arrow, XMC or ARFF, packed or not, or a folder of them.
        labels
            ``"14"`` the last 14 columns, ``"first-14"``, ``"prefix:tag_"``, names with commas
            between; None: what the file says of itself.
        set_aside
            As above; the number is the line of the file.
        text
            Names of columns or keys that hold text, with commas between.
        drop
            Names of columns or keys to leave out, with commas between.
        encoding
            Of files of text.
        label_separator
            What stands between labels in one cell; empty: a cell is one label. None: found out.
        say
            Takes sentences on what was found out about the file.
        text_features
            ``"ngrams"``: words and the character n-grams inside them, hashed; ``"words"``: words
            alone.
        """
        return read_stream(
            path, labels, set_aside, text, drop, encoding, label_separator, say, text_features
        )

    def __iter__(self) -> Iterator[tuple[dict[Hashable, Any], Any]]:
        for number, row in enumerate(self.rows):
            try:
                x, y = self._split(row)
                read_row(x)
                read_labels(y)
            except DataError as error:
                if self.set_aside is None:
                    raise DataError(f"row {number} (counting from 0): {error}") from error
                self.set_aside(MalformedRow(number, str(error), repr(row)))
                continue
            yield x, y

    def _split(self, row: Any) -> tuple[dict[Hashable, Any], Any]:
        if isinstance(row, Mapping):
            if self.labels is not None:
                y: Any = {key: value for key, value in row.items() if self._is_label(key)}
                x: Any = {key: value for key, value in row.items() if not self._is_label(key)}
            elif {"x", "y"} <= row.keys():
                x, y = row["x"], row["y"]
            else:
                raise DataError(
                    "has no keys 'x' and 'y'; for flat rows say with labels which keys are labels"
                )
        elif isinstance(row, tuple | list) and len(row) == 2:
            x, y = row
        else:
            raise DataError(
                f"must be a pair (features, labels) or a mapping, it was {type(row).__name__}"
            )
        if isinstance(x, Mapping):
            x = {name: value for name, value in x.items() if value is not None}
        return x, y
