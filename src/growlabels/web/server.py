"""Serve an application until somebody stops it."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn

from growlabels.base.errors import GrowLabelsError, UsageError

HOST = "127.0.0.1"
SIGNALS = signal.SIGINT, signal.SIGTERM


def listen(port: int = 0, host: str = HOST) -> socket.socket:
    """Open a listening socket.

    Raises
    ------
    UsageError
        The port is none.
    GrowLabelsError
        The port is taken, or the address is not one of this computer.
    """
    if not 0 <= port < 65536:
        raise UsageError.parameter("port", "must be from 0 to 65535", port)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise GrowLabelsError(
            f"cannot listen on port {port} of {host}: {error.strerror or error}; choose another "
            "--port"
        ) from error


class LocalServer(uvicorn.Server):
    """Answers requests until Ctrl-C, SIGTERM or :meth:`stop`, then returns.

    uvicorn alone raises the signal again when it is done, which ends the process at once; here
    the caller goes on and can keep what there is to keep.

    Attributes
    ----------
    signal
        The signal that ended it; None: no signal did.
    """

    def __init__(self, app: Any) -> None:
        super().__init__(
            uvicorn.Config(
                app, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=5
            )
        )
        self.signal: int | None = None

    def answer(self, listener: socket.socket) -> None:
        """Serve the requests that come to a listening socket."""
        with listener:
            self.run(sockets=[listener])

    def stop(self) -> None:
        """End :meth:`answer` from any thread."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals end the loop; those that come later are handled as before."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[int, Callable[..., Any] | int | None] = {
            number: signal.signal(number, self._stopped) for number in SIGNALS
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stopped(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self.stop()
