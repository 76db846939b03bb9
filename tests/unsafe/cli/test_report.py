"""The section of a scan: figures with baselines, no text of the rows unless asked for."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_causal import tiny

from growlabels.base.errors import UsageError
from growlabels.report import Report, Section, render
from growlabels.unsafe import (
    Scanner,
    ScoreTable,
    average_precision,
    resolve_threshold,
    scan_section,
)

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
    assert table.facts["gradient_layers"] is None and "Gradients come" not in page(section)
    assert section.headlines[-1].value == 3
    assert "top:3" in section.plots[0].alt


def test_rows_that_are_targets_count_as_rejected(table: ScoreTable) -> None:
    given = replace(table, is_target=table.rank > 10)
    for threshold, reason in [
        ("top:0", "top:0 rejects 0 of 12 rows, and 2 more are targets"),
        ("top:11", "top:11 rejects 11 of 12 rows, and 1 more is a target"),
        ("top:12", "top:12 rejects 12 of 12 rows"),
    ]:
        headline = scan_section(given, threshold).headlines[-1]
        assert headline.meaning == reason
        assert headline.value == given.flagged(resolve_threshold(threshold, given.score, [])).sum()


def test_lines_are_explained_where_there_are_any(table: ScoreTable) -> None:
    flat = replace(table, score=np.zeros(12))
    none, one = (scan_section(flat, spec).plots[0].caption for spec in ("top:0", "top:1"))
    assert none == "top:0 rejects no row, so it has no line." and one.startswith("Rows at a line")
    assert "no score is that far above" in resolve_threshold("mad:3", flat.score, []).reason


def test_one_target_has_no_percentile() -> None:
    table = Scanner(tiny()).fit(ROWS).score(TARGETS[:1])
    assert "one target only" in page(scan_section(table, "top:1"))


@pytest.mark.parametrize("scores", [[1.0], [1.0, float("nan")], []])
def test_scores_that_are_no_ranking(scores: list[float]) -> None:
    with pytest.raises(
        UsageError, match=r"labels must be one for each|scores must be finite|labels must contain"
    ):
        average_precision(np.array([0, 1][: 2 * len(scores)]), np.array(scores))
