"""The main job, as a person starts it."""

import json
import re
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_quick_demo_runs_the_three_acts_and_writes_one_report(tmp_path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "growlabels", "demo", "--quick", "--out", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    for act in ("stream", "classes", "unsafe"):
        assert re.search(rf"act \d of 3, {act}: about \d+ s here, \d+ s left in all", run.stdout)
        assert f"{act}: " in run.stderr  # progress
    assert "Traceback" not in run.stderr and "Warning" not in run.stderr
    page = (tmp_path / "demo" / "report.html").read_text("utf-8")
    results = json.loads((tmp_path / "demo" / "results.json").read_text("utf-8"))
    assert set(results["acts"]) == {"stream", "classes", "unsafe"}
    for act in results["acts"].values():
        assert act["headlines"] and min(act["rows_scored"].values()) > 0
        for headline in act["headlines"]:
            assert headline["value"] == headline["value"], headline["name"]  # no NaN
    assert page.count("<h2") >= 3 and "<svg" in page and "<script" not in page
    assert str(tmp_path / "demo" / "report.html") in run.stdout
    assert sorted(p.name for p in (tmp_path / "demo").iterdir()) == ["report.html", "results.json"]


def test_a_file_as_out_is_refused_before_anything_runs(tmp_path) -> None:
    (tmp_path / "taken").write_text("mine")
    run = subprocess.run(
        [sys.executable, "-m", "growlabels", "demo", "--out", str(tmp_path / "taken")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 2
    assert "--out must be a folder" in run.stderr
    assert (tmp_path / "taken").read_text() == "mine"
