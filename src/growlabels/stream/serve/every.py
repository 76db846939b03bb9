"""How often a checkpoint is due: after so many rows, or after so many seconds."""

import re
import time

from growlabels.base.errors import UsageError

_SAID = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|rows)?")
_FIRST = 1.0
"""Seconds before something is due for the first time."""
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Every:
    """Says when something is due.

    Parameters
    ----------
    said
        ``"10s"``, ``"2m"``, ``"1h"``, or ``"5000"`` or ``"5000 rows"``. A time grows up to what
        was said: first one second, then twice as long each time, so that a new run is soon safe.

    Examples
    --------
    >>> every = Every("2 rows")
    >>> [every.due(rows) for rows in (1, 2, 3, 4)]
    [False, True, False, True]
    """

    def __init__(self, said: str) -> None:
        found = _SAID.fullmatch(said.strip()) if isinstance(said, str) else None
        number = float(found[1]) if found else 0.0
        unit = found[2] if found else None
        if not number or (unit in (None, "rows") and not number.is_integer()):
            must = "must be a time such as 10s, 2m or 1h, or a number of rows such as 5000"
            raise UsageError.parameter("checkpoint-every", must, said)
        self.rows: int | None = int(number) if unit in (None, "rows") else None
        self.seconds: float | None = None if self.rows else number * _SECONDS[unit or "s"]
        self._row, self._time, self._wait = 0, time.monotonic(), _FIRST

    def start(self, rows: int) -> None:
        """Count from here."""
        self._row, self._time = rows, time.monotonic()

    def due(self, rows: int) -> bool:
        """Say whether it is due after ``rows`` rows; if so, count from here."""
        if self.rows is not None:
            due = rows - self._row >= self.rows
        else:
            assert self.seconds is not None
            due = time.monotonic() - self._time >= min(self._wait, self.seconds)
        if due:
            self._wait *= 2
            self.start(rows)
        return due
