"""Any iterable of rows as a source; its positions count rows."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from growlabels.base.errors import UsageError
from growlabels.stream.serve.sources.source import Arrived, Position, SourceError, Unreadable


class IteratorSource:
    """Rows of any iterable, one after the other.

    After a restart the iterable must give the same rows again: those before the position are
    skipped.

    Parameters
    ----------
    rows
        Mappings. Anything else is set aside as unreadable.
    name
        What messages call the source.

    Examples
    --------
    >>> source = IteratorSource([{"x": {"a": 1}}, {"x": {"a": 2}}])
    >>> source.rows_after(1, 10)
    [Arrived(row={'x': {'a': 2}}, position=2, time=None)]
    """

    def __init__(self, rows: Iterable[Any], name: str = "the iterable") -> None:
        if not isinstance(rows, Iterable) or isinstance(rows, str | bytes | Mapping):
            raise UsageError(f"rows must be an iterable of rows, they were {type(rows).__name__}")
        self.name = name
        self.ended = False
        self._rows = iter(rows)
        self._taken = 0

    def open(self, position: Position) -> None:
        """Skip the rows before ``position``."""
        wanted = position or 0
        if wanted < self._taken:
            raise SourceError(
                f"{self.name} cannot go back from row {self._taken} to row {wanted}; give a new one"
            )
        skipped = sum(1 for _ in itertools.islice(self._rows, wanted - self._taken))
        self._taken += skipped
        if self._taken < wanted:
            raise SourceError(
                f"{self.name} has {self._taken:,} rows and {wanted:,} were read before; give the "
                "same rows again"
            )

    def rows_after(self, position: Position, most: int) -> list[Arrived]:
        """Return up to ``most`` rows after the first ``position`` ones."""
        if (position or 0) != self._taken:
            self.open(position)
        found = []
        for row in itertools.islice(self._rows, most):
            self._taken += 1
            if not isinstance(row, Mapping):
                row = Unreadable(f"is {type(row).__name__}, not an object", repr(row)[:2000])
            found.append(Arrived(row, self._taken))
        self.ended: bool = len(found) < most
        return found

    def close(self) -> None:
        """Do nothing: the iterable belongs to the caller."""
