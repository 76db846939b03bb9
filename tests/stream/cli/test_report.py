"""The section holds the figures that were measured, the curves, the tree and the events."""

import numpy as np
import pytest

from growlabels.report import Report, render
from growlabels.stream.cli.report import stream_section
from growlabels.stream.clusters.linkage_partition import LinkagePartition
from growlabels.stream.clusters.pair_counts import PairCounts
from growlabels.stream.evaluate.baselines import MajorityLabels
from growlabels.stream.evaluate.prequential import prequential
from growlabels.stream.learner.hierarchy import build_hierarchy


@pytest.fixture(scope="module")
def scores():
    rows = [({"f": 0.0}, {"a", "b"} if i % 3 else {"c"}) for i in range(250)]
    shifted = MajorityLabels()
    shifted.learn_one({}, {"c"})
    return {
        "ours": prequential(MajorityLabels(), rows),
        "other": prequential(shifted, rows),
    }


def structure(labels):
    pairs, partition, events = PairCounts(), LinkagePartition(), []
    for row in range(1, 601):
        first = 2 * (row % (labels // 2))
        pairs.learn(np.array([first, first + 1]))
        if row % 200 == 0:
            events += partition.check(pairs, row)
    return build_hierarchy(partition, pairs, "label {}".format), events


def test_headlines_stand_beside_the_best_baseline(scores):
    section = stream_section("Title", scores)
    by_name = {headline.name: headline for headline in section.headlines}
    exact = by_name["exact match of ours"]
    assert exact.value == scores["ours"].exact_match
    assert exact.baseline == scores["other"].exact_match
    assert exact.rows == 250 and exact.baseline_name.startswith("other")
    assert all(headline.meaning for headline in section.headlines)


def test_page_shows_curves_tree_events_and_labels(scores):
    hierarchy, events = structure(8)
    assert events
    section = stream_section("Title", scores, hierarchy, events, ["A paragraph."], ["A warning."])
    assert len(section.plots) == 5
    page = render(Report("Report", "Summary.", [section], {"seed": 0}))
    for text in (
        "Clusters along the stream",
        "drift alarms",
        "A paragraph.",
        "A warning.",
        "form: {",
        "label 0",
        "All 250 rows were scored",
    ):
        assert text in page
    titles = [table.title for table in section.tables]
    assert titles == [
        "Scores of all models on the same rows",
        "Scores of each label",
        "Events",
    ]
    assert [row[0] for row in section.tables[1].rows] == ["a", "b", "c"]
    table = section.tables[2]
    assert [row[:3] for row in table.rows[:2]] == [[1, 400, "form"], [2, 400, "form"]]
    assert str(table.rows[0][3]).startswith("{0, 1") and table.note.startswith("form: labels")
    marked = [row[2] for row in section.plots[0].table.rows if row[0] == "event 1"]
    assert marked == [f"form: {table.rows[0][3]}"]  # numbers of plot and table are the same


def test_speed_is_not_compared_with_a_model_that_ignores_the_features(scores):
    both = {"ours": scores["ours"], "majority set": scores["other"]}
    speed = stream_section("Title", both).headlines[-1]
    assert speed.baseline is None and stream_section("Title", scores).headlines[-1].baseline


def test_large_hierarchies_are_drawn_in_part(scores):
    hierarchy, _ = structure(80)
    plot = stream_section("Title", scores, hierarchy).plots[3]
    assert "Drawn: the 20 clusters" in plot.caption
    assert len([row for row in plot.table.rows if str(row[1]).startswith("label")]) == 40


def test_no_events_are_said_to_be_none(scores):
    hierarchy, _ = structure(4)
    assert (
        stream_section("Title", scores, hierarchy)
        .tables[-1]
        .note.startswith("There were no events")
    )


def test_no_rows_give_a_section_all_the_same():
    section = stream_section("Title", {"ours": prequential(MajorityLabels(), [])})
    assert "All 0 rows" in section.text[0]
