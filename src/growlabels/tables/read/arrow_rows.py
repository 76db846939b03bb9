"""Parquet, Arrow files and streams, and Arrow tables in memory."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from growlabels.base.errors import DataError, MissingExtraError
from growlabels.base.labels import repeated
from growlabels.tables.read.class_labels import label_readers
from growlabels.tables.rows import Refusals, Row, Unreadable
from growlabels.tables.source import Source

BATCH = 1024


class Part(NamedTuple):
    """A row of a batch."""

    batch: Any
    place: int


class ArrowRows:
    """Reads batches of rows.

    Parameters
    ----------
    open_batches
        Gives the schema, an iterator over record batches, and the form.
    name
        Of the file, for messages.
    kind
        ``"Parquet"`` or ``"Arrow"``, for messages.
    features
        Types of a Hugging Face dataset, as its JSON says them; None: what the schema says.

    Attributes
    ----------
    columns
        Names of the columns.
    schema
        The Arrow schema.
    form
        ``"parquet"``, ``"file"`` or ``"stream"``.

    Raises
    ------
    DataError
        The file is damaged, or two columns have one name.
    """

    place = "row"

    def __init__(
        self,
        open_batches: Callable[[], tuple[Any, Iterator[Any], str]],
        name: str,
        kind: str,
        features: Any = None,
    ) -> None:
        self._name, self._kind = name, kind
        with _Readable(name, kind):
            self.schema: Any
            self.form: str
            self.schema, self._batches, self.form = open_batches()
            self.columns: list[str] = list(self.schema.names)
        if twice := repeated(self.columns):
            raise DataError(f"{name} has two columns named {twice[0]!r}; rename one")
        self._labels = label_readers(features or _said_features(self.schema), self.columns)

    @property
    def class_labels(self) -> frozenset[str]:
        """Columns whose numbers are names of the dataset."""
        return frozenset(self._labels)

    def rows(self, refuse: Refusals) -> Iterator[Row]:
        """Yield the rows, numbered from 1; ``refuse`` takes those with values that are invalid."""
        number = 1
        while True:
            with _Readable(self._name, self._kind):
                batch = next(self._batches, None)
                if batch is None:
                    return
                found = self._dicts(batch)
            for place in range(batch.num_rows):
                data = self._alone(batch, place) if found is None else found[place]
                if isinstance(data, Unreadable):
                    refuse(number, data, "")
                else:
                    yield Row(number, data, Part(batch, place))
                number += 1

    def _dicts(self, batch: Any) -> list[dict[str, Any]] | None:
        """Return the rows of a batch; None where a value of some row is invalid."""
        import pyarrow

        try:
            batch.validate(full=True)  # a damaged offset would end the process
            columns = [
                self._named(name, column.to_pylist())
                for name, column in zip(self.columns, batch.columns, strict=True)
            ]
        except (pyarrow.ArrowException, ValueError, OverflowError, TypeError):
            return None
        if not columns:
            return [{} for _ in range(batch.num_rows)]
        return [dict(zip(self.columns, cells, strict=True)) for cells in zip(*columns, strict=True)]

    def _named(self, name: str, values: list[Any]) -> list[Any]:
        read = self._labels.get(name)
        return values if read is None else list(map(read, values))

    def _alone(self, batch: Any, place: int) -> dict[str, Any] | Unreadable:
        """Return one row of a batch, or why it cannot be read."""
        data = {}
        for name, column in zip(self.columns, batch.columns, strict=True):
            cell = column.slice(place, 1)
            try:
                _require_valid(cell)
                (data[name],) = self._named(name, cell.to_pylist())
            except Unreadable as error:
                return Unreadable(f"column {name!r}: {error}")
            except UnicodeDecodeError as error:
                return Unreadable(f"column {name!r}: invalid UTF-8 at byte {error.start}")
            except (ValueError, OverflowError, TypeError) as error:
                return Unreadable(f"column {name!r}: {' '.join(str(error).split())}")
        return data


def _require_valid(cell: Any) -> None:
    """Raise :class:`Unreadable` where a cell points outside its data."""
    import pyarrow

    try:
        cell.validate(full=True)
    except pyarrow.ArrowException as error:
        if "UTF8" not in str(error):  # that is said where the text is read
            raise Unreadable(" ".join(str(error).split())) from error


class _Readable:
    """Turns what Arrow raises at a damaged file into a :class:`DataError`."""

    def __init__(self, name: str, kind: str) -> None:
        self._name, self._kind = name, kind

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, _: Any) -> None:
        import pyarrow

        damages = (pyarrow.ArrowException, OSError, UnicodeDecodeError, ValueError, OverflowError)
        if isinstance(error, damages) and not isinstance(error, DataError):
            reason = " ".join(str(error).split())
            raise DataError(
                f"{self._name} is not a readable {self._kind} file ({reason}); get or write the "
                "file again"
            ) from error


def open_native(source: Source) -> Any:
    """Open the bytes of a source, unpacked, as a file of Arrow in which one can seek."""
    import pyarrow

    if source.path is not None and not source.packing:
        return pyarrow.OSFile(str(source.path))
    handle, path = tempfile.mkstemp(prefix="growlabels-")
    try:
        with os.fdopen(handle, "wb") as held:
            held.writelines(source.chunks())
        return pyarrow.OSFile(path)
    finally:
        Path(path).unlink()


def parquet_batches(file: Any) -> tuple[Any, Iterator[Any], str]:
    """Return schema, record batches and form of a Parquet file."""
    from pyarrow import parquet

    opened = parquet.ParquetFile(file)
    return opened.schema_arrow, opened.iter_batches(batch_size=BATCH), "parquet"


def arrow_batches(file: Any) -> tuple[Any, Iterator[Any], str]:
    """Return schema, record batches and form of an Arrow (Feather) file or stream."""
    from pyarrow import ipc

    is_file = file.read(6) == b"ARROW1"
    file.seek(0)
    if is_file:
        opened = ipc.open_file(file)
        batches = (opened.get_batch(i) for i in range(opened.num_record_batches))
    else:
        opened = ipc.open_stream(file)
        batches = iter(opened)
    return opened.schema, _sliced(batches), "file" if is_file else "stream"


def memory_batches(table: Any) -> tuple[Any, Iterator[Any], str]:
    """Return schema, record batches and form of an Arrow table, batch or reader."""
    batches = [table] if not hasattr(table, "to_batches") else table.to_batches(BATCH)
    return table.schema, _sliced(iter(batches if hasattr(table, "num_rows") else table)), "file"


def _sliced(batches: Iterator[Any]) -> Iterator[Any]:
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            yield batch.slice(start, BATCH)


def _said_features(schema: Any) -> Any:
    """Return the types that a Hugging Face dataset left in a schema; None where there are none."""
    try:
        said = json.loads((schema.metadata or {}).get(b"huggingface", b"null"))
        return said["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return None


def require_arrow() -> None:
    """Raise where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "module 'pyarrow' is not installed; install it with: pip install pyarrow"
        ) from error
