"""The clusters along the stream are those that the events lead to."""

import numpy as np

from growlabels.stream import IHOMER
from growlabels.stream.cli.course import clusters_over_time, hierarchy_plot
from growlabels.stream.clusters.event import Event

EVENTS = [
    Event(200, "form", ("a", "b"), 0.3, 0.1, (), (("a", "b"),)),
    Event(200, "form", ("c", "d"), 0.3, 0.1, (), (("c", "d"),)),
    Event(300, "drift", (), 0.3, 0.1),
    Event(400, "grow", ("e",), 0.3, 0.1, (("a", "b"),), (("a", "b", "e"),)),
    Event(600, "dissolve", ("c", "d"), 0.3, 0.1, (("c", "d"),), ()),
]


def test_events_replayed_by_hand():
    assert clusters_over_time(EVENTS) == [
        (0, ()),
        (200, (("a", "b"), ("c", "d"))),
        (300, (("a", "b"), ("c", "d"))),
        (400, (("c", "d"), ("a", "b", "e"))),
        (600, (("a", "b", "e"),)),
    ]


def test_the_last_clusters_are_those_of_the_model():
    rng = np.random.default_rng(0)
    Y = np.repeat(rng.random((900, 3)) < 0.3, 2, axis=1)
    model = IHOMER(check_every=100)
    for x, y in zip(rng.normal(size=(900, 2)), Y, strict=True):
        model.learn_one(dict(enumerate(x.tolist())), set(np.flatnonzero(y).tolist()))
    assert model.clusters
    assert set(clusters_over_time(model.events)[-1][1]) == set(model.clusters)


def test_the_plot_draws_each_label_from_start_to_end():
    plot = hierarchy_plot(EVENTS, 800)
    assert plot is not None and "5 labels" in plot.alt
    rows = {(name, begin, end): group for name, begin, end, group in plot.table.rows}
    assert rows["a", 0, 200] == "" and rows["a", 200, 800] == rows["b", 200, 800] == "group 1"
    assert rows["e", 0, 400] == "" and rows["e", 400, 800] == "group 1"  # it joined them
    assert rows["c", 200, 600] == "group 2" and rows["c", 600, 800] == ""
    assert hierarchy_plot([EVENTS[2]], 800) is None
