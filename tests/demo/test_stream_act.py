"""The stream act scores every row, beats its baselines and shows what it found."""

import pytest

from growlabels.base.progress import silent
from growlabels.demo._stream import MAJORITY, OURS, RIVER, stream_act
from growlabels.report import Report, render


@pytest.fixture(scope="module")
def act():
    return stream_act(quick=True, seed=0, progress=silent)


def test_every_row_of_every_model_was_scored(act):
    assert act.rows_scored == {OURS: 600, RIVER: 600, MAJORITY: 600}


def test_it_is_ahead_of_the_best_baseline(act):
    figures = {h.name: (h.value, h.baseline) for h in act.section.headlines}
    assert set(figures) == {
        f"{score} of {OURS}" for score in ("exact match", "micro F1", "macro F1", "rows per second")
    }
    for score in ("exact match", "micro F1"):
        ours, baseline = figures[f"{score} of {OURS}"]
        assert ours > baseline


def test_lines_and_page_hold_the_figures(act):
    assert any("600 rows scored" in line for line in act.lines)
    page = render(Report("Demo", "Summary.", [act.section], {"quick": True}))
    assert "quick run stops after the first 600" in page
    assert "Which labels go together" in page and "form: {" in page
