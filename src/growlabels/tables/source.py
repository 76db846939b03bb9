"""Where bytes come from: a file, standard input or an open file, unpacked chunk by chunk."""

import io
import itertools
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from growlabels.base.errors import DataError, UsageError
from growlabels.tables.packing import CHUNK, DamagedError, packing_of, unpacked

STANDARD_INPUT = "standard input"


class Source:
    """The bytes of one file.

    Parameters
    ----------
    opened
        A path, ``"-"`` for standard input, or an open binary file.

    Attributes
    ----------
    name
        Of the file, for messages.
    path
        None for what has no path.
    packing
        ``".gz"``, ``".bz2"``, ``".xz"``, ``".zst"`` or empty.
    one_pass
        Whether the bytes can be read once only.

    Raises
    ------
    UsageError
        The file does not exist.
    DataError
        Standard input is closed.
    """

    def __init__(self, opened: str | os.PathLike[str] | IO[bytes]) -> None:
        self.path: Path | None = None
        self._file: Any = None
        if isinstance(opened, str | os.PathLike) and str(opened) != "-":
            self.path = Path(opened)
            self.name = self.path.name
            if not self.path.is_file():
                raise UsageError.missing_file(self.path)
        elif isinstance(opened, str | os.PathLike):
            self.name = STANDARD_INPUT
            if sys.stdin is None:
                raise DataError(f"{STANDARD_INPUT} is closed; write the rows to it")
            self._file = sys.stdin.buffer
        else:
            self.name: str = str(getattr(opened, "name", "input"))
            self._file = opened
        self.one_pass: bool = self.path is None
        self._first: list[bytes] = []
        self._rest = self._packed_chunks() if self.one_pass else iter(())
        head = self._packed_head()
        self.packing: str = packing_of(head)
        self._unpacked: Iterator[bytes] | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, unpacked, as soon as they are there."""
        if not self.one_pass:
            yield from self._unpack(self._packed_chunks())
            return
        yield from self._first
        self._first = []
        yield from self._stream()

    def head(self, lines: int = 1, size: int = 2**16) -> bytes:
        """Return the first bytes, unpacked, without losing them.

        Parameters
        ----------
        lines
            Wait for this many lines that are not blank, or for the end.
        size
            Return no more than so many bytes.
        """
        if not self.one_pass:
            found = b""
            with suppress(DamagedError):  # said where the rows are read
                for chunk in self.chunks():
                    found += chunk
                    if len(found) >= size:
                        break
            return found[:size]
        stream = self._stream()
        while not _has_lines(found := b"".join(self._first), lines, size):
            chunk = next(stream, None)
            if chunk is None:
                break
            self._first.append(chunk)
        return found[:size]

    def _stream(self) -> Iterator[bytes]:
        """Return the one iterator over what a source of one pass still holds."""
        if self._unpacked is None:
            self._unpacked = iter(self._unpack(self._rest))
        return self._unpacked

    def _unpack(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        return unpacked(chunks, self.packing, self.name) if self.packing else chunks

    def _packed_chunks(self) -> Iterator[bytes]:
        if self.path is None:
            yield from _chunks(self._file)
            return
        with self.path.open("rb") as file:
            yield from _chunks(file)

    def _packed_head(self) -> bytes:
        if not self.one_pass:
            with self.path.open("rb") as file:  # type: ignore[union-attr]
                return file.read(8)
        first = next(self._rest, b"")
        self._rest = itertools.chain([first], self._rest)
        return first


def _chunks(file: Any) -> Iterator[bytes]:
    """Yield what is there, without waiting for more."""
    read = getattr(file, "read1", file.read)
    while chunk := read(CHUNK):
        yield chunk


def _has_lines(found: bytes, lines: int, size: int) -> bool:
    if len(found) >= size:
        return True
    whole = found[: found.rfind(b"\n") + 1]
    return sum(1 for line in io.BytesIO(whole) if line.strip(b" \t\r\n\0\xef\xbb\xbf")) >= lines
