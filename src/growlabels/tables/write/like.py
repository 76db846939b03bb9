"""Rows written back in the form they came in."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from growlabels.base.errors import UsageError
from growlabels.tables.folders import INFO, STATE
from growlabels.tables.formats import ending_of
from growlabels.tables.packing import MAGIC
from growlabels.tables.read.arff_rows import ArffRows
from growlabels.tables.read.arrow_rows import ArrowRows
from growlabels.tables.read.csv_rows import CsvRows
from growlabels.tables.read.json_values import JsonValues
from growlabels.tables.read.xmc_rows import XmcRows
from growlabels.tables.rows import Row
from growlabels.tables.table import Part, Reader, Table
from growlabels.tables.write.arrow import arrow_writer, feature_of
from growlabels.tables.write.lines import csv_writer, json_writer, line_writer, xmc_writer
from growlabels.tables.write.plain import Writer, plain_writer


@contextmanager
def writer_like(
    table: Table, path: str | os.PathLike[str], extra: Sequence[str] = ()
) -> Iterator[Writer]:
    """Open a file, or a folder, for rows of a table in the table's own form.

    Rows of lines are written byte for byte, with the byte order mark and the line ends of the file.
    A JSON array keeps its layout, Parquet and Arrow their schema, a folder its shards, a saved
    dataset its types. With another ending than the table's the rows are converted.

    Parameters
    ----------
    table
        The table; its rows are written while it is read.
    path
        The file or folder, written whole or not at all.
    extra
        Names of columns whose values :meth:`write` is given beside the row. One that the table has
        is replaced.

    Yields
    ------
    Writer
        ``write(row, values)`` writes one row of the table and ``count`` says how many were written.

    Raises
    ------
    UsageError
        The path is the table's own file, or there is something in its place.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from growlabels.tables import open_table
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "rows.csv"
    >>> _ = path.write_bytes(b"name;size\\r\\nred;1,50\\r\\nblue;2\\r\\n")
    >>> table = open_table(path)
    >>> with writer_like(table, path.with_name("kept.csv"), ["colour"]) as out:
    ...     for row in table:
    ...         if row.data["name"] == "red":
    ...             out.write(row, {"colour": True})
    >>> path.with_name("kept.csv").read_bytes()
    b'name;size;colour\\r\\nred;1,50;True\\r\\n'
    >>> folder.cleanup()
    """
    target = Path(path)
    for part in table.parts:
        if part.path is not None and part.path.resolve() == target.resolve():
            raise UsageError(f"{str(target)!r} is the table itself; write to another file")
    if table.folder is not None:
        with _folder_writer(table, target, extra) as folder:
            yield folder
        return
    own, asked = _without_packing(table.ending), _without_packing(target.name)
    if table.format == "rows" or own != asked:
        columns = None if table.columns is None else [*table.columns, *_new(table, extra)]
        with plain_writer(target, columns) as plain:
            yield plain
        return
    with _part_writer(
        table.parts[0], lambda: table.reader, target, table.encoding, extra
    ) as writer:
        yield writer


def _new(table: Table, extra: Sequence[str]) -> list[str]:
    return [name for name in extra if name not in (table.columns or ())]


def _without_packing(name: str) -> str:
    ending = ending_of(name)
    return next(
        (ending.removesuffix(end) for end in MAGIC.values() if ending.endswith(end)), ending
    )


def _part_writer(
    part: Part,
    reading: Callable[[], Reader],
    path: Path,
    encoding: str | None,
    extra: Sequence[str],
) -> AbstractContextManager[Writer]:
    """Open the writer that fits one file of a table; ``reading`` gives the reader in use."""
    letters, bom, reader = encoding or "utf-8", part.bom, reading()
    if isinstance(reader, ArrowRows):
        return arrow_writer(path, reader, reader.form, extra)
    if isinstance(reader, CsvRows):
        return csv_writer(path, letters, bom, reader, extra)
    if isinstance(reader, JsonValues):
        return json_writer(path, letters, bom, cast("Callable[[], JsonValues]", reading))
    if isinstance(reader, XmcRows):
        return xmc_writer(path, letters, bom, cast("Callable[[], XmcRows]", reading))
    header = reader.header if isinstance(reader, ArffRows) else ""
    takes_values = not isinstance(reader, ArffRows)
    return line_writer(path, letters, bom, header, takes_values)


class _FolderWriter:
    """Writes rows of a folder's files to files of the same names."""

    def __init__(self, table: Table, folder: Path, extra: Sequence[str], stack: ExitStack) -> None:
        self._table, self._folder, self._extra, self._stack = table, folder, extra, stack
        self._open: Writer | None = None
        self._next = 0  # the first part that has no file yet
        self.count: int = 0

    def write(self, row: Row, values: Mapping[str, Any] | None = None) -> None:
        """Write a row with the values of further columns."""
        place, raw = row.raw if len(self._table.parts) > 1 else (0, row.raw)
        while self._next <= place:
            self._begin(self._table.reader if self._next == place else None)
        assert self._open is not None
        self._open.write(Row(row.number, row.data, raw), values)
        self.count += 1

    def finish(self) -> None:
        """Write the files that have no rows."""
        while self._next < len(self._table.parts):
            self._begin(None)
        self._stack.close()

    def _begin(self, reader: Reader | None) -> None:
        self._stack.close()
        part = self._table.parts[self._next]
        path = self._folder / part.name
        path.parent.mkdir(parents=True, exist_ok=True)
        held = reader or part.open()
        opened = _part_writer(part, lambda: held, path, self._table.encoding, self._extra)
        self._open = self._stack.enter_context(opened)
        self._next += 1


@contextmanager
def _folder_writer(table: Table, target: Path, extra: Sequence[str]) -> Iterator[_FolderWriter]:
    if target.exists():
        raise UsageError(f"{str(target)!r} is there already; choose another folder")
    if not target.absolute().parent.is_dir():
        raise UsageError(f"{str(target.parent)!r} is no folder; make it or choose another")
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.absolute().parent))
    try:
        with ExitStack() as stack:
            writer = _FolderWriter(table, staging, extra, stack)
            yield writer
            writer.finish()
        assert table.folder is not None
        if (table.folder / STATE).is_file():
            _describe(table, staging, writer.count, _new(table, extra))
        staging.chmod(0o755)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _describe(table: Table, folder: Path, count: int, new: Sequence[str]) -> None:
    """Write what ``load_from_disk`` reads beside the rows of a dataset."""
    assert table.folder is not None
    state = json.loads((table.folder / STATE).read_bytes())
    mark = f"{state.get('_fingerprint')} {count} {sorted(p.name for p in folder.iterdir())}"
    state["_fingerprint"] = hashlib.sha256(mark.encode()).hexdigest()[:16]
    (folder / STATE).write_text(json.dumps(state, indent=2), "utf-8")
    if not (table.folder / INFO).is_file():
        return
    info = json.loads((table.folder / INFO).read_bytes())
    for said in ("splits", "download_size", "dataset_size", "size_in_bytes", "download_checksums"):
        info.pop(said, None)
    if new and isinstance(info.get("features"), dict):
        import pyarrow

        written = folder / table.parts[0].name
        with pyarrow.OSFile(str(written)) as file:
            schema = pyarrow.ipc.open_stream(file).schema
        info["features"] |= {name: feature_of(schema.field(name).type) for name in new}
    (folder / INFO).write_text(json.dumps(info, indent=2), "utf-8")
