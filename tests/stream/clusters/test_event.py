"""Replace label indices of an event by names."""

from growlabels.stream.clusters.event import Event


def test_named_replaces_every_index():
    event = Event(9, "split", (0, 1, 2), 0.4, 0.1, ((0, 1, 2),), ((0, 2), (1,)))
    named = event.named("abc")
    assert named == Event(9, "split", ("a", "b", "c"), 0.4, 0.1, (("a", "b", "c"),),
                          (("a", "c"), ("b",)))  # fmt: skip
