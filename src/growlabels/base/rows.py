"""Rows of JSONL, Parquet or any iterable of dicts.

Every row of the input comes out once: as a :class:`Row`, or as a :class:`MalformedRow` with
its line and the reason.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from growlabels.base.errors import DataError, MissingExtraError, UsageError
from growlabels.base.files import (
    DAMAGED_GZIP,
    atomic_write,
    content_hash,
    damaged_gzip,
    open_bytes,
)
from growlabels.base.labels import repeated

JSON_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
_NO_PARQUET = "module 'pyarrow' is not installed; install it with: pip install pyarrow"
RowSource = str | os.PathLike[str] | Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes
    ----------
    id
        Content hash (16 hexadecimal digits) and, after a dash, how many equal rows came before.
    number
        1-based place in the input: the line of a JSONL file, the row of a table or iterable.
    data
        The row as it came.
    """

    id: str
    number: int
    data: Mapping[str, Any]


@dataclass(frozen=True)
class MalformedRow:
    """A row that was set aside: its 1-based place, why, and its raw text."""

    number: int
    reason: str
    raw: str


def read_rows(
    source: RowSource, set_aside: Callable[[MalformedRow], None] | None = None
) -> Iterator[Row]:
    """Yield the rows of a JSONL or Parquet file, or of any iterable of mappings.

    Parameters
    ----------
    source
        A path that ends in ``.jsonl``, ``.ndjson`` or ``.parquet``, or an iterable of mappings
        (a Hugging Face dataset is one).
    set_aside
        Called with each row that cannot be read. Without it such a row raises.

    Raises
    ------
    UsageError
        The file does not exist or its ending is unknown.
    DataError
        A row is malformed and ``set_aside`` is not given.

    Examples
    --------
    >>> [row.data["prompt"] for row in read_rows([{"prompt": "a"}, {"prompt": "b"}])]
    ['a', 'b']
    """
    seen: dict[str, int] = {}
    for number, data in read_mappings(source, set_aside):
        digest = content_hash(data)[:16]
        copy = seen.get(digest, 0)
        seen[digest] = copy + 1
        yield Row(f"{digest}-{copy}", number, data)


