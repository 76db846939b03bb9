"""Plot the label clusters along the stream, from the events."""

from collections.abc import Hashable, Sequence

from growlabels.report import Plot, band_plot
from growlabels.stream.clusters.event import Event

MOST_LABELS = 40
"""Largest number of labels that the plot shows."""
Clusters = tuple[tuple[Hashable, ...], ...]


def clusters_over_time(events: Sequence[Event]) -> list[tuple[int, Clusters]]:
    """Return pairs (row, clusters from this row on); the first has no clusters.

    Examples
    --------
    >>> form = Event(200, "form", ("a", "b"), 0.3, 0.1, (), (("a", "b"),))
    >>> clusters_over_time([form])
    [(0, ()), (200, (('a', 'b'),))]
    """
    now: dict[frozenset[Hashable], tuple[Hashable, ...]] = {}
    course: list[tuple[int, Clusters]] = [(0, ())]
    for event in events:
        for cluster in event.before:
            now.pop(frozenset(cluster), None)
        now |= {frozenset(cluster): cluster for cluster in event.after if len(cluster) > 1}
        moment = event.row, tuple(now.values())
        course[-1:] = [moment] if course[-1][0] == event.row else [course[-1], moment]
    return course


def hierarchy_plot(events: Sequence[Event], rows: int) -> Plot | None:
    """Plot the cluster of each label along the stream; return None if no cluster formed."""
    course = clusters_over_time(events)
    groups = _groups(course)
    if not groups:
        return None
    ends = [row for row, _ in course[1:]] + [rows]
    held: dict[Hashable, int] = {}
    bands: dict[Hashable, list[tuple[float, float, int | None]]] = {}
    for (begin, clusters), end in zip(course, ends, strict=True):
        inside = {label: groups[frozenset(c)] for c in clusters for label in c}
        for label in {**bands, **inside}:
            group = inside.get(label)
            band = bands.setdefault(label, [(0, begin, None)] if begin else [])
            if band and band[-1][2] == group:
                band[-1] = band[-1][0], end, group
            elif end > begin:
                band.append((begin, end, group))
            held[label] = held.get(label, 0) + (end - begin) * (group is not None)
    shown = sorted(bands, key=lambda label: -held[label])[:MOST_LABELS]
    last = {label: i for i, c in enumerate(course[-1][1]) for label in c}
    shown.sort(key=lambda label: (last.get(label, len(last)), -held[label]))
    left_out = len(bands) - len(shown)
    return band_plot(
        "Clusters along the stream",
        {str(label): bands[label] for label in shown},
        "row of the stream",
        f"{len(bands)} labels were in a cluster at some time. The clusters changed at "
        f"{len(course) - 1} checks; at the end there are {len(course[-1][1])}.",
        "At each row, labels of one colour form one cluster; a thin line is a label in no cluster. "
        "With more than eight clusters, colours repeat; labels of one cluster are adjacent at the "
        "end of the stream."
        + (f" Drawn: the {len(shown)} labels that were longest in a cluster." if left_out else ""),
    )


def _groups(course: Sequence[tuple[int, Clusters]]) -> dict[frozenset[Hashable], int]:
    """Number the clusters; a changed cluster keeps the number of the one it overlaps most."""
    groups: dict[frozenset[Hashable], int] = {}
    used = 0
    before: list[frozenset[Hashable]] = []
    for _, clusters in course:
        now = [frozenset(cluster) for cluster in clusters]
        taken = {groups[cluster] for cluster in now if cluster in groups}
        for cluster in now:
            if cluster in groups:
                continue
            kin = max(before, key=lambda other: len(other & cluster), default=frozenset())
            if kin & cluster and groups[kin] not in taken:
                groups[cluster] = groups[kin]
            else:
                groups[cluster] = used
                used += 1
            taken.add(groups[cluster])
        before = now
    return groups
