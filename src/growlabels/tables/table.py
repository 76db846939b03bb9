"""One door: a file of any kind, a folder, standard input or a frame becomes a table of rows."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from copy import copy
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, Protocol

from growlabels.base.errors import DataError, UsageError
from growlabels.tables.formats import USUAL, split_ending
from growlabels.tables.packing import MAGIC
from growlabels.tables.read.arff_rows import ArffRows
from growlabels.tables.read.csv_rows import WORDS, CsvRows, decimal_commas
from growlabels.tables.rows import MalformedRow, Refusals, Row, SetAside

_LOOKED_AT = 1000
_KEYED = re.compile(r"([^/=]+)=[^/]*/")
"""A folder of a partitioned data set, such as ``year=2024/``."""


class Reader(Protocol):
    """What the module of a format gives: the rows of one file, once."""

    @property
    def columns(self) -> list[str] | None: ...
    @property
    def place(self) -> str: ...
    def rows(self, refuse: Refusals) -> Iterator[Row]: ...


class Part(NamedTuple):
    """One file of a table, or what is in memory.

    ``open`` gives a new reader as often as it is called; of what can be read once only, one reader.
    ``bom`` says that text begins with a byte order mark.
    """

    name: str
    format: str
    open: Callable[[], Reader]
    path: Path | None = None
    packing: str = ""
    one_pass: bool = False
    bom: bool = False


class Table:
    """The rows of a file, a folder, standard input or a frame; :func:`open_table` makes it.

    Attributes
    ----------
    name
        What messages call it.
    format
        One of ``FORMATS``, or ``"rows"`` for what is in memory.
    encoding
        Of files of text; None for other formats.
    columns
        Names of the columns in their order; None where each row has keys of its own.
    place
        What :attr:`Row.number` counts: ``"line"`` or ``"row"``.
    one_pass
        Whether the rows can be read once only.
    notes
        Sentences about what was found out or assumed.
    decimal_commas
        Columns of a CSV file whose numbers have a decimal comma.
    kept
        Rows that the latest iteration has read.
    reader
        The reader of the file that is read.

    Examples
    --------
    >>> from growlabels.tables import open_table
    >>> bad = []
    >>> table = open_table([{"a": 1}, 5], set_aside=bad.append)
    >>> [row.data for row in table], table.kept, table.aside, bad[0].reason
    ([{'a': 1}], 1, 1, 'is int, not an object')
    """

    def __init__(
        self,
        name: str,
        parts: list[Part],
        encoding: str | None,
        set_aside: SetAside | None,
        folder: Path | None = None,
    ) -> None:
        self.name: str = name
        self.parts: list[Part] = parts
        self.folder: Path | None = folder
        self.format: str = parts[0].format
        self.one_pass: bool = parts[0].one_pass
        self.encoding = encoding
        self.reader = parts[0].open()
        self.columns: list[str] | None = self.reader.columns
        self.place: str = self.reader.place
        self.notes: list[str] = []
        self.decimal_commas: frozenset[str] = frozenset()
        self.kept: int = 0
        self._refusals: list[Refusals] = []
        self._set_aside = set_aside
        self._starts = [0]  # rows before each part
        self._running: Iterator[Row] | None = None  # of what can be read once only
        self._look_at_cells()

    @property
    def ending(self) -> str:
        """The end of the name of a file in the same form, such as ``".csv.gz"``; "": a folder."""
        if self.folder is not None:
            return ""
        part = self.parts[0]
        written = split_ending(part.name)[1] if part.path is not None else ""
        packing = next((end for end in MAGIC.values() if written.lower().endswith(end)), "")
        bare = written[: len(written) - len(packing)] or USUAL[self.format]
        return bare + (written[len(bare) :] if packing == part.packing else part.packing)

    @property
    def aside(self) -> int:
        """Rows that the latest iteration has set aside."""
        return sum(refuse.count for refuse in self._refusals)

    @property
    def said_labels(self) -> list[str] | None:
        """Names of the labels, where an ARFF file says which they are."""
        return self.reader.said_labels if isinstance(self.reader, ArffRows) else None

    @property
    def class_labels(self) -> frozenset[str]:
        """Columns of a Hugging Face dataset that hold class labels: a missing one is "no label"."""
        return getattr(self.reader, "class_labels", frozenset())

    def at(self, number: int) -> str:
        """Return the words for the place of a row, such as ``"rows.csv line 3"``."""
        part = bisect_right(self._starts, number - 1) - 1
        where = f"{self.name}/{self.parts[part].name}" if len(self.parts) > 1 else self.name
        return f"{where} {self.place} {number - self._starts[part]}"

    def head(self, count: int) -> list[Row]:
        """Return the first rows that can be read; the next iteration yields them all the same.

        Parameters
        ----------
        count
            How many, at most. From standard input it waits until they are there.
        """
        if not self.one_pass:
            return list(islice(copy(self)._rows(_ignored), count))
        running = self._run()
        ahead = list(islice(running, count))
        self._running = chain(ahead, running)
        return ahead

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows in order, in bounded memory.

        Raises
        ------
        DataError
            A row cannot be read and nothing takes the rows that are set aside; or a file is
            damaged.
        UsageError
            Rows that can be read once only are read again.
        """
        if not self.one_pass:
            return self._counted()
        running = self._run()
        self._running = self._used_up()
        return running

    def _run(self) -> Iterator[Row]:
        return self._counted() if self._running is None else self._running

    def _used_up(self) -> Iterator[Row]:
        raise UsageError(f"{self.name} can be read once only; write its rows to a file")
        yield  # a generator: it raises when it is read

    def _counted(self) -> Iterator[Row]:
        self.kept = 0
        for row in self._rows(self._set_aside):
            self.kept += 1
            yield row

    def _rows(self, set_aside: SetAside | None) -> Iterator[Row]:
        self._starts, self._refusals = [0], []
        several = len(self.parts) > 1
        for place, part in enumerate(self.parts):
            before = self._starts[place]
            refuse = Refusals(self.at, set_aside, before, several)
            self._refusals.append(refuse)
            self.reader: Reader = part.open()
            if not several:
                yield from self.reader.rows(refuse)
                return
            self._require_same_columns(part)
            last = 0
            for number, data, raw in self.reader.rows(refuse):
                last = number
                yield Row(before + number, data, (place, raw))
            self._starts.append(before + max(last, refuse.last))

    def _require_same_columns(self, part: Part) -> None:
        if set(self.reader.columns or ()) != set(self.columns or ()):
            raise DataError(
                f"{self.name}: {part.name} has other columns than {self.parts[0].name}; they are "
                "not of one table"
            )

    def _look_at_cells(self) -> None:
        """Find out what the first rows of a CSV file say of all, and note what is unusual."""
        names = dict.fromkeys(
            key for part in self.parts for key in _KEYED.findall(part.name.replace("\\", "/"))
        )
        if names and self.folder is not None:
            keys = ", ".join(map(repr, names))
            self.notes.append(f"values of {keys} in the names of folders are not read as columns")
        if not isinstance(self.reader, CsvRows):
            return
        if self.reader.separator != ",":
            self.notes.append(f"cells are separated by {WORDS[self.reader.separator]}")
        if self.one_pass:
            return
        self.decimal_commas = decimal_commas(self.head(_LOOKED_AT))
        if self.decimal_commas:
            names = ", ".join(map(repr, sorted(self.decimal_commas)))
            self.notes.append(f"numbers with a decimal comma are in the columns {names}")


def _ignored(_: MalformedRow) -> None:
    """Take a row that the next iteration will meet again."""
