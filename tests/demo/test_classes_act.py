"""The classes act measures both output layers on the same rows and says so."""

import pytest

from growlabels.base.progress import silent
from growlabels.demo._act import ActResult
from growlabels.demo._classes import COUNTS, NAMES, classes_act
from growlabels.report import Report, render


@pytest.fixture(scope="module")
def act() -> ActResult:
    pytest.importorskip("babel")
    return classes_act(quick=True, seed=0, progress=silent)


def test_fixed_vectors_are_level_and_better_calibrated(act: ActResult) -> None:
    figures = {headline.name: headline for headline in act.section.headlines}
    accuracy, calibration = figures["accuracy"], figures["calibration error"]
    assert accuracy.value > 0.85
    assert accuracy.value > accuracy.baseline - 0.03
    assert calibration.value < calibration.baseline / 2
    assert accuracy.rows == act.rows_scored["language names"] > 1000


def test_old_languages_suffer_less_from_added_ones(act: ActResult) -> None:
    table = next(t for t in act.section.tables if t.title == "Languages added to a trained model")
    ebv, linear = (dict(zip(table.columns, row, strict=True)) for row in table.rows[-2:])
    assert (ebv["output layer"], linear["output layer"]) == (NAMES["ebv"], NAMES["linear"])
    assert float(ebv["old, after"]) > float(linear["old, after"])
    every = next(h for h in act.section.headlines if h.name.startswith("all languages"))
    assert f"{every.value:.3f}" == ebv["all"] and f"{every.baseline:.3f}" == linear["all"]
    assert ebv["new"] in every.meaning and linear["new"] in every.meaning


def test_tables_name_both_layers_and_every_size(act: ActResult) -> None:
    tables = {table.title: table for table in act.section.tables}
    assert [row[0] for row in tables["Two output layers on one trunk"].rows] == [
        *NAMES.values(),
        "most frequent language",
    ]
    cost = tables["Cost of the output layer"]
    assert [row[0] for row in cost.rows[::3]] == [f"{count:,}" for count in COUNTS]
    memory = [float(row[5].replace(",", "")) for row in cost.rows if row[1] != "ratio"]
    assert memory[-2] > 50 * memory[-1]


def test_lines_and_page_hold_the_figures(act: ActResult) -> None:
    assert any(NAMES["ebv"] in line for line in act.lines)
    assert all(len(line) < 120 for line in act.lines)
    page = render(Report("demo", "", [act.section], {}))
    assert "which language is it?" in page
