"""A file of JSON lines that may still grow; its positions are bytes."""

import hashlib
import os
import time
from pathlib import Path
from typing import IO

from growlabels.base.errors import GrowLabelsError, UsageError
from growlabels.stream.serve.sources.json_row import read_row
from growlabels.stream.serve.sources.source import Arrived, Position, SourceError

_LOOKED_BACK = 1024
"""Bytes before a position that must be the same when reading goes on."""
_PAUSE = 0.05
"""Seconds between two looks at a file that has not grown."""


class GrowingFile:
    """Lines of a file, each a JSON object; the last one is read once its line end is there.

    Parameters
    ----------
    path
        The file. It must not be gzipped: such a file cannot be read from a position.
    follow
        Wait for further lines at the end. False: the end of the file ends the source, and a last
        line without a line end counts.
    wait
        Seconds that :meth:`rows_after` waits for the first line.
    """

    def __init__(self, path: str | os.PathLike[str], follow: bool = True, wait: float = 0.2):
        UsageError.require_path("path", path)
        self.path: Path = Path(path)
        self.follow: bool = follow
        self.wait: float = wait
        self.name: str = str(path)
        self.ended = False
        self._file: IO[bytes] | None = None
        self._byte = self._line = 0
        self._before = b""

    def open(self, position: Position) -> None:
        """Open the file and check that it still holds what was read before ``position``."""
        self.close()
        if not self.path.is_file():
            raise UsageError.missing_file(self.path)
        self._file = self.path.open("rb")
        try:
            self._go_to(self._file, position)
        except GrowLabelsError:
            self.close()
            raise

    def rows_after(self, position: Position, most: int) -> list[Arrived]:
        """Return up to ``most`` lines after ``position``."""
        if self._file is None or (position or {"byte": 0})["byte"] != self._byte:
            self.open(position)
        deadline = time.monotonic() + self.wait
        while True:
            found = self._lines(most)
            if found or self.ended or time.monotonic() >= deadline:
                return found
            time.sleep(_PAUSE)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _go_to(self, file: IO[bytes], position: Position) -> None:
        if file.read(2) == b"\x1f\x8b":
            raise UsageError(
                f"{self.name} is gzipped and cannot be followed; unpack it with gunzip"
            )
        at = position or {"byte": 0, "line": 0}
        self._byte, self._line = at["byte"], at["line"]
        begin = max(self._byte - _LOOKED_BACK, 0)
        file.seek(begin)
        self._before = file.read(self._byte - begin)
        if position is not None and position != self._position():
            raise SourceError(
                f"{self.name} ({self.path.stat().st_size:,} bytes) is not the file that was read "
                f"up to byte {self._byte:,}: it was cut or replaced; give the old file, or start "
                "a new run"
            )

    def _lines(self, most: int) -> list[Arrived]:
        assert self._file is not None
        found = []
        while len(found) < most and not self.ended:
            line = self._file.readline()
            if not line.endswith(b"\n"):
                if self.follow:
                    self._file.seek(self._byte)
                    self._refuse_change(self._file)
                    break
                self.ended: bool = True
            self._byte += len(line)
            self._line += bool(line)
            self._before = (self._before + line)[-_LOOKED_BACK:]
            if line.strip():
                found.append(Arrived(read_row(line), self._position()))
        return found

    def _position(self) -> Position:
        digest = hashlib.sha256(self._before).hexdigest()[:16]
        return {"byte": self._byte, "line": self._line, "before": digest}

    def _refuse_change(self, file: IO[bytes]) -> None:
        ours = os.fstat(file.fileno())
        try:
            replaced = self.path.stat().st_ino != ours.st_ino
        except FileNotFoundError:
            replaced = False  # moved away; nothing has taken its place yet
        if replaced or ours.st_size < self._byte:
            raise SourceError(
                f"{self.name} was cut or replaced while it was followed, after line "
                f"{self._line:,}; give a file that only grows"
            )
