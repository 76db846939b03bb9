"""The main job, as a person starts it: one run, looked at from all sides."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from growlabels.demo._classes import NAMES
from growlabels.demo._head_cost import COUNTS
from growlabels.demo._stream import MAJORITY, OURS, RIVER


class Demo(NamedTuple):
    """What a run of the demo printed and wrote."""

    out: Path
    stdout: str
    stderr: str
    page: str
    acts: dict[str, Any]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    out = tmp_path_factory.mktemp("made") / "demo"
    run = subprocess.run(
        [sys.executable, "-m", "growlabels", "demo", "--quick", "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    acts = json.loads((out / "results.json").read_text("utf-8"))["acts"]
    return Demo(out, run.stdout, run.stderr, (out / "report.html").read_text("utf-8"), acts)


def headlines(act: dict[str, Any]) -> dict[str, tuple[float, float]]:
    return {h["name"]: (h["value"], h["baseline"]) for h in act["headlines"]}


@pytest.mark.slow
def test_the_quick_demo_runs_the_three_acts_and_writes_one_report(demo: Demo) -> None:
    for act in ("stream", "classes", "unsafe"):
        assert re.search(rf"act \d of 3, {act}: about \d+ s on two idle cores, \d+ s", demo.stdout)
        assert f"{act}: " in demo.stderr  # progress
    assert "Traceback" not in demo.stderr and "Warning" not in demo.stderr
    assert set(demo.acts) == {"stream", "classes", "unsafe"}
    for act in demo.acts.values():
        assert act["headlines"] and min(act["rows_scored"].values()) > 0
        for name, (value, _) in headlines(act).items():
            assert value == value, name  # no NaN
    assert demo.page.count("<h2") >= 3 and "<svg" in demo.page and "<script" not in demo.page
    assert str(demo.out / "report.html") in demo.stdout
    assert sorted(p.name for p in demo.out.iterdir()) == ["report.html", "results.json"]


def test_stream_scores_every_row_of_every_model(demo: Demo) -> None:
    assert demo.acts["stream"]["rows_scored"] == {OURS: 600, RIVER: 600, MAJORITY: 600}
    assert "600 rows scored" in demo.stdout
    assert "quick run stops after the first 600" in demo.page
    assert "Which labels occur together" in demo.page and "form: {" in demo.page


def test_stream_is_ahead_of_the_best_baseline(demo: Demo) -> None:
    figures = headlines(demo.acts["stream"])
    assert set(figures) == {
        f"{score} of {OURS}" for score in ("exact match", "micro F1", "macro F1", "rows per second")
    }
    for score in ("exact match", "micro F1"):
        ours, baseline = figures[f"{score} of {OURS}"]
        assert ours > baseline


def test_fixed_vectors_are_level_and_better_calibrated(demo: Demo) -> None:
    figures = headlines(demo.acts["classes"])
    (accuracy, trained), (error, trained_error) = (
        figures[name] for name in ("accuracy", "calibration error")
    )
    assert accuracy > 0.85
    assert accuracy > trained - 0.03
    assert error < trained_error / 2
    assert demo.acts["classes"]["rows_scored"]["language names"] > 1000
    assert NAMES["ebv"] in demo.stdout
    assert max(map(len, demo.stdout.replace(str(demo.out), "").splitlines())) < 120
    assert "which language is it?" in demo.page


def test_old_languages_suffer_less_from_added_ones(demo: Demo) -> None:
    columns, *rows = demo.acts["classes"]["tables"]["Languages added to a trained model"]
    ebv, linear = (dict(zip(columns, row, strict=True)) for row in rows[-2:])
    assert (ebv["output layer"], linear["output layer"]) == (NAMES["ebv"], NAMES["linear"])
    assert float(ebv["old, after"]) > float(linear["old, after"])
    figures = headlines(demo.acts["classes"])
    every = next(both for name, both in figures.items() if name.startswith("accuracy after"))
    assert [f"{value:.3f}" for value in every] == [ebv["all"], linear["all"]]


def test_tables_name_both_layers_and_every_size(demo: Demo) -> None:
    tables = demo.acts["classes"]["tables"]
    assert [row[0] for row in tables["Two output layers on one trunk"][1:]] == [
        *NAMES.values(),
        "most frequent language",
    ]
    _, *cost = tables["Cost of the output layer"]
    assert [row[0] for row in cost[::3]] == [f"{count:,}" for count in COUNTS]
    memory = [float(row[5].replace(",", "")) for row in cost if row[1] != "ratio"]
    assert memory[-2] > 50 * memory[-1]


def test_a_file_as_out_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    run = subprocess.run(
        [sys.executable, "-m", "growlabels", "demo", "--out", str(tmp_path / "taken")],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert run.returncode == 2
    assert "--out must be a folder" in run.stderr
    assert (tmp_path / "taken").read_text() == "mine"
