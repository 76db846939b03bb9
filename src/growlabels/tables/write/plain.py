"""Rows of any mappings written by the end of a file's name."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import atomic_write
from growlabels.tables.formats import ENDINGS, ending_of
from growlabels.tables.packing import packed
from growlabels.tables.read.arrow_rows import require_arrow
from growlabels.tables.rows import Row
from growlabels.tables.write.arrow import GROUP
from growlabels.tables.write.lines import as_cell, dumped, record
from growlabels.tables.write.text_file import TextFile, packing_by_name, text_file

WRITTEN = tuple(end for end, form in ENDINGS.items() if form not in ("", "arff", "xmc"))
_SEPARATORS = {".tsv": "\t", ".tab": "\t", ".psv": "|"}


class Writer(Protocol):
    """Takes rows; ``count`` says how many it took."""

    count: int

    def write(self, row: Row, values: Mapping[str, Any] | None = None) -> None: ...


def check_ending(path: str | os.PathLike[str]) -> None:
    """Raise where the name of a file does not say how it is to be written."""
    if not any(ending_of(Path(path).name).startswith(end) for end in WRITTEN):
        raise UsageError.parameter("out", f"must end in one of {' '.join(WRITTEN)}", str(path))


def write_rows(path: str | os.PathLike[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as the end of the file's name says, whole or not at all.

    Parameters
    ----------
    path
        Ends in ``.csv``, ``.tsv``, ``.jsonl``, ``.json``, ``.parquet`` or ``.arrow``, and maybe in
        ``.gz``, ``.bz2``, ``.xz`` or ``.zst``.
    rows
        Column -> value. Numbers and arrays of numpy are written as numbers and lists. CSV files
        have the columns of the first row.

    Returns
    -------
    int
        How many rows were written.

    Raises
    ------
    UsageError
        The end of the name is none of these.
    DataError
        A column of a Parquet or Arrow file mixes kinds of values, or a row of a CSV file has a
        column that the first does not have.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "rows.csv"
    >>> write_rows(path, [{"name": "red, dark", "size": 2}, {"name": "blue", "size": None}])
    2
    >>> path.read_text()
    'name,size\\n"red, dark",2\\nblue,\\n'
    >>> folder.cleanup()
    """
    with plain_writer(Path(path)) as writer:
        for number, row in enumerate(rows, 1):
            writer.write(Row(number, row))
        return writer.count


@contextmanager
def plain_writer(
    path: Path, columns: Sequence[str] | None = None, encoding: str = "utf-8"
) -> Iterator[Writer]:
    """Open a file for rows; ``columns`` are those of CSV, else those of the first row."""
    check_ending(path)
    ending = ending_of(path.name)
    form = next(form for end, form in ENDINGS.items() if ending.startswith(end))
    if form in ("parquet", "arrow"):
        require_arrow()
        with atomic_write(path, "wb") as raw, packed(raw, packing_by_name(path)) as file:
            rows = ArrowRowsWriter(file, form)
            yield rows
            rows.close()
        return
    with text_file(path, encoding) as out:
        if form == "csv":
            separator = next((s for e, s in _SEPARATORS.items() if ending.startswith(e)), ",")
            yield CellWriter(out, separator, columns, path.name)
        else:
            objects = ObjectWriter(out, form == "json")
            yield objects
            objects.close()


class CellWriter:
    """Writes rows as CSV."""

    def __init__(
        self, out: TextFile, separator: str, columns: Sequence[str] | None, name: str
    ) -> None:
        self._out, self._separator, self._name = out, separator, name
        self._columns = None if columns is None else list(columns)
        self.count: int = 0
        if columns:
            self._write(list(columns))

    def write(self, row: Row, values: Mapping[str, Any] | None = None) -> None:
        """Write one row."""
        cells = {**row.data, **(values or {})}
        if self._columns is None:
            self._columns = list(cells)
            self._write(self._columns)
        if unknown := [name for name in cells if name not in self._columns]:
            raise DataError(
                f"{self._name}: row {row.number} has the column {unknown[0]!r}, which the first "
                "row does not have; write JSON lines"
            )
        self._write([as_cell(cells.get(name)) for name in self._columns])
        self.count += 1

    def _write(self, cells: Sequence[str]) -> None:
        self._out.write(record(cells, self._separator) + "\n")


class ObjectWriter:
    """Writes rows as JSON lines, or as one JSON array with a row a line."""

    def __init__(self, out: TextFile, array: bool) -> None:
        self._out, self._array = out, array
        self.count: int = 0

    def write(self, row: Row, values: Mapping[str, Any] | None = None) -> None:
        """Write one row."""
        text = dumped({**row.data, **(values or {})})
        if self._array:
            self._out.write((",\n" if self.count else "[\n") + text)
        else:
            self._out.write(text + "\n")
        self.count += 1

    def close(self) -> None:
        """Write the end of an array."""
        if self._array:
            self._out.write("\n]\n" if self.count else "[]\n")


class ArrowRowsWriter:
    """Writes rows as Parquet or as an Arrow file; the first rows decide the types."""

    def __init__(self, file: Any, form: str) -> None:
        self._file, self._form = file, form
        self._held: list[dict[str, Any]] = []
        self._writer: Any = None
        self._schema: Any = None
        self.count: int = 0

    def write(self, row: Row, values: Mapping[str, Any] | None = None) -> None:
        """Write one row."""
        self._held.append({**row.data, **(values or {})})
        self.count += 1
        if len(self._held) >= GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        writer = self._flush() if self._held or self._writer is None else self._writer
        writer.close()

    def _flush(self) -> Any:
        import pyarrow
        from pyarrow import parquet

        try:
            table = pyarrow.Table.from_pylist(self._held, self._schema)
        except (pyarrow.ArrowException, UnicodeEncodeError, OverflowError) as error:
            raise DataError(
                f"the rows cannot be written as Parquet ({error}); write JSON lines instead"
            ) from error
        self._held = []
        if self._writer is None:
            self._schema = table.schema
            if self._form == "parquet":
                self._writer = parquet.ParquetWriter(self._file, self._schema)
            else:
                self._writer = pyarrow.ipc.new_file(self._file, self._schema)
        self._writer.write_table(table)
        return self._writer
