"""Who may use the model now: one learner, and callers who want a prediction soon."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_MOMENT = 0.00005


class Turn:
    """A lock that lets waiting predictions go before the next row is learned."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = threading.Lock()
        self._waiting = 0

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Hold the model to learn one row, after the predictions that wait."""
        while self._waiting:
            time.sleep(_MOMENT)
        with self._lock:
            yield

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Hold the model to predict or to look into it."""
        with self._count:
            self._waiting += 1
        try:
            self._lock.acquire()
        finally:
            with self._count:
                self._waiting -= 1
        try:
            yield
        finally:
            self._lock.release()
