"""Find out what something is, and open it as a table."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from growlabels.base.errors import UsageError
from growlabels.tables.folders import is_pattern, is_saved_dataset, saved_dataset, shards_of
from growlabels.tables.formats import FORMATS, format_of
from growlabels.tables.read.arff_rows import ArffRows
from growlabels.tables.read.arrow_rows import (
    ArrowRows,
    arrow_batches,
    memory_batches,
    open_native,
    parquet_batches,
    require_arrow,
)
from growlabels.tables.read.csv_rows import CsvRows
from growlabels.tables.read.json_lines import JsonLines
from growlabels.tables.read.json_values import JsonValues
from growlabels.tables.read.memory_rows import FrameRows, MappingRows, as_frame, require_rows
from growlabels.tables.read.xmc_rows import XmcRows
from growlabels.tables.rows import RowSource, SetAside
from growlabels.tables.source import Source
from growlabels.tables.table import Part, Reader, Table
from growlabels.tables.text import begins_with_mark, known_encoding, texts

_COLUMNAR = ("parquet", "arrow")


def open_table(
    source: RowSource,
    *,
    encoding: str = "utf-8",
    format: str | None = None,
    set_aside: SetAside | None = None,
) -> Table:
    """Open a table of any kind; its rows are read when it is iterated over.

    Parameters
    ----------
    source
        A path: CSV (with commas, semicolons, tabs or bars), JSON lines, JSON, Parquet, Arrow,
        XMC or libsvm, ARFF, each also packed with gzip, bzip2, xz or Zstandard. A folder of such
        files, or a pattern of paths, which are read as one table; a Hugging Face dataset saved to
        disk; ``"-"`` for standard input; an open binary file; a data frame of pandas, polars,
        pyarrow or what narwhals knows; a Hugging Face dataset; any iterable of mappings.
    encoding
        Of files of text, as Python names it. Default: UTF-8.
    format
        One of ``FORMATS``; None: told by the content and the end of the name.
    set_aside
        Called with each row that cannot be read. Without it such a row raises.

    Raises
    ------
    UsageError
        There is no such file, it is of no known kind, or a parameter is wrong.
    DataError
        The header of a file cannot be read, or standard input is closed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "rows.csv"
    >>> _ = path.write_text("name;size\\nred;1,5\\nblue;\\n")
    >>> table = open_table(path)
    >>> [row.data for row in table]
    [{'name': 'red', 'size': '1,5'}, {'name': 'blue', 'size': None}]
    >>> table.columns, table.notes[0], table.at(2)
    (['name', 'size'], 'cells are separated by semicolons', 'rows.csv line 2')
    >>> folder.cleanup()
    """
    if format is not None:
        UsageError.require_choice("format", format, FORMATS)
    if set_aside is not None:
        UsageError.require_callable("set_aside", set_aside)
    encoding = known_encoding(encoding)
    opened: Any = source
    if hasattr(source, "read"):
        return _of_files([Source(opened)], encoding, format, set_aside)
    if not isinstance(source, str | os.PathLike):
        return Table("rows", [_in_memory(source)], None, set_aside)
    path = Path(source)
    if path.is_dir() and is_saved_dataset(path):
        files, features = saved_dataset(path)
        sources = [Source(file) for file in files]
        return _of_files(sources, encoding, "arrow", set_aside, path, features)
    if path.is_dir() or is_pattern(str(source)):
        sources = [Source(file) for file in shards_of(str(source))]
        return _of_files(sources, encoding, format, set_aside, path)
    return _of_files([Source(source)], encoding, format, set_aside)


def _of_files(
    sources: list[Source],
    encoding: str,
    format: str | None,
    set_aside: SetAside | None,
    folder: Path | None = None,
    features: Any = None,
) -> Table:
    parts = [_part(source, encoding, format, folder, features) for source in sources]
    form = parts[0].format
    if odd := [part for part in parts if part.format != form]:
        raise UsageError(
            f"{str(folder)!r}: {odd[0].name} holds {odd[0].format}, {parts[0].name} {form}; "
            "they are not of one table"
        )
    said = None if form in _COLUMNAR else encoding
    name = parts[0].name if folder is None else str(folder)
    return Table(name, parts, said, set_aside, folder)


def _part(
    source: Source, encoding: str, format: str | None, folder: Path | None, features: Any
) -> Part:
    form = format or _format_of(source, encoding)
    if form in _COLUMNAR:
        require_arrow()
    name = source.name
    if folder is not None and source.path is not None and source.path.is_relative_to(folder):
        name = str(source.path.relative_to(folder))

    def opened() -> Reader:
        return _reader(source, form, encoding, features)

    once = _once(opened) if source.one_pass else opened
    bom = form not in _COLUMNAR and begins_with_mark(source.head(), encoding)
    return Part(name, form, once, source.path, source.packing, source.one_pass, bom)


def _once(open_reader: Callable[[], Reader]) -> Callable[[], Reader]:
    held: list[Reader] = []

    def opened() -> Reader:
        held[:] = held or [open_reader()]
        return held[0]

    return opened


def _format_of(source: Source, encoding: str) -> str:
    head = source.head()
    if source.one_pass and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        head = source.head(2)  # a list on the first line: is it the first of many?
    return format_of(source.name, head, encoding, source.one_pass)


def _reader(source: Source, form: str, encoding: str, features: Any) -> Reader:
    if form in _COLUMNAR:
        batches = parquet_batches if form == "parquet" else arrow_batches
        kind = form.capitalize()
        return ArrowRows(lambda: batches(open_native(source)), source.name, kind, features)
    ends = {"csv": "\n\r", "json": ""}.get(form, "\n")
    blocks = texts(source.chunks(), encoding, source.name, ends)
    if form == "csv":
        return CsvRows(blocks, source.name)
    if form == "json":
        return JsonValues(blocks)
    if form == "xmc":
        return XmcRows(blocks)
    if form == "arff":
        return ArffRows(blocks, source.path, source.name)
    return JsonLines(blocks)


def _in_memory(source: Any) -> Part:
    if type(source).__module__.partition(".")[0] == "pyarrow" and hasattr(source, "schema"):
        require_arrow()
        return _memory(
            lambda: ArrowRows(lambda: memory_batches(source), "rows", "Arrow"),
            one_pass=not hasattr(source, "num_rows"),
        )
    frame = as_frame(source)
    if frame is not None:
        return _memory(lambda: FrameRows(frame))
    require_rows(source)
    if isinstance(source, Iterator):
        return _memory(lambda: MappingRows(source), one_pass=True)
    return _memory(lambda: MappingRows(source))


def _memory(open_reader: Callable[[], Reader], one_pass: bool = False) -> Part:
    opened = _once(open_reader) if one_pass else open_reader
    return Part("rows", "rows", opened, one_pass=one_pass)
