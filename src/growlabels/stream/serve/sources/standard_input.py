"""Standard input as a source; its positions count lines and know how the input began."""

import hashlib
import os
import select
import sys
from typing import Any

from growlabels.base.errors import DataError
from growlabels.stream.serve.sources.json_row import read_row
from growlabels.stream.serve.sources.source import Arrived, Position, SourceError

_HEAD = 100
"""Lines by which an input is recognised as one that was read before."""
_CHUNK = 2**16


class StandardInput:
    """Lines of JSON objects from standard input, each as soon as its line end is there.

    What was read cannot be read again. After a restart there are two cases, told apart by the
    first 100 lines: the same input is written anew, so the lines that were read are skipped; or
    it goes on with other rows, so all of them are read. :attr:`note` says which.

    Parameters
    ----------
    wait
        Seconds that :meth:`rows_after` waits for the first line.
    descriptor
        File descriptor to read; that of ``sys.stdin`` by default.
    """

    def __init__(self, wait: float = 0.2, descriptor: int | None = None) -> None:
        if descriptor is None and sys.stdin is None:
            raise DataError("standard input is closed; write the rows to it")
        self.name = "standard input"
        self.wait = wait
        self.ended = False
        self.note = ""
        self._from = sys.stdin.fileno() if descriptor is None else descriptor
        self._bytes = b""
        self._lines = 0
        self._kept: list[bytes] = []
        self._head, self._headed = hashlib.sha256(), 0
        self._all = hashlib.sha256()

    def open(self, position: Position) -> None:
        """Skip the lines that were read before, if the input begins as it did then."""
        if position is None or position == self._position():
            return
        if self._lines:
            raise SourceError("standard input cannot be read from an earlier position")
        self.wait, wait = 60.0, self.wait
        while len(self._kept) < position["headed"] and not self.ended:
            self._kept += self._read(position["headed"] - len(self._kept))
        self.wait: float = wait
        digest = hashlib.sha256(b"".join(self._kept)).hexdigest()
        if len(self._kept) < position["headed"] or digest != position["head"]:
            self.note = f"{self.name} begins with other rows than before: all of them are read"
            return
        while self._lines < position["lines"] and not self.ended:
            for line in self._next(position["lines"] - self._lines):
                self._count(line)
        if self._position() != position:
            raise SourceError(
                f"standard input begins as it did before and then differs within the "
                f"{position['lines']:,} lines that were read; write the same rows, or only new ones"
            )
        self.note: str = f"{self.name} begins as before: the {self._lines:,} lines read are skipped"

    def rows_after(self, position: Position, most: int) -> list[Arrived]:
        """Return up to ``most`` lines; ``position`` must be that of the last one, or None."""
        found: list[Arrived] = []
        for line in self._next(most):
            self._count(line)
            if line.strip():
                found.append(Arrived(read_row(line), self._position()))
        return found

    def close(self) -> None:
        """Do nothing: standard input belongs to the process."""

    def _position(self) -> dict[str, Any]:
        return {
            "lines": self._lines,
            "all": self._all.hexdigest(),
            "headed": self._headed,
            "head": self._head.hexdigest(),
        }

    def _count(self, line: bytes) -> None:
        self._lines += 1
        self._all.update(line)
        if self._headed < _HEAD:
            self._headed += 1
            self._head.update(line)

    def _next(self, most: int) -> list[bytes]:
        """Take lines that were looked at before, then further ones."""
        if self._kept:
            found, self._kept = self._kept[:most], self._kept[most:]
            return found
        return self._read(most)

    def _read(self, most: int) -> list[bytes]:
        while not self.ended and b"\n" not in self._bytes:
            if not select.select([self._from], [], [], self.wait)[0]:
                return []
            more = os.read(self._from, _CHUNK)
            self._bytes += more
            self.ended: bool = not more
        *whole, rest = self._bytes.split(b"\n", most)
        if self.ended and rest and len(whole) < most:
            whole, rest = [*whole, rest], b""
        else:
            whole = [line + b"\n" for line in whole]
        self._bytes = rest
        return whole
