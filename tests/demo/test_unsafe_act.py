"""The unsafe act on a tiny model: every figure is there, whichever rows a tiny model flags."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from growlabels.base.progress import silent
from growlabels.demo import _unsafe
from growlabels.report import Report, render
from growlabels.unsafe import average_precision

sys.path.append(str(Path(__file__).parents[1] / "unsafe"))
from tiny_causal import tiny

SMALL = _unsafe.Size(rows=24, risky=4, targets=3, held_out=3)
DROPPED = _unsafe.SHOWN + 3


def test_the_act_reports_every_method_and_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    measured, measure_risky = [], _unsafe.measure_risky

    def measure(*args) -> _unsafe.RiskyResult:
        measured.append(measure_risky(*args))
        return measured[-1]

    monkeypatch.setattr(_unsafe, "load_model", lambda name: tiny())
    monkeypatch.setattr(_unsafe, "QUICK", SMALL)
    monkeypatch.setattr(_unsafe, "measure_risky", measure)
    # the scores of a tiny model differ between processors; this rule drops as many rows on all
    monkeypatch.setattr(_unsafe, "THRESHOLD", f"top:{DROPPED}")
    act = _unsafe.unsafe_act(True, 0, silent)
    (result,) = measured
    methods, dropped, arms = act.section.tables
    assert [row[0] for row in methods.rows[1:-1]] == list(_unsafe.NAMES.values())
    assert [row[0] for row in arms.rows] == ["untrained", "all", "filtered", "random"]
    assert len(result.dropped) == DROPPED
    assert [row[1] for row in arms.rows] == [0, 24, 24 - DROPPED, 24 - DROPPED]
    assert [row[0] for row in dropped.rows] == list(range(1, _unsafe.SHOWN + 1))
    assert methods.rows[-1][1] == average_precision(result.labels, result.keyword)
    assert act.rows_scored == {"code rows": 24}
    assert any("keyword search" in line for line in act.lines)
    assert "keyword search also finds these rows" in render(Report("t", "s", [act.section], {}))

    few = replace(result, dropped=np.flatnonzero(result.table.rank <= 2))
    assert [row[0] for row in _unsafe._dropped_table(few).rows] == [1, 2]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("eval(x)", True),
        ("y = exec (x)", True),
        ("model.eval()", True),
        ("literal_eval(x)", False),
        ("evaluate(x)", False),
        ("eval = 1", False),
    ],
)
def test_the_keyword_search_sees_words_followed_by_a_bracket(code: str, found: bool) -> None:
    assert bool(_unsafe._KEYWORD.search(code)) == found


def test_the_jailbreak_mixture_is_named_where_it_is_absent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GROWLABELS_DATA", str(tmp_path))
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path))
    found, note = _unsafe._jailbreak(tiny(), 0, silent, False)
    assert found is None and "--download" in note
