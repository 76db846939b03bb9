"""What the partition reports: clusters that split, merged, appeared or vanished."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Event:
    """A structural act, with the evidence for it.

    Attributes
    ----------
    row
        Number of rows learned when it happened.
    kind
        ``"form"``, ``"grow"``, ``"merge"``, ``"shrink"``, ``"split"``, ``"dissolve"`` or
        ``"regroup"`` of clusters; ``"drift"`` of the learner, ``"global drift"`` of the
        label statistics, ``"local drift"`` of a cluster's tree and ``"swap"`` for another;
        ``"full"``: the trees stopped splitting, as they would outgrow ``max_bytes``.
    labels
        The labels it touches.
    statistic, bound
        The test: the statistic exceeded the bound (a gain in contrast, for clusters).
    before, after
        The clusters of these labels before and after.
    """

    row: int
    kind: str
    labels: tuple[Any, ...]
    statistic: float
    bound: float
    before: tuple[tuple[Any, ...], ...] = ()
    after: tuple[tuple[Any, ...], ...] = ()

    def named(self, names: Sequence[Any]) -> "Event":
        """Return the event with ``names[i]`` in the place of label index i."""

        def of(indices: tuple[int, ...]) -> tuple[Any, ...]:
            return tuple(names[i] for i in indices)

        before, after = tuple(map(of, self.before)), tuple(map(of, self.after))
        return replace(self, labels=of(self.labels), before=before, after=after)
