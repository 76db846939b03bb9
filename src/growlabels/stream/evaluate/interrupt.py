"""Stop a stream early, by a signal or at an unreadable row, and keep what was learned."""

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
_STOPPING = b"stopping after the current rows; a second signal stops at once and saves nothing\n"


class StoppedError(GrowLabelsError):
    """Report that a signal stopped a stream; what was learned is kept."""

    exit_code = 130


class UntilStopped:
    """Yield rows until SIGINT (Ctrl-C), SIGTERM or an unreadable row.

    A signal during the wait for a row ends the stream at once. A signal during learning ends the
    stream after the current rows, so that the model stays consistent. A second signal raises
    KeyboardInterrupt at once. Signals are handled only inside ``with`` and in the main thread.

    Parameters
    ----------
    rows
        Any iterable; an iterator can be used only once.

    Attributes
    ----------
    reason
        The error that ended the stream; None if the rows ended.
    """

    def __init__(self, rows: Iterable[Any]) -> None:
        self.reason: GrowLabelsError | None = None
        self.rows = rows
        self._waiting = False
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
        """Yield ``parts``, chunks of the rows, until the same end."""
        source = iter(parts)
        try:
            while self.reason is None:
                self._waiting = True
                part = next(source, _END)
                self._waiting = False
                if part is _END:
                    return
                yield part
        except (StoppedError, DataError) as error:
            self._waiting = False
            self.reason = error

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if self.reason is not None:
            raise KeyboardInterrupt
        error = StoppedError("stopped")
        if number == signal.SIGTERM:
            error.exit_code = 128 + number
        if self._waiting:
            self._waiting = False
            raise error
        self.reason = error
        with suppress(
            OSError
        ):  # print is unsafe here: the signal may have interrupted print itself
            os.write(2, _STOPPING)
