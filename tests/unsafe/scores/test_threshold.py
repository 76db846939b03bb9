"""Thresholds without labels, and the warning light."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import UsageError
from growlabels.unsafe.cli import commands
from growlabels.unsafe.scores.defaults import DEFAULT_THRESHOLD
from growlabels.unsafe.scores.threshold import (
    percentile,
    resolve_threshold,
    warning_light,
)

SCORES = np.array([3.0, 1.0, 2.0, 0.0, 9.0, 4.0, 5.0, 6.0, 7.0, 8.0])
BAD = ["", "loo", "loo:", "loo:2", "loo:nan", "mad:0", "mad:inf", "mad:x", "top:1.5", "top:-1"]
BAD += ["budget:0", "budget:1.1", "budget:nan", "best:3", "top:2,", "loo:0.1;top:2", "top:2+"]


def test_each_kind_counts_rows() -> None:
    assert resolve_threshold("top:3", SCORES, []).rejected == 3
    assert resolve_threshold("top:99", SCORES, []).rejected == 10
    assert resolve_threshold("budget:0.25", SCORES, []).rejected == 2
    assert resolve_threshold("loo:0", SCORES, [0.5, 0.9]).rejected == 5
    assert resolve_threshold("loo:0.1", SCORES, [0.5, 0.8, 0.9]).rejected == 2, "one is left aside"
    assert resolve_threshold("mad:1", np.array([0.0, 1, 2, 3, 50]), []).rejected == 1


def test_the_strictest_of_several_holds_and_is_named() -> None:
    found = resolve_threshold("mad:0.1, top:2", SCORES, [])
    assert (found.rejected, found.cut) == (2, 8.0)
    assert found.reason == "top:2 rejects 2 of 10 rows"


def test_the_widest_of_several_groups_holds_and_is_named() -> None:
    found = resolve_threshold("top:1+mad:0.1, top:3 + budget:0.2", SCORES, [])
    assert (found.rejected, found.reason) == (3, "top:3 rejects 3 of 10 rows")
    assert resolve_threshold("top:1+mad:99", SCORES, []).rejected == 1


def test_targets_above_every_row_reject_nothing() -> None:
    found = resolve_threshold("loo:0.25", SCORES, [1.0, 1.0])
    assert (found.rejected, found.cut) == (0, float("inf"))


def test_the_default_is_one_and_goes_as_low_as_the_lowest_target_but_not_into_the_middle() -> None:
    takers = [commands.COMMANDS[name][0] for name in ("scan", "filter", "review", "retrain")]
    assert {taker.threshold for taker in takers} == {DEFAULT_THRESHOLD}  # type: ignore[attr-defined]
    pool = np.array([*np.linspace(-1, 1, 90), *np.linspace(2, 3, 10)])
    assert resolve_threshold(DEFAULT_THRESHOLD, pool, [0.99, 0.96, 0.92]).rejected == 8
    odd = resolve_threshold(DEFAULT_THRESHOLD, pool, [0.99, 0.96, 0.3])
    assert odd.rejected == 10 and odd.reason == "mad:2 rejects 10 of 100 rows"


def test_by_default_rows_that_stand_out_far_go_where_no_row_reaches_the_targets() -> None:
    ordinary = np.linspace(-1, 1, 24)
    pool = np.array([*ordinary, 6.0, 6.5, 7.0, 7.5, 8.0, 9.0])
    found = resolve_threshold(DEFAULT_THRESHOLD, pool, [1.0] * 8)
    assert (found.rejected, found.cut) == (6, 6.0)
    reached = resolve_threshold(DEFAULT_THRESHOLD, pool, [0.97] * 8)
    assert reached.rejected == 6, "also where one row reaches them"
    near = np.array([*ordinary, 2.0, 2.5])
    assert resolve_threshold(DEFAULT_THRESHOLD, near, [1.0] * 8).rejected == 0


def test_by_default_many_unsafe_rows_do_not_hide_one_another() -> None:
    pool = np.array([*np.linspace(-2, 2, 18), *np.linspace(2, 5, 12)])
    levels = [0.55, *np.linspace(0.62, 0.95, 11)]
    assert resolve_threshold("loo:0,mad:2", pool, levels).rejected < 4
    assert resolve_threshold(DEFAULT_THRESHOLD, pool, levels).rejected >= 9


def test_rows_that_score_alike_do_not_make_the_others_stand_out() -> None:
    found = resolve_threshold("mad:6", np.array([*np.zeros(20), 1.0, 2.0]), [])
    assert found.rejected == 0 and "half of the scores are equal" in found.reason


@pytest.mark.parametrize("spec", BAD)
def test_a_bad_specification_names_itself(spec: str) -> None:
    with pytest.raises(UsageError, match="threshold"):
        resolve_threshold(spec, SCORES, [0.9])


@pytest.mark.parametrize("scores", [[], [1.0, float("nan")]])
def test_scores_that_are_none(scores: list[float]) -> None:
    with pytest.raises(UsageError, match="scores must be finite numbers"):
        resolve_threshold("top:1", np.array(scores), [])


def test_loo_needs_two_targets() -> None:
    with pytest.raises(UsageError, match="at least two targets"):
        resolve_threshold("loo:0.25", SCORES, [])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-5, 5), min_size=1), st.floats(-5, 5))
def test_percentile_equals_the_loop(pool: list[float], own: float) -> None:
    counted = sum(1.0 if score < own else 0.5 if score == own else 0.0 for score in pool)
    assert percentile(own, np.array(pool)) == pytest.approx(counted / len(pool))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-5, 5), min_size=1), st.integers(0, 60))
def test_the_cut_is_the_lowest_rejected_score(pool: list[float], top: int) -> None:
    scores = np.array(pool)
    found = resolve_threshold(f"top:{top}", scores, [])
    if found.rejected:
        assert found.cut == np.sort(scores)[::-1][found.rejected - 1]


def test_warning_light() -> None:
    ids = list("abcde")
    assert warning_light([0.9, 0.95, 0.9, 1.0, 0.85], ids) == []
    assert "Only 2 targets" in warning_light([0.9, 0.9], ["a", "b"])[0]
    assert "Only one target" in warning_light([], [])[0]
    weak = warning_light([0.9, 0.5, 0.9, 0.7, 0.6], ids)
    assert "rank above only 72%" in weak[0]
    assert "1 of 5 targets" in weak[1] and "(b)" in weak[1]
