"""Store a person's decisions about rows, one JSON line each.

Each line is flushed to disk before the next row is shown. Lines are only appended, and an undo is a
line too. A line that a crash left incomplete is ignored, and the next decision replaces it.
"""

import json
import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from growlabels.base.errors import DataError, GrowLabelsError, UsageError

DECISIONS = "decisions.jsonl"
Decision = Literal["accept", "reject", "unsure"]
_UNDO = "undo"


class Decisions:
    """Read and append the decisions in a file, without a copy in memory.

    Parameters
    ----------
    path
        The file, which need not exist.

    Raises
    ------
    DataError
        A complete line is not a decision.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> decisions = Decisions(Path(folder.name, "decisions.jsonl"))
    >>> decisions.add("row-a", "reject")
    >>> decisions.add("row-b", "accept")
    >>> decisions.undo()
    'row-b'
    >>> decisions.current()
    {'row-a': 'reject'}
    >>> folder.cleanup()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)

    def add(self, row_id: str, decision: Decision) -> None:
        """Append a decision, and flush it to disk.

        Raises
        ------
        UsageError
            The decision is not accept, reject or unsure.
        GrowLabelsError
            The file cannot be written.
        """
        if decision not in get_args(Decision):
            raise UsageError.choice("decision", get_args(Decision), decision)
        self._write(row_id, decision)

    def undo(self) -> str | None:
        """Undo the last decision and return its row id, or None if there is none."""
        made = self._made()
        if not made:
            return None
        self._write(made[-1][0], _UNDO)
        return made[-1][0]

    def current(self) -> dict[str, Decision]:
        """Return row id -> current decision, in the order in which they were made."""
        return dict(self._made())

    def counts(self) -> Mapping[str, int]:
        """Return decision -> number of rows."""
        found = Counter(self.current().values())
        return {decision: found[decision] for decision in get_args(Decision)}

    def _made(self) -> list[tuple[str, Decision]]:
        """Return all decisions that were not undone, the oldest first."""
        made: list[tuple[str, Decision]] = []
        for number, line in enumerate(self._whole().splitlines(), 1):
            try:
                record = json.loads(line)
                row_id, decision = record["row_id"], record["decision"]
                if decision not in (_UNDO, *get_args(Decision)) or not isinstance(row_id, str):
                    raise ValueError(f"decision is {decision!r}")
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"{self.path} line {number} is not a decision ({error}); correct or remove it"
                ) from error
            if decision != _UNDO:
                made.append((row_id, decision))
            elif made:
                made.pop()
        return made

    def _whole(self) -> bytes:
        """Read the file up to the end of its last complete line."""
        data = self.path.read_bytes() if self.path.exists() else b""
        return data[: data.rfind(b"\n") + 1]

    def _write(self, row_id: str, decision: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps({"row_id": row_id, "decision": decision, "time": now}) + "\n"
        try:
            whole, is_new = len(self._whole()), not self.path.exists()
            with self.path.open("ab") as file:
                file.truncate(whole)
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                _sync_folder(self.path.parent)
        except OSError as error:
            raise GrowLabelsError(
                f"cannot write {str(self.path)!r}: {error.strerror or error}; the decision is lost"
            ) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
