"""Waits that grow while a connection stays lost."""

import time
from collections.abc import Callable

from growlabels.stream.serve.say import say as _say
from growlabels.stream.serve.sources.source import SourceError

FIRST, MOST = 0.1, 30.0
"""Seconds of the first and of the longest wait."""


class GrowingWaits:
    """Says when to try a lost connection again: after 0.1 s, then twice as long, up to 30 s.

    Parameters
    ----------
    name
        What messages call the source.
    patience
        Seconds after which the first connection of all is given up.
    say
        Called with one sentence when the connection is lost and when it is back.
    """

    def __init__(
        self,
        name: str,
        patience: float = 10.0,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self.patience = patience
        self.trouble = ""
        self.say: Callable[[str], None] = _say if say is None else say
        self._wait, self._next, self._began = FIRST, 0.0, time.monotonic()
        self._was_connected = False

    @property
    def due(self) -> bool:
        """Whether the next try may be made now."""
        return time.monotonic() >= self._next

    def pause(self, most: float) -> None:
        """Sleep until the next try is due, for at most ``most`` seconds."""
        time.sleep(max(min(self._next - time.monotonic(), most), 0.0))

    def connected(self) -> None:
        """Note that the source answered."""
        if self.trouble:
            self.say(f"{self.name} answers again")
        self.trouble, self._wait, self._was_connected = "", FIRST, True

    def lost(self, reason: str) -> None:
        """Note a failed try; a ``SourceError`` where the source has never answered in time."""
        now = time.monotonic()
        if not self._was_connected and now - self._began > self.patience:
            raise SourceError(
                f"cannot reach {self.name} ({reason}); check the address, or start the broker"
            )
        if not self.trouble and self._was_connected:
            self.say(f"{self.name} does not answer ({reason}); trying again until it does")
        self.trouble: str = reason
        self._next = now + self._wait
        self._wait = min(2 * self._wait, MOST)
