"""Rows that come only once: what was learned when they stop coming is kept."""

import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

from growlabels.base.errors import DataError, GrowLabelsError

SIGNALS = signal.SIGINT, signal.SIGTERM
_END = object()


class StoppedError(GrowLabelsError):
    """Somebody stopped a live stream; what had been learned was kept."""

    exit_code = 130


class UntilStopped:
    """Rows up to Ctrl-C, a polite kill (SIGTERM) or a row that cannot be read.

    A signal that comes while a row is awaited ends the stream there; one that comes while a
    row is learned waits until that is done, so no model is left half-taught. Afterwards
    :attr:`reason` says what ended the stream. Signals are caught inside ``with`` alone, and
    in the main thread.

    Parameters
    ----------
    rows
        Any iterable; it is gone through once.

    Attributes
    ----------
    reason
        What ended the stream; None: the rows did.
    """

    def __init__(self, rows: Iterable[Any]) -> None:
        self.reason: GrowLabelsError | None = None
        self._rows = iter(rows)
        self._awaits = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "UntilStopped":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._stop) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __iter__(self) -> Iterator[Any]:
        try:
            while self.reason is None:
                self._awaits = True
                row = next(self._rows, _END)
                self._awaits = False
                if row is _END:
                    return
                yield row
        except (StoppedError, DataError) as error:
            self._awaits = False
            self.reason = error

    def _stop(self, number: int, frame: FrameType | None) -> None:
        error = StoppedError("stopped")
        if number == signal.SIGTERM:
            error.exit_code = 128 + number
        if self._awaits:
            self._awaits = False
            raise error
        self.reason = error
