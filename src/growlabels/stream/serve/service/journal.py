"""What a service accepted, on the disk before it is answered, and read back as a source."""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from growlabels.base.errors import GrowLabelsError, RunError
from growlabels.base.files import way_out
from growlabels.stream.serve.sources.source import Arrived, Position

_NAME = re.compile(r"(\d{9})\.jsonl")
_SEGMENT = 16 * 2**20
"""Bytes after which a new file is begun."""
_AHEAD = 256
"""Lines that are read at a time where rows are read back."""


class FullError(GrowLabelsError):
    """More rows wait to be learned than the journal takes."""


class Journal:
    """A source of the rows that :meth:`append` was given, in that order.

    A row is in a file before :meth:`append` returns, so a killed service learns it after its
    restart. Only what the operating system has not written yet when the power fails is lost.

    Parameters
    ----------
    folder
        Where the files are; made if it does not exist.
    wait
        Seconds that :meth:`rows_after` waits for the first row.
    most
        Rows that may wait to be learned; then further ones are refused.
    """

    name = "the journal"
    ended = False

    def __init__(self, folder: Path, wait: float = 0.2, most: int = 100_000) -> None:
        self.folder: Path = folder
        self.wait: float = wait
        self.most: int = most
        self._some = threading.Condition()
        self._new: deque[Arrived] = deque()
        self._old: deque[Arrived] = deque()
        self._unread: Position = None
        self._kept: deque[int] = deque(maxlen=3)
        folder.mkdir(parents=True, exist_ok=True)
        numbers = self._numbers()
        self._number = numbers[-1] if numbers else 1
        path = self._path(self._number)
        self._size = _whole_lines(path)
        self._file: IO[bytes] = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(self._size)
        self._file.seek(self._size)
        self._end = self._number, self._size  # what comes later is in memory too

    def append(self, rows: Sequence[Mapping[str, Any]]) -> list[Position]:
        """Write rows and return their positions.

        Raises
        ------
        FullError
            Too many rows wait to be learned.
        GrowLabelsError
            The disk is full; none of the rows was accepted.
        """
        now = time.time()
        lines = [json.dumps([now, row], separators=(",", ":")).encode() + b"\n" for row in rows]
        with self._some:
            if len(self._new) + len(rows) > self.most:
                raise FullError(
                    f"{len(self._new):,} rows wait to be learned, and {self.most:,} is the most; "
                    "send further ones later"
                )
            if self._size > _SEGMENT:
                self._begin_next()
            try:
                self._file.write(b"".join(lines))
                self._file.flush()
            except OSError as error:
                self._take_back()
                raise GrowLabelsError(
                    f"the rows were not accepted: cannot write {str(self._path(self._number))!r}: "
                    f"{error.strerror or error}; {way_out(error)}"
                ) from error
            found = []
            for line, row in zip(lines, rows, strict=True):
                self._size += len(line)
                position = {"file": self._number, "byte": self._size}
                found.append(position)
                self._new.append(Arrived(row, position, now))
            self._some.notify()
        return found

    @property
    def waiting(self) -> int:
        """Rows accepted since the start that wait to be learned."""
        return len(self._new)

    def open(self, position: Position) -> None:
        """Go back to ``position``; rows accepted after it come again."""
        at = position or {"file": min(self._numbers()), "byte": 0}
        path = self._path(at["file"])
        if not path.exists() or path.stat().st_size < at["byte"]:
            raise RunError(
                f"{str(path)!r} is missing or cut, and this run stands at byte {at['byte']:,} of "
                "it; put the file back, or start a new run"
            )
        self._unread = at

    def rows_after(self, position: Position, most: int) -> list[Arrived]:
        """Return up to ``most`` rows that follow those returned before."""
        if self._unread is not None and not self._old:
            self._read_back()
        if self._old:
            return [self._old.popleft() for _ in range(min(most, len(self._old)))]
        with self._some:
            if not self._new:
                self._some.wait(self.wait)
            return [self._new.popleft() for _ in range(min(most, len(self._new)))]

    def forget(self, position: Position) -> None:
        """Delete files that the last three checkpoints do not need.

        Parameters
        ----------
        position
            That of a checkpoint that was just written.
        """
        self._kept.append((position or {"file": 1})["file"])
        if len(self._kept) == self._kept.maxlen:
            for number in self._numbers():
                if number < min(self._kept):
                    self._path(number).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:09d}.jsonl"

    def _numbers(self) -> list[int]:
        names = (_NAME.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def _begin_next(self) -> None:
        path = self._path(self._number + 1)
        try:
            file = path.open("w+b")
        except OSError as error:
            raise GrowLabelsError(
                f"the rows were not accepted: cannot make {str(path)!r}: {error.strerror}"
            ) from error
        self._file.close()
        self._file, self._number, self._size = file, self._number + 1, 0

    def _take_back(self) -> None:
        """Cut away what a failed write has left."""
        path = self._path(self._number)
        with suppress(OSError):  # what was not written is not wanted
            self._file.close()
        self._file = path.open("r+b")
        self._file.truncate(self._size)
        self._file.seek(self._size)

    def _read_back(self) -> None:
        """Read the next lines of what was accepted before this process began."""
        at = self._unread
        while True:
            last = at["file"] == self._end[0]
            with self._path(at["file"]).open("rb") as file:
                file.seek(at["byte"])
                while len(self._old) < _AHEAD and not (last and file.tell() >= self._end[1]):
                    line = file.readline()
                    if not line:
                        break
                    when, row = json.loads(line)
                    at = {"file": at["file"], "byte": file.tell()}
                    self._old.append(Arrived(row, at, when))
            if self._old:
                self._unread = at
                return
            if last:
                self._unread = None
                return
            at = {"file": at["file"] + 1, "byte": 0}


def _whole_lines(path: Path) -> int:
    """Return the bytes of a file up to its last line end: a crash may cut a line."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        end = begin = file.seek(0, 2)
        while begin:
            begin = max(begin - 2**16, 0)
            file.seek(begin)
            place = file.read(end - begin).rfind(b"\n")
            if place >= 0:
                return begin + place + 1
            end = begin
    return 0
