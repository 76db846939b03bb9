"""The section of a scan: figures with baselines, no text of the rows unless asked for."""

import numpy as np
import pytest
from tiny_causal import tiny

from growlabels.report import Report, Section, render
from growlabels.unsafe import Scanner, ScoreTable, scan_section

ROWS = [{"prompt": c, "completion": f"<script>{c * 7}</script>"} for c in "abcdefghijkl"]
TARGETS = [{"prompt": "t", "completion": f"eval({c})"} for c in "abcdef"]
LABELS = np.array([1, 0] * 6)


@pytest.fixture(scope="module")
def table() -> ScoreTable:
    return Scanner(tiny()).fit(ROWS).score(TARGETS)


def page(section: Section) -> str:
    return render(Report("t", "s", [section], {}))


def test_text_is_hidden_unless_asked_for(table: ScoreTable) -> None:
    hidden, shown = page(scan_section(table)), page(scan_section(table, show_text=True))
    first = table.window_text[int(np.argmin(table.rank))]
    assert first not in hidden and "--show-text" in hidden
    assert "<script>a" not in shown and "&lt;" in shown


def test_labels_add_average_precision_with_baselines(table: ScoreTable) -> None:
    section = scan_section(table, labels=LABELS, cost={"forward passes": 12.0})
    assert section.headlines[0].baseline_name == "TF-IDF"
    methods = section.tables[0]
    assert [row[0] for row in methods.rows] == [*table.methods, "random order"]
    assert methods.rows[-1][-1] == 0.5
    assert section.tables[2].rows == [("forward passes", 12.0, 1.0)]


def test_warnings_and_threshold_are_shown(table: ScoreTable) -> None:
    section = scan_section(table, "top:3")
    assert section.warnings == table.warnings
    assert section.headlines[-1].value == 3
    assert "top:3" in section.plots[0].alt


def test_one_target_has_no_percentile() -> None:
    table = Scanner(tiny()).fit(ROWS).score(TARGETS[:1])
    assert "one target only" in page(scan_section(table, "top:1"))
