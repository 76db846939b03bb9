"""Limit how often clusters change: apply all pending changes, then wait for twice the evidence.

Among many labels, some pair always crosses its bound at the next check. If every check could
change the clusters, they would never settle, however strict each test. Checks whose spacing
doubles are a group sequential test. After the first ten checks they allow at most one change in
any ten. This holds for evenly spaced checks whose interval is at most a tenth of the rows counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

AFRESH = 500
"""Number of rows after a restart of the counts in which every check may change clusters."""


@dataclass
class Pace:
    """Decide at which checks clusters may change.

    Attributes
    ----------
    row
        Number of rows learned at the last change.
    held
        Decayed number of rows in the counts at the last change.
    seen
        Decayed number of rows in the counts at the last check.
    afresh
        Number of rows learned at the first check after the counts restarted.

    Examples
    --------
    >>> pace = Pace()
    >>> pace.changed(400.0, row=400)
    >>> [row for row in range(500, 1001, 100) if pace.allows(float(row), row)]
    [800, 900, 1000]
    >>> pace.changed(1000.0, row=1000)
    >>> pace.allows(30.0, row=1100)  # the counts restarted at row 1070
    True
    """

    row: int = 0
    held: float = 0.0
    seen: float = 0.0
    afresh: int = -AFRESH

    def allows(self, held: float, row: int) -> bool:
        """Return whether clusters may change now, when the counts hold ``held`` rows."""
        if held < self.seen:
            self.afresh = row
        self.seen = held
        return row < self.afresh + AFRESH or held < self.held or row - self.row >= self.held

    def changed(self, held: float, row: int) -> None:
        """Record a change."""
        self.row, self.held = row, held

    def state(self) -> list[float]:
        """Return the whole state as a JSON value."""
        return [self.row, self.held, self.seen, self.afresh]

    @classmethod
    def from_state(cls, state: Sequence[float]) -> "Pace":
        """Rebuild a pace from :meth:`state`."""
        row, held, seen, afresh = state
        return cls(int(row), float(held), float(seen), int(afresh))
