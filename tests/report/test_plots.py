"""Plots: their data tables, their look in both themes, and what they refuse."""

import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.report import (
    Plot,
    TreeNode,
    band_plot,
    bar_plot,
    histogram_plot,
    line_plot,
    scatter_plot,
    tree_plot,
)


def texts(plot: Plot) -> str:
    root = ElementTree.fromstring(plot.svg[plot.svg.index("<svg") :])
    return " ".join("".join(e.itertext()) for e in root.iter() if e.tag.endswith("}text"))


def line() -> Plot:
    return line_plot("t", {"a": ([0, 1], [1.0, 2.0]), "b": ([0], [3.0])}, "steps", "loss", "alt")


def test_same_input_same_svg_and_no_settings_are_left_behind() -> None:
    before = dict(matplotlib.rcParams)
    assert line().svg == line().svg
    assert dict(matplotlib.rcParams) == before


def test_colours_follow_the_page() -> None:
    svg = line().svg
    assert "currentColor" in svg and "var(--series-1, #2f6fb3)" in svg and "var(--grid" in svg
    assert "#010203" not in svg and "#ffffff" not in svg and "<style" not in svg


def test_line_table_events_and_thinning() -> None:
    plot = line_plot("t", {"a": ([0, 0.5], [1, 2])}, "x", "y", "alt", events=[(3, "b"), (1, "c")])
    assert plot.table.rows == (
        ("a", 0, 1.0),
        ("a", 0.5, 2.0),
        ("event 1", 1, "c"),
        ("event 2", 3, "b"),
    )
    assert "1: c; 2: b" in plot.caption
    many = line_plot("t", {"a": (range(5000), np.ones(5000))}, "x", "y", "alt")
    assert len(many.table.rows) <= 201 and "Every 25th point" in many.table.note
    crowd = line_plot(
        "t", {"a": ([0, 9], [0, 1])}, "x", "y", "z", events=[(i, "e") for i in range(9)]
    )
    assert "mark 9 events" in crowd.caption


def test_points_grow_with_their_counts() -> None:
    lines = {"a": ([0.1, 0.9], [0.0, 1.0]), "even": ([0, 1], [0, 1])}
    plot = line_plot("t", lines, "x", "y", "z", counts={"a": [1, 400]})
    assert plot.table.columns == ("", "x", "y", "rows")
    assert [row[-1] for row in plot.table.rows] == [1, 400, None, None]
    circles = re.findall(r'<path d="([^"]+)"[^>]*fill-opacity: 0.75', plot.svg)
    widths = [np.ptp([float(x) for x in re.findall(r"[\d.]+", d)[::2]]) for d in circles]
    assert len(widths) == 2 and widths[1] > 5 * widths[0]


def test_dollar_signs_and_other_scripts_are_plain_text() -> None:
    plot = bar_plot(
        "t", {"$x^2$ \\frac": 1.0, "日本語": 2.0, "a\x00b": 3.0, "العربية": 1.0}, "x", "alt"
    )
    assert "$x^2$ \\frac" in texts(plot) and "日本語" in texts(plot) and "a\ufffdb" in texts(plot)


def test_logarithmic_axes_carry_plain_numbers() -> None:
    plot = line_plot("t", {"a": ([1e3, 1e5], [1, 100])}, "x", "y", "z", log_x=True, log_y=True)
    assert "10,000" in texts(plot) and "mathdefault" not in plot.svg


def test_bar_values_errors_and_baselines() -> None:
    plot = bar_plot("t", {"a": 0.5, "b": np.nan}, "x", "alt", errors={"a": 0.1}, baselines=["b"])
    assert plot.table.rows[0] == ("a", 0.5, 0.1) and plot.table.columns == ("", "x", "±")
    assert "0.500" in texts(plot) and plot.caption == "Hollow bars are baselines."


def test_histogram_counts_add_up_and_lines_are_named() -> None:
    samples = {"a": [0.0, 1.0, np.nan, np.inf], "b": np.arange(10.0)}
    plot = histogram_plot("t", samples, "x", "alt", lines={"threshold": 4.5})
    assert sum(row[2] for row in plot.table.rows) == 2  # type: ignore[misc]
    assert sum(row[3] for row in plot.table.rows) == 10  # type: ignore[misc]
    assert "threshold: 4.500" in plot.table.note and "2 values" in plot.table.note
    assert "threshold" in texts(plot)


