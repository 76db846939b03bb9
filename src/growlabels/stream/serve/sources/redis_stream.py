"""A Redis stream as a source; its positions are ids of entries, with how many were added before."""

from typing import Any, cast
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from growlabels.base.errors import UsageError
from growlabels.stream.serve.sources.json_row import read_row
from growlabels.stream.serve.sources.source import Arrived, Position, SourceError, Unreadable
from growlabels.stream.serve.sources.waits import GrowingWaits

_START = "0-0"
_LOST = (redis.ConnectionError, redis.TimeoutError, ConnectionError, TimeoutError)


class RedisSource:
    """Entries of one Redis stream; the field ``row`` of an entry holds a JSON object.

    Parameters
    ----------
    url
        Address of the server, such as ``redis://127.0.0.1:6379/0``, as ``redis.Redis.from_url``
        takes it.
    stream
        Key of the stream.
    field
        Field of an entry that holds the row.
    wait
        Seconds that :meth:`rows_after` waits for the first entry.
    accept_gap
        Go on after entries that were trimmed before they were read. False: refuse.
    waits
        When a lost connection is tried again.
    """

    def __init__(
        self,
        url: str,
        stream: str,
        field: str = "row",
        wait: float = 0.2,
        accept_gap: bool = False,
        waits: GrowingWaits | None = None,
    ) -> None:
        self.stream: str = stream
        self.field: str = field
        self.wait: float = wait
        self.accept_gap: bool = accept_gap
        parts = urlsplit(url)
        self.name: str = f"stream {stream!r} of Redis at {parts.hostname}:{parts.port or 6379}"
        self.ended = False
        self.waits: GrowingWaits = GrowingWaits(self.name) if waits is None else waits
        try:
            self._server = redis.Redis.from_url(
                url,
                socket_connect_timeout=5,
                socket_timeout=wait + 5,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            raise UsageError(f"{url!r} is not the address of a Redis server ({error})") from error
        self._checked = False
        self._said = False

    def open(self, position: Position) -> None:
        """Check that the stream is there and still holds what follows ``position``."""
        while not self._checked:
            self.rows_after(position, 0)

    def rows_after(self, position: Position, most: int) -> list[Arrived]:
        """Return up to ``most`` entries after ``position``."""
        if not self.waits.due:
            self.waits.pause(self.wait)
            return []
        last = _START if position is None else position["id"]
        try:
            if not self._checked:
                self._check(last)
            found = self._entries(position, most)
            if most and not found:  # wait for one, then look what was lost meanwhile
                self._server.xread({self.stream: last}, 1, max(int(1000 * self.wait), 1))
                found = self._entries(position, most)
        except _LOST as error:
            self._checked = False
            self.waits.lost(str(error).rstrip("."))
            return []
        except redis.RedisError as error:
            raise SourceError(f"{self.name} cannot be read: {error}") from error
        self.waits.connected()
        return found

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    def _check(self, last: str) -> None:
        """Refuse a stream that is not there, or that ends before the entry ``last``."""
        kind = cast("bytes", self._server.type(self.stream))
        if kind == b"none":
            hint = "add a first entry with XADD, or check the name"
            raise SourceError(f"{self.name} does not exist; {hint}")
        if kind != b"stream":
            raise SourceError(f"{self.name} is a {kind.decode()}, not a stream; check the name")
        about = cast("dict[str, Any]", self._server.xinfo_stream(self.stream))
        end = about["last-generated-id"].decode()
        if _number(last) > _number(end):
            raise SourceError(
                f"{self.name} ends at {end}, before {last} where this run stands: "
                "the server lost entries, or it is another stream; start a new run"
            )
        self._checked = True

    def _entries(self, position: Position, most: int) -> list[Arrived]:
        """Read entries, and in the same moment what was removed before it was read."""
        last = _START if position is None else position["id"]
        together = self._server.pipeline(transaction=True)
        together.xinfo_stream(self.stream)
        together.xread({self.stream: last}, max(most, 1))
        about, answer = together.execute()
        removed = about.get("entries-added", 0) - about["length"]
        read = max(removed, 0) if position is None else position["read"]
        if position is not None:
            deleted = about.get("max-deleted-entry-id", _START.encode())
            self._refuse_gap(last, removed - read, _number(deleted) > _number(last))
            read = max(read, removed)
        if not answer or not most:
            return []
        entries = next(iter(answer.values()))[0] if isinstance(answer, dict) else answer[0][1]
        return [self._arrived(entry[0], entry[1], read + i) for i, entry in enumerate(entries, 1)]

    def _refuse_gap(self, last: str, trimmed: int, deleted: bool) -> None:
        if trimmed <= 0 and (not deleted or self._said):
            return
        count = f"{trimmed:,} entries" if trimmed > 0 else "entries"
        gap = f"{self.name} lost {count} after {last} before they were read (trimmed or deleted)"
        if not self.accept_gap:
            raise SourceError(f"{gap}; say --accept-gap to go on without them")
        self._said = True
        self.waits.say(gap)

    def _arrived(self, number: bytes, fields: dict[bytes, bytes] | None, read: int) -> Arrived:
        name = number.decode()
        payload = (fields or {}).get(self.field.encode())
        if payload is None:
            has = ", ".join(sorted(key.decode("utf-8", "replace") for key in fields or {}))
            row: Any = Unreadable(f"has no field {self.field!r}, it has {has or 'none'}", "")
        else:
            row = read_row(payload)
        return Arrived(row, {"id": name, "read": read}, _number(name)[0] / 1000)


def _number(entry: str | bytes) -> tuple[int, int]:
    text = entry.decode() if isinstance(entry, bytes) else entry
    milliseconds, _, sequence = text.partition("-")
    return int(milliseconds), int(sequence or 0)
