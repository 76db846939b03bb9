"""Files of JSON lines that a run goes on with: cut back to what its checkpoint knows of."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from growlabels.base.errors import GrowLabelsError, RunError
from growlabels.base.files import way_out


class LinesOut:
    """JSON lines that are written in order.

    After a restart the file is cut to the size that the checkpoint has noted, and the rows that
    are read again write their lines again. So the file holds every line once; a reader who
    follows it meanwhile can meet a line twice, and tells it by its position.

    Parameters
    ----------
    path
        The file; made if it does not exist.
    size
        Bytes to keep.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        self.path = path
        there = path.stat().st_size if path.exists() else 0
        if there < size:
            raise RunError(
                f"{str(path)!r} has {there:,} bytes, and the checkpoint knows of {size:,}: it was "
                "cut or replaced; put the old file back, or start a new run"
            )
        try:
            self._file: IO[bytes] = path.open("r+b" if path.exists() else "w+b")
            self._file.truncate(size)
            self._file.seek(size)
        except OSError as error:
            raise self._failed(error) from error
        self.size: int = size

    def add(self, line: Mapping[str, Any]) -> None:
        """Write one line."""
        data = json.dumps(line, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace")
        try:
            self._file.write(data + b"\n")
        except OSError as error:
            raise self._failed(error) from error
        self.size += len(data) + 1

    def sync(self) -> None:
        """Flush everything to the disk."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._failed(error) from error

    def flush(self) -> None:
        """Let readers see what was written."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _failed(self, error: OSError) -> GrowLabelsError:
        return GrowLabelsError(
            f"cannot write {str(self.path)!r}: {error.strerror or error}; {way_out(error)}"
        )
