"""Rows written back as Parquet or Arrow, with the schema of what came."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import atomic_write
from growlabels.tables.packing import packed
from growlabels.tables.read.arrow_rows import ArrowRows
from growlabels.tables.rows import Row
from growlabels.tables.write.text_file import packing_by_name

GROUP = 2**16
_HELD = 2**26  # bytes


class ArrowWriter:
    """Collects rows of batches and writes them as groups.

    Parameters
    ----------
    file
        Takes the bytes.
    schema
        Of the rows.
    form
        ``"parquet"``, ``"file"`` (Arrow file, Feather) or ``"stream"`` (Arrow stream).
    extra
        Names of further columns; a column that is there is replaced.
    """

    def __init__(self, file: Any, schema: Any, form: str, extra: Sequence[str]) -> None:
        self._file, self._schema, self._form, self._extra = file, schema, form, list(extra)
        self._writer: Any = None
        self._batch: Any = None
        self._places: list[int] = []  # rows taken of the batch
        self._parts: list[Any] = []  # taken batches that are not written yet
        self._values: dict[str, list[Any]] = {name: [] for name in extra}
        self.count: int = 0

    def write(self, row: Row, values: Mapping[str, Any] | None = None) -> None:
        """Write a row with the values of further columns."""
        values = values or {}
        if unknown := [name for name in values if name not in self._extra]:
            raise UsageError(f"column {unknown[0]!r} was not named when the file was opened")
        batch, place = row.raw
        if batch is not self._batch:
            self._take()
            self._batch = batch
        self._places.append(place)
        for name, column in self._values.items():
            own = name in row.data and name not in values
            column.append(row.data[name] if own else values.get(name))
        self.count += 1

    def close(self) -> None:
        """Write what is left; a file without rows has the schema all the same."""
        self._take()
        self._flush()
        if self._writer is None:
            self._writer = self._opened(self._schema.empty_table())
        self._writer.close()

    def _take(self) -> None:
        import pyarrow

        if self._places:
            self._parts.append(self._batch.take(pyarrow.array(self._places)))
            self._places = []
        rows = sum(part.num_rows for part in self._parts)
        if rows >= GROUP or sum(part.nbytes for part in self._parts) >= _HELD:
            self._flush()

    def _flush(self) -> None:
        import pyarrow

        if not self._parts:
            return
        table = pyarrow.Table.from_batches(self._parts, self._schema)
        self._parts = []
        for name, values in self._values.items():
            table = self._with_column(table, name, values)
        self._values = {name: [] for name in self._extra}
        if self._writer is None:
            self._writer = self._opened(table)
        self._writer.write_table(table.cast(self._written), max(table.num_rows, 1))

    def _with_column(self, table: Any, name: str, values: list[Any]) -> Any:
        import pyarrow

        known = self._written if self._writer is not None else self._schema
        place = table.schema.get_field_index(name)
        kind = known.field(name).type if known.get_field_index(name) >= 0 else None
        try:
            column = pyarrow.array(values, kind)
        except (pyarrow.ArrowException, UnicodeEncodeError, OverflowError) as error:
            raise DataError(
                f"column {name!r} cannot be written as Arrow ({error}); give it values of one type"
            ) from error
        if kind is None and pyarrow.types.is_null(column.type):
            column = column.cast(pyarrow.string())
        if place < 0:
            return table.append_column(name, column)
        return table.set_column(place, table.schema.field(name), column)

    def _opened(self, table: Any) -> Any:
        """Open the writer, with the types of the first rows."""
        import pyarrow
        from pyarrow import parquet

        for name in self._extra:
            if table.schema.get_field_index(name) < 0:
                table = table.append_column(name, pyarrow.array([], pyarrow.string()))
        known = self._schema.metadata
        new = [name for name in self._extra if self._schema.get_field_index(name) < 0]
        self._written = table.schema.with_metadata(_told(known, table.schema, new))
        if self._form == "parquet":
            return parquet.ParquetWriter(self._file, self._written)
        new = pyarrow.ipc.new_file if self._form == "file" else pyarrow.ipc.new_stream
        return new(self._file, self._written)


def feature_of(kind: Any) -> dict[str, str]:
    """Return how a Hugging Face dataset says the Arrow type of a plain column."""
    return {
        "dtype": {"double": "float64", "float": "float32"}.get(str(kind), str(kind)),
        "_type": "Value",
    }


def _told(metadata: Any, schema: Any, new: Sequence[str]) -> Any:
    """Return the metadata of a schema in which the types of new columns are said too."""
    if not new or not metadata or b"huggingface" not in metadata:
        return metadata
    try:
        said = json.loads(metadata[b"huggingface"])
        features = said["info"]["features"]
        features |= {name: feature_of(schema.field(name).type) for name in new}
    except (ValueError, KeyError, TypeError):
        return metadata
    return {**metadata, b"huggingface": json.dumps(said).encode()}


@contextmanager
def arrow_writer(
    path: Path, reader: ArrowRows, form: str, extra: Sequence[str]
) -> Iterator[ArrowWriter]:
    """Open a file for rows of Parquet or Arrow."""
    with atomic_write(path, "wb") as raw, packed(raw, packing_by_name(path)) as file:
        writer = ArrowWriter(file, reader.schema, form, extra)
        yield writer
        writer.close()
