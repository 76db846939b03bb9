"""Rows whose labels come later, and labels whose rows come later, matched by id."""

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

Labels = tuple[str, ...]


class Waiting(NamedTuple):
    """A row or a set of labels that has an id.

    Attributes
    ----------
    row
        The row as JSON; empty for labels whose row has not come.
    labels
        Labels that came; for a row that waits, those that were predicted.
    time
        When it came, in seconds since 1970; 0 where the source does not say.
    """

    row: bytes
    labels: Labels
    time: float


class AwaitedRows:
    """A bounded store of rows without labels, labels without rows, and rows just learned.

    Rows that were learned are kept as long as the others, so that corrected labels find them.

    Parameters
    ----------
    most
        Entries of each of the three kinds; the oldest goes first.
    age
        Seconds, by the clock of the source, after which an entry goes.

    Attributes
    ----------
    expired
        How many rows and labels went before their counterpart came.
    """

    KINDS = "rows", "labels", "learned"

    def __init__(self, most: int = 10_000, age: float = 86_400.0) -> None:
        self.most: int = most
        self.age: float = age
        self.expired = {"rows": 0, "labels": 0}
        self._kinds: dict[str, dict[Any, Waiting]] = {kind: {} for kind in self.KINDS}
        self._now = 0.0

    def count(self, kind: str) -> int:
        """Return how many entries of a kind there are."""
        return len(self._kinds[kind])

    def has(self, kind: str, name: Any) -> bool:
        """Say whether there is an entry."""
        return name in self._kinds[kind]

    def get(self, kind: str, name: Any) -> Waiting:
        """Return an entry and leave it there."""
        return self._kinds[kind][name]

    def put(self, kind: str, name: Any, entry: Waiting) -> None:
        """Add an entry as the newest of its kind; too many, and the oldest goes."""
        entries = self._kinds[kind]
        entries.pop(name, None)
        entries[name] = entry
        self._drop(kind, lambda oldest: len(entries) > self.most)

    def take(self, kind: str, name: Any) -> Waiting | None:
        """Remove and return an entry; None where there is none."""
        return self._kinds[kind].pop(name, None)

    def expire(self, now: float) -> None:
        """Drop what is too old. The clock never goes back: times may come out of order."""
        self._now = max(self._now, now)
        for kind in self.KINDS:
            self._drop(kind, lambda oldest: 0 < oldest.time < self._now - self.age)

    def _drop(self, kind: str, is_due: Callable[[Waiting], bool]) -> None:
        entries = self._kinds[kind]
        while entries and is_due(entries[oldest := next(iter(entries))]):
            del entries[oldest]
            if kind in self.expired:
                self.expired[kind] += 1

    def to_lines(self) -> bytes:
        """Return all entries as JSON lines, the clock and the counts first."""
        head = {"now": self._now, "expired": self.expired}
        return b"\n".join([json.dumps(head).encode(), *self._lines()])

    def _lines(self) -> Iterable[bytes]:
        for kind, entries in self._kinds.items():
            for name, entry in entries.items():
                about = json.dumps([kind, name, entry.labels, entry.time])
                yield about.encode() + b"\t" + entry.row

    def fill(self, lines: bytes) -> None:
        """Take the entries that :meth:`to_lines` wrote."""
        head, *entries = lines.split(b"\n")
        about = json.loads(head)
        self._now = float(about["now"])
        self.expired: dict[str, int] = dict(about["expired"])
        for line in entries:
            about, _, row = line.partition(b"\t")
            kind, name, labels, time = json.loads(about)
            self._kinds[kind][name] = Waiting(row, tuple(labels), time)
