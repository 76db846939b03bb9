"""Record the changes of clusters and trees, and the drift alarms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Event:
    """Describe one change of the learner's structure, with the evidence for it.

    Attributes
    ----------
    row
        Number of rows learned when the change happened.
    kind
        Changes of clusters: ``"form"``, ``"grow"``, ``"merge"``, ``"shrink"``, ``"split"``,
        ``"dissolve"`` and ``"regroup"``. Alarms: ``"drift"`` (the errors of the learner rose),
        ``"global drift"`` (the label statistics changed) and ``"local drift"`` (the errors of
        one cluster's tree rose). ``"swap"``: another tree replaced a cluster's tree.
        ``"spike"``: the first value of a feature far outside its usual range; such values count
        as nearly missing. ``"moved"``: the values of a feature stayed outside that range, for
        example in another unit, and its statistics started again.
        ``"full"``: the trees stopped splitting because they reached ``max_bytes``.
    labels
        Labels that the change concerns.
    statistic
        Test statistic; it exceeded ``bound``. For clusters, it is the gain in contrast.
    bound
        Bound of the test.
    before
        Clusters of these labels before the change.
    after
        Clusters of these labels after the change.
    feature
        Feature of a spike or of a feature that moved; None for other events. Then ``statistic``
        is its value and ``bound`` the end of its usual range.

    Examples
    --------
    >>> from growlabels.stream import Event
    >>> event = Event(200, "form", (0, 1), 0.4, 0.1, after=((0, 1),))
    >>> event.named(["cat", "dog"]).after
    (('cat', 'dog'),)
    """

    row: int
    kind: str
    labels: tuple[Any, ...]
    statistic: float
    bound: float
    before: tuple[tuple[Any, ...], ...] = ()
    after: tuple[tuple[Any, ...], ...] = ()
    feature: Any = None

    def named(self, names: Sequence[Any], features: Sequence[Any] = ()) -> "Event":
        """Return the event with label index i replaced by ``names[i]``, its feature likewise."""

        def of(indices: tuple[int, ...]) -> tuple[Any, ...]:
            return tuple(names[i] for i in indices)

        before, after = tuple(map(of, self.before)), tuple(map(of, self.after))
        feature = None if self.feature is None else features[self.feature]
        return replace(self, labels=of(self.labels), before=before, after=after, feature=feature)