def read_mappings(
    source: RowSource | BinaryIO, set_aside: Callable[[MalformedRow], None] | None = None
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield number and data of each row, in bounded memory however many there are.

    Takes what :func:`read_rows` takes, also ``.jsonl.gz``, or a binary file of JSON lines that is
    open already, which is read as far as it is written. Fails as :func:`read_rows` does.

    >>> import io
    >>> list(read_mappings(io.BytesIO(b'{"a": 1}\\n')))
    [(1, {'a': 1})]
    """
    for number, data, raw in _parsed(source):
        if isinstance(data, Mapping):
            yield number, data
            continue
        reason = data if isinstance(data, str) else f"is {type(data).__name__}, not an object"
        if set_aside is None:
            where = "line" if _in_lines(source) else "row"
            raise DataError(f"{_name(source)} {where} {number}: {reason}; mend or remove the row")
        set_aside(MalformedRow(number, reason, raw))


class _Bad(str):
    """The reason why a row could not be parsed."""


def _name(source: RowSource | BinaryIO) -> str:
    if isinstance(source, str | os.PathLike):
        return str(source)
    return str(getattr(source, "name", "input")) if hasattr(source, "readline") else "input"


def _in_lines(source: RowSource | BinaryIO) -> bool:
    return hasattr(source, "readline") or _name(source).lower().endswith(JSON_LINES)


def _parsed(source: RowSource | BinaryIO) -> Iterator[tuple[int, object, str]]:
    """Yield number, the mapping or the reason it is none, and the raw text."""
    if hasattr(source, "readline"):
        yield from _parsed_lines(source)
        return
    if not isinstance(source, str | os.PathLike):
        _require_rows(source)
        for number, data in enumerate(source, 1):
            ok = isinstance(data, Mapping)
            reason = f"is {type(data).__name__}, not an object"
            yield number, data if ok else _Bad(reason), "" if ok else repr(data)
        return
    path = Path(source)
    if not path.is_file():
        raise UsageError.missing_file(path)
    if path.name.lower().endswith(JSON_LINES):
        with open_bytes(path) as file:
            yield from _whole(_parsed_lines(file), path)
    elif path.suffix.lower() == ".parquet":
        yield from ((n, d, "") for n, d in enumerate(_parquet_rows(path), 1))
    else:
        raise UsageError.parameter(
            "rows file",
            "must end in .jsonl, .ndjson, .jsonl.gz or .parquet",
            str(path),
            "write one object a line, for example with: jq -c '.[]' rows.json > rows.jsonl"
            if path.suffix.lower() == ".json"
            else "convert it or rename it",
        )


def _require_rows(source: object) -> None:
    """Raise where iterating over something does not give rows."""
    way_out = ""
    if isinstance(source, Mapping):
        names = ", ".join(map(repr, list(source)[:5]))
        way_out = f"give one of its parts ({names}) or a list of dicts"
    elif hasattr(source, "iterrows"):
        way_out = "give its .to_dict('records')"
    elif hasattr(source, "to_pylist"):
        way_out = "give its .to_pylist()"
    elif isinstance(source, Iterable):
        return
    must = "must be a file, a Hugging Face dataset or an iterable of dicts"
    was = type(source).__name__
    raise UsageError(f"rows {must}, not {was}" + (f"; {way_out}" if way_out else ""))


def _parsed_lines(file: Any) -> Iterator[tuple[int, object, str]]:
    for number, line in enumerate(iter(file.readline, b""), 1):  # a line as soon as it is there
        raw = line.decode("utf-8", "replace").rstrip("\r\n")
        if not raw.strip():
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            data = json.loads(text, object_pairs_hook=_object)
        except UnicodeDecodeError as error:
            yield number, _Bad(f"invalid UTF-8 at byte {error.start}"), raw
        except json.JSONDecodeError as error:
            yield number, _Bad(f"broken JSON ({error.msg}: character {error.pos + 1})"), raw
        except _Twice as error:
            yield number, _Bad(str(error)), raw
        except ValueError:
            yield number, _Bad("broken JSON (a whole number of thousands of digits)"), raw
        except RecursionError:
            yield number, _Bad("JSON nested too deeply"), raw
        else:
            ok = isinstance(data, dict)
            yield number, data if ok else _Bad(f"is {_kind(data)}, not an object"), raw


class _Twice(ValueError):
    """A key that an object has twice, of which one value would be lost."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise _Twice(f"key {repeated(key for key, _ in pairs)[0]!r} is there twice")
    return data


def _whole(rows: Iterator[Any], path: Path) -> Iterator[Any]:
    number = 0
    try:
        for row in rows:
            number = row[0]
            yield row
    except DAMAGED_GZIP as error:
        raise damaged_gzip(f"{path} after line {number}", error) from error


def _kind(data: object) -> str:
    return {list: "a list", str: "a string", type(None): "null"}.get(type(data), "a number")


def _parquet_rows(path: Path) -> Iterator[Mapping[str, Any] | _Bad]:
    try:
        import pyarrow.parquet as parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError(_NO_PARQUET) from error
    import pyarrow

    try:
        file = parquet.ParquetFile(path)
        if twice := repeated(file.schema_arrow.names):
            raise DataError(f"{path} has two columns named {twice[0]!r}; rename one")
        for batch in file.iter_batches(batch_size=1024):
            try:
                yield from batch.to_pylist()
            except UnicodeDecodeError:  # in some row; the others are good
                yield from (_parquet_row(batch.slice(place, 1)) for place in range(len(batch)))
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())  # in one line
        raise DataError(
            f"{path} is not a readable Parquet file ({reason}); get or write the file again"
        ) from error


def _parquet_row(batch: Any) -> Mapping[str, Any] | _Bad:
    try:
        return batch.to_pylist()[0]
    except UnicodeDecodeError as error:
        return _Bad(f"invalid UTF-8 at byte {error.start}")


def write_jsonl(path: str | os.PathLike[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as JSONL, whole or not at all; returns how many.

    Numbers and arrays of numpy are written as numbers and lists, other objects as ``str(object)``.
    """
    count = 0
    with atomic_write(path) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=_plain) + "\n")
            count += 1
    return count


def _plain(value: Any) -> object:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def write_parquet(path: str | os.PathLike[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as Parquet, whole or not at all; returns how many. Needs pyarrow.

    Raises
    ------
    DataError
        A column mixes kinds of values, or holds what Parquet has no type for.
    """
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError(_NO_PARQUET) from error
    try:
        table = pyarrow.Table.from_pylist([dict(row) for row in rows])
    except (pyarrow.ArrowException, UnicodeEncodeError) as error:
        raise DataError(
            f"the rows cannot be written as Parquet ({error}); write JSONL instead"
        ) from error
    with atomic_write(path, "wb") as file:
        parquet.write_table(table, file)
    return table.num_rows


def shard(count: int, index: int, shards: int) -> range:
    """Return the row range of one shard: contiguous, disjoint, together everything.

    >>> [list(shard(5, i, 2)) for i in range(2)]
    [[0, 1], [2, 3, 4]]
    """
    if shards < 1:
        raise UsageError.parameter("shards", "must be at least 1", shards)
    if not 0 <= index < shards:
        raise UsageError.parameter("shard index", f"must be from 0 to {shards - 1}", index)
    return range(count * index // shards, count * (index + 1) // shards)
