"""How often clusters may change: all that is due at once, then not until the evidence doubled.

Among many labels some pair always crosses its bound next, as counts grow: tested at every check,
the structure would never stand still, however strict each test. Looks that are spaced by factors
of two (a group sequential test) leave at most one change in ten checks once ten are behind, where
checks are evenly spaced and no rarer than a tenth of the rows that decayed counts hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

AFRESH = 500
"""Rows after the counts started again in which clusters may change at any look."""


@dataclass
class Pace:
    """When the last change was, and on how much evidence.

    Attributes
    ----------
    row
        Rows learned at the last change.
    held
        Rows, decayed, that the counts held then.
    seen
        Rows that the counts held at the last look.
    afresh
        Rows learned when they were first seen to have started again.

    Examples
    --------
    >>> pace = Pace()
    >>> pace.changed(400.0, row=400)
    >>> [row for row in range(500, 1001, 100) if pace.allows(float(row), row)]
    [800, 900, 1000]
    >>> pace.changed(1000.0, row=1000)
    >>> pace.allows(30.0, row=1100)  # the counts started again at row 1070
    True
    """

    row: int = 0
    held: float = 0.0
    seen: float = 0.0
    afresh: int = -AFRESH

    def allows(self, held: float, row: int) -> bool:
        """Look at counts that hold ``held`` rows now; say whether clusters may change."""
        if held < self.seen:
            self.afresh = row
        self.seen = held
        return row < self.afresh + AFRESH or held < self.held or row - self.row >= self.held

    def changed(self, held: float, row: int) -> None:
        """Take note of a change."""
        self.row, self.held = row, held

    def state(self) -> list[float]:
        """Give the whole state as a JSON value."""
        return [self.row, self.held, self.seen, self.afresh]

    @classmethod
    def from_state(cls, state: Sequence[float]) -> "Pace":
        """Rebuild from :meth:`state`."""
        row, held, seen, afresh = state
        return cls(int(row), float(held), float(seen), int(afresh))
