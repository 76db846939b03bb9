"""ADWIN against a window that keeps every loss, and on streams with and without a change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream.numeric.adwin import BUCKETS, empty_monitor, watch


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=300))
def test_the_histogram_sums_all_losses(losses: list[float]) -> None:
    monitor = empty_monitor()
    for loss in losses:
        watch(monitor, loss, 1e-300)  # no cut is ever significant
    assert monitor.totals.tolist() == pytest.approx(
        [len(losses), sum(losses), sum(x * x for x in losses), len(losses)]
    )
    assert monitor.filled.max() <= BUCKETS
    assert monitor.filled @ 2.0 ** np.arange(monitor.filled.size) == len(losses)
    used = [monitor.sums[i, :n].sum() for i, n in enumerate(monitor.filled)]
    assert sum(used) == pytest.approx(sum(losses))


def test_a_change_is_found_with_its_means_and_forgotten() -> None:
    rng = np.random.default_rng(0)
    monitor = empty_monitor()
    alarms = []
    for row in range(1200):
        loss = float(rng.random() < (0.2 if row < 600 else 0.7))
        old, new, bound = watch(monitor, loss, 0.0005)
        if bound:
            alarms.append((row, old, new))
            assert new - old > bound
    assert alarms
    assert 600 < alarms[0][0] < 660
    assert alarms[0][1:] == pytest.approx((0.2, 0.7), abs=0.2)
    assert monitor.totals[1] / monitor.totals[0] == pytest.approx(0.7, abs=0.1)


def test_false_alarms_are_rare() -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(20):
        monitor = empty_monitor()
        alarms += any(watch(monitor, loss, 0.0005)[2] > 0 for loss in rng.random(1000))
    assert alarms <= 1


def test_a_falling_loss_is_told_apart() -> None:
    monitor = empty_monitor()
    found = [watch(monitor, float(row < 300), 0.0005) for row in range(600)]
    assert all(new < old for old, new, bound in found if bound)
    assert any(bound for _, _, bound in found)
