"""The protocol of a source: rows with positions, so that reading can go on where it stopped."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from growlabels.base.errors import GrowLabelsError

Position = Any
"""A JSON value that a source made; None: before the first row."""


class SourceError(GrowLabelsError):
    """A source cannot be read, or cannot go on from a position."""


class Unreadable(NamedTuple):
    """A row that cannot be used: why, and its raw text."""

    reason: str
    raw: str


class Arrived(NamedTuple):
    """A row as a source hands it on.

    Attributes
    ----------
    row
        The object that was read, or why there is none.
    position
        Given to ``rows_after``, it makes the source go on after this row.
    time
        When the row was made, in seconds since 1970, where the source knows it.
    """

    row: Mapping[str, Any] | Unreadable
    position: Position
    time: float | None = None


class Source(Protocol):
    """Rows in a fixed order, each with a position.

    Attributes
    ----------
    name
        What messages call the source.
    ended
        Whether no further row can come.
    """

    name: str
    ended: bool

    def open(self, position: Position) -> None:
        """Check that rows can be read after ``position``; a ``SourceError`` says why not."""
        ...

    def rows_after(self, position: Position, most: int) -> list[Arrived]:
        """Return up to ``most`` rows after ``position``, in their order.

        Waits a fraction of a second for the first row; an empty list means that none came yet.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