def test_constant_samples_and_single_points_can_be_drawn() -> None:
    histogram_plot("t", {"a": [1.0, 1.0]}, "x", "alt")
    scatter_plot("t", {"a": ([1], [1])}, "x", "y", "alt")
    line_plot("t", {"a": ([0], [0])}, "x", "y", "alt")
    bar_plot("t", {"a": 0.0}, "x", "alt")


def test_nothing_to_draw_and_ragged_series_are_refused() -> None:
    with pytest.raises(UsageError, match="'a' has 2 x and 1 y values"):
        line_plot("t", {"a": ([0, 1], [1])}, "x", "y", "alt")
    for draw in (
        lambda: line_plot("t", {}, "x", "y", "alt"),
        lambda: scatter_plot("t", {"a": ([], [])}, "x", "y", "alt"),
        lambda: bar_plot("t", {}, "x", "alt"),
        lambda: histogram_plot("t", {"a": [np.nan]}, "x", "alt"),
    ):
        with pytest.raises(UsageError, match=r"plot 't' has no .* at least one"):
            draw()


def test_tree_shows_every_label_once_and_inside_its_frame() -> None:
    leaves = [TreeNode(f"label {i}", value=float(i)) for i in range(200)]
    clusters = tuple(TreeNode(f"cluster {i}", tuple(leaves[i::8])) for i in range(8))
    plot = tree_plot("t", TreeNode("all", clusters), "alt")
    root = ElementTree.fromstring(plot.svg)
    shown = [e.text for e in root.iter() if e.tag.endswith("}text")]
    assert sorted(t for t in shown if t and t.startswith("label")) == sorted(n.name for n in leaves)
    assert len(plot.table.rows) == 209
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    boxes = [e.attrib for e in root.iter() if e.tag.endswith("}rect")]
    assert max(float(b["x"]) + float(b["width"]) for b in boxes) <= width
    assert max(float(b["y"]) + float(b["height"]) for b in boxes) <= height
    frames = [b for b in boxes if "stroke" in b["style"]]
    places = [(b["x"], b["y"]) for b in frames]
    assert len(places) == len(set(places)) == 200


def test_tree_with_deep_wide_and_strange_nodes() -> None:
    node = TreeNode("<b>&'\" very long name " * 5, (TreeNode("日本語" * 40, value=-1.0),), 3.0, "n")
    for depth in range(30):
        node = TreeNode(f"level {depth}", (node,))
    ElementTree.fromstring(tree_plot("t", node, "alt").svg)
    assert tree_plot("t", TreeNode("alone"), "alt").table.rows == (("alone", "alone", None, ""),)


@pytest.mark.parametrize("y", [[1e308, -1e308], [np.inf, 1.0], [np.nan, np.nan], [-1.0, 0.0]])
def test_what_no_axis_can_show_is_left_out_of_the_drawing_only(y: list[float]) -> None:
    for log in (False, True):
        plot = line_plot("t", {"a": ([0, 1], y)}, "x", "y", "alt", log_x=log, log_y=log)
        assert repr([row[2] for row in plot.table.rows]) == repr(y)
    assert scatter_plot("t", {"a": ([0, 1], y)}, "x", "y", "alt").svg
    bars = bar_plot("t", {"a": y[0], "b": y[1]}, "x", "alt")
    assert repr([row[1] for row in bars.table.rows]) == repr(y)


def test_a_threshold_at_infinity_is_named_and_not_drawn() -> None:
    plot = histogram_plot("t", {"a": [1.0, 2.0]}, "x", "alt", lines={"threshold": np.inf})
    assert "threshold" in plot.table.note
    assert histogram_plot("t", {"a": [1e308, -1e308]}, "x", "alt").svg


def test_bands_are_drawn_in_the_colour_of_their_group() -> None:
    long = "a name that is far too long for the side of a plot"
    plot = band_plot("t", {"x": [(0, 5, None), (5, 9, 0)], long: [(0, 9, 9)]}, "row", "alt")
    assert "series-1" in plot.svg and "series-2" in plot.svg  # the tenth repeats the second
    assert long not in texts(plot) and "a name that is far too" in texts(plot)
    assert plot.table.rows[-1] == (long, 0, 9, "group 10")
    with pytest.raises(UsageError, match="nothing to draw"):
        band_plot("t", {}, "row", "alt")
