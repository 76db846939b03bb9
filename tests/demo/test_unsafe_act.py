"""The unsafe act on a tiny model: every figure is there, whatever a tiny model finds."""

import sys
from pathlib import Path

import pytest

from growlabels.base.progress import silent
from growlabels.demo import _unsafe, _unsafe_measure
from growlabels.report import Report, render

sys.path.append(str(Path(__file__).parents[1] / "unsafe"))
from tiny_causal import tiny

SMALL = _unsafe_measure.Size(rows=24, risky=4, targets=3, held_out=3)


def test_the_act_reports_every_method_and_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_unsafe, "load_model", lambda name: tiny())
    monkeypatch.setattr(_unsafe, "QUICK", SMALL)
    result = _unsafe.unsafe_act(True, 0, silent)
    methods, dropped, arms = result.section.tables
    assert [row[0] for row in methods.rows[1:-1]] == list(_unsafe.NAMES.values())
    assert [row[0] for row in arms.rows] == ["untrained", "all", "filtered", "random"]
    assert arms.rows[2][1] == arms.rows[3][1] == 24 - len(dropped.rows)
    assert methods.rows[-1][1] == 1.0, "one keyword decides this label"
    assert result.rows_scored == {"code rows": 24}
    assert any("keyword search" in line for line in result.lines)
    assert "keyword search finds these rows too" in render(Report("t", "s", [result.section], {}))


def test_the_jailbreak_mixture_is_named_where_it_is_absent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GROWLABELS_DATA", str(tmp_path))
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path))
    found, note = _unsafe._jailbreak(tiny(), 0, silent, False)
    assert found is None and "--download" in note
