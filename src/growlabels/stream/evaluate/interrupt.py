"""A stream that somebody or a bad row ends early: what was learned until then is kept."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from operator import length_hint
from types import FrameType
from typing import Any

from growlabels.base.errors import DataError, GrowLabelsError

SIGNALS = signal.SIGINT, signal.SIGTERM
_END = object()
_IN_HAND = b"stopping after the rows in hand; once more stops at once and keeps nothing\n"


class StoppedError(GrowLabelsError):
    """Somebody stopped a stream; what had been learned was kept."""

    exit_code = 130


class UntilStopped:
    """Rows up to Ctrl-C, a polite kill (SIGTERM) or a row that cannot be read.

    A signal that comes while a row is awaited ends the stream there; one that comes while a
    row is learned waits until that is done, so no model is left half-taught; a second one does
    not wait, and interrupts. Afterwards :attr:`reason` says what ended the stream. Signals are
    caught inside ``with`` alone, and in the main thread.

    Parameters
    ----------
    rows
        Any iterable; an iterator is gone through once.

    Attributes
    ----------
    reason
        What ended the stream; None: the rows did.
    """

    def __init__(self, rows: Iterable[Any]) -> None:
        self.reason: GrowLabelsError | None = None
        self.rows = rows
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
        return self.until(self.rows)

    def __length_hint__(self) -> int:
        return length_hint(self.rows)

    def until(self, parts: Iterable[Any]) -> Iterator[Any]:
        """Yield what the rows were cut into, up to the same end."""
        source = iter(parts)
        try:
            while self.reason is None:
                self._awaits = True
                part = next(source, _END)
                self._awaits = False
                if part is _END:
                    return
                yield part
        except (StoppedError, DataError) as error:
            self._awaits = False
            self.reason = error

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.reason is not None:
            raise KeyboardInterrupt
        error = StoppedError("stopped")
        if number == signal.SIGTERM:
            error.exit_code = 128 + number
        if self._awaits:
            self._awaits = False
            raise error
        self.reason = error
        with suppress(OSError):  # not by print, which may be what was interrupted
            os.write(2, _IN_HAND)
