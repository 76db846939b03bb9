"""Rows written back as the lines they came from."""

import csv
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.tables.read.csv_rows import CsvRows
from growlabels.tables.read.json_values import JsonValues
from growlabels.tables.read.xmc_rows import XmcRows
from growlabels.tables.rows import Row
from growlabels.tables.write.text_file import TextFile, text_file


def dumped(value: Any) -> str:
    """Return a value as JSON; numbers and arrays of numpy as such, other objects as their text."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> object:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def with_values(text: str, data: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Return the text of a JSON object with more keys; a key that is there is replaced.

    >>> with_values('{"a":1.50}', {"a": 1.5}, {"b": "x"})
    '{"a":1.50, "b": "x"}'
    """
    if not values:
        return text
    if any(key in data for key in values):
        return dumped({**data, **values})
    bare = text.rstrip()
    before = bare[:-1].rstrip()
    return f"{before}{', ' if data else ''}{dumped(dict(values))[1:-1]}}}{text[len(bare) :]}"


class LineWriter:
    """Writes rows of JSON lines, of XMC and of ARFF.

    Attributes
    ----------
    count
        Rows written.
    """

    def __init__(self, out: TextFile, header: str = "", takes_values: bool = False) -> None:
        self._out, self._takes_values = out, takes_values
        self._unfinished = False
        self.count: int = 0
        if header:
            self._line(header)

    def write(self, row: Row, values: Mapping[str, Any] | None = None) -> None:
        """Write a row as it came, with the values of further keys."""
        if values and not self._takes_values:
            raise UsageError("columns cannot be added to rows of XMC or ARFF; write another format")
        self._line(with_values(row.raw, row.data, values or {}))
        self.count += 1

    def _line(self, text: str) -> None:
        if self._unfinished:  # what came last in the file has no line end
            self._out.write("\n")
        self._out.write(text)
        self._unfinished = not text.endswith(("\n", "\r"))


@contextmanager
def line_writer(
    path: Path, encoding: str, bom: bool, header: str = "", takes_values: bool = False
) -> Iterator[LineWriter]:
    """Open a file for rows of lines."""
    with text_file(path, encoding, bom, "surrogateescape" if header else None) as out:
        yield LineWriter(out, header, takes_values)


@contextmanager
def xmc_writer(
    path: Path, encoding: str, bom: bool, reader: Callable[[], XmcRows]
) -> Iterator[LineWriter]:
    """Open a file for rows of XMC; a header says how many there are, so it is written last."""
    with tempfile.TemporaryFile() as held:
        rows = LineWriter(TextFile(held, "utf-8", path.name))
        yield rows
        held.seek(0)
        with text_file(path, encoding, bom) as out:
            if header := reader().header:
                out.write(re.sub(r"\d+", str(rows.count), header, count=1))
            for line in held:
                out.write(line.decode())


class CsvWriter:
    """Writes records of a CSV file: as they came, with the cells of further columns.

    Parameters
    ----------
    out
        Takes the text.
    reader
        Read the file that the rows come from.
    extra
        Names of further columns; a column that is there is replaced.
    """

    def __init__(self, out: TextFile, reader: CsvRows, extra: Sequence[str]) -> None:
        self._out, self._extra = out, list(extra)
        self._columns, self._separator = reader.columns, reader.separator
        self._new = [name for name in extra if name not in reader.columns]
        header = reader.header
        self._end = header[len(header.rstrip("\r\n")) :] or "\n"
        self._end = "\r\n" if self._end.startswith("\r\n") else self._end[0]
        self._unfinished = False
        self.count: int = 0
        self._write(header, self._new)

    def write(self, row: Row, values: Mapping[str, Any] | None = None) -> None:
        """Write a row with the values of further columns."""
        values = values or {}
        if unknown := [name for name in values if name not in self._extra]:
            raise UsageError(f"column {unknown[0]!r} was not named when the file was opened")
        new = [as_cell(values.get(name)) for name in self._new]
        raw = row.raw
        if any(name in row.data for name in values):
            cells = {**row.data, **values}
            raw = self._record([as_cell(cells[name]) for name in self._columns]) + self._end
        self._write(raw, new)
        self.count += 1

    def _write(self, raw: str, new: Sequence[str]) -> None:
        if self._unfinished:
            self._out.write(self._end)
        bare = raw.rstrip("\r\n")
        if new:
            raw = bare + self._record(["", *new]) + raw[len(bare) :]
        self._out.write(raw)
        self._unfinished = not raw.endswith(("\n", "\r"))

    def _record(self, cells: Sequence[str]) -> str:
        return record(cells, self._separator)


def record(cells: Sequence[str], separator: str = ",") -> str:
    """Return cells as one record without a line end, quoted where they must be."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator="").writerow(cells)
    return text.getvalue()


def as_cell(value: Any) -> str:
    """Return a value as the text of a cell; what is missing is empty, lists are JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict | tuple | np.ndarray):
        return dumped(list(value) if isinstance(value, tuple) else value)
    return str(value)


@contextmanager
def csv_writer(
    path: Path, encoding: str, bom: bool, reader: CsvRows, extra: Sequence[str]
) -> Iterator[CsvWriter]:
    """Open a file for records of a CSV file."""
    with text_file(path, encoding, bom) as out:
        yield CsvWriter(out, reader, extra)


class JsonWriter:
    """Writes elements of a JSON array, or objects one after the other, laid out as they came."""

    def __init__(self, out: TextFile, reader: Callable[[], JsonValues]) -> None:
        self._out, self._reader = out, reader
        self.count: int = 0

    def write(self, row: Row, values: Mapping[str, Any] | None = None) -> None:
        """Write a row as it came, with the values of further keys."""
        layout = self._reader().layout
        lead = (row.raw.lead or layout.between) if self.count else layout.opening
        self._out.write(lead + with_values(row.raw.text, row.data, values or {}))
        self.count += 1

    def close(self) -> None:
        """Write what stands after the last element."""
        layout = self._reader().layout
        self._out.write(layout.closing if self.count else layout.opening + layout.closing.lstrip())


@contextmanager
def json_writer(
    path: Path, encoding: str, bom: bool, reader: Callable[[], JsonValues]
) -> Iterator[JsonWriter]:
    """Open a file for a JSON array."""
    with text_file(path, encoding, bom) as out:
        writer = JsonWriter(out, reader)
        yield writer
        writer.close()
