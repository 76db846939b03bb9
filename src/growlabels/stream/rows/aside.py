"""Rows that could not be used: counted, and kept on disk until the run folder is written."""

import json
import shutil
import tempfile
from dataclasses import asdict
from typing import IO, Any

from growlabels.tables import MalformedRow

_IN_MEMORY = 2**20


class Aside:
    """Takes malformed rows, however many there are, in bounded memory.

    Attributes
    ----------
    count
        How many there were.
    first
        The first one; None: there was none.
    """

    def __init__(self) -> None:
        self.count: int = 0
        self.first: MalformedRow | None = None
        self._lines: IO[str] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 (closed by exit)
            _IN_MEMORY, "w+", encoding="utf-8", errors="backslashreplace", newline="\n"
        )

    def __enter__(self) -> "Aside":
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    def __call__(self, row: MalformedRow) -> None:
        """Take one row."""
        self.count += 1
        self.first = self.first or row
        self._lines.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")

    def copy(self, file: IO[Any]) -> None:
        """Write the rows as JSON lines."""
        self._lines.seek(0)
        shutil.copyfileobj(self._lines, file)
