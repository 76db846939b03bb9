"""Thresholds by calibrated precision: expected precision holds, labels of the top rows serve."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from tests.unsafe.scores.test_scanner import rows, scanner, targets

from growlabels.base.errors import UsageError
from growlabels.unsafe import filter_rows, resolve_threshold
from growlabels.unsafe.scores.calibrate import chances, rejected_at


def drawn(seed: int, count: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose chance of being unsafe is a logistic curve."""
    draw = np.random.default_rng(seed)
    scores = draw.normal(size=count)
    chance = 1 / (1 + np.exp(-(3 * scores - 3)))
    return scores, (draw.random(count) < chance).astype(float)


def test_chances_are_platts_curve() -> None:
    scores, labels = drawn(0, 80)
    labels[60:] = np.nan
    known = ~np.isnan(labels)
    unsafe, safe = (labels == 1).sum(), (labels == 0).sum()
    goal = np.where(labels[known] == 1, (unsafe + 1) / (unsafe + 2), 1 / (safe + 2))

    def loss(curve: np.ndarray) -> float:
        p = 1 / (1 + np.exp(-(curve[0] * scores[known] + curve[1])))
        return float(-(goal * np.log(p) + (1 - goal) * np.log(1 - p)).sum())

    slope, shift = minimize(loss, np.array([1.0, 0.0])).x
    expected = 1 / (1 + np.exp(-(slope * scores + shift)))
    np.testing.assert_allclose(chances(scores, labels), expected, atol=2e-3)


@pytest.mark.parametrize("seed", range(3))
def test_the_precision_asked_for_is_met(seed: int) -> None:
    scores, truth = drawn(seed)
    labels = np.full(len(truth), np.nan)
    shown = np.argsort(-scores)[:600:4]  # a person looked at some of the higher rows only
    labels[shown] = truth[shown]
    count = rejected_at(0.7, scores, labels)
    found = truth[np.argsort(-scores)[:count]].mean()
    assert 0.6 < found < 0.8
    assert count == resolve_threshold("precision:0.7", scores, [], labels).rejected
    assert resolve_threshold("precision:0.7,top:5", scores, [], labels).rejected == 5


def test_more_precision_rejects_fewer_rows() -> None:
    scores, truth = drawn(5, 300)
    counts = [rejected_at(p, scores, truth) for p in (0.5, 0.7, 0.9, 0.9999)]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) > 2


def test_too_few_labels_are_refused() -> None:
    scores, truth = drawn(1, 60)
    with pytest.raises(UsageError, match="needs labels of at least 50 rows"):
        resolve_threshold("precision:0.8", scores, [])
    with pytest.raises(UsageError, match="5 of them unsafe"):
        resolve_threshold("precision:0.8", scores, [], np.zeros(60))
    with pytest.raises(UsageError, match="'precision' must be a share above 0"):
        resolve_threshold("precision:2", scores, [], truth)


def test_decisions_and_labels_calibrate_the_filter(tmp_path: Path) -> None:
    pool = rows(60, tuple(range(0, 60, 5)))
    table = scanner(methods=["tfidf"]).fit(pool).score(targets())
    bad = [int("eval" in row["completion"]) for row in pool]
    unsafe = dict(zip(table.row_id, bad, strict=True))
    count = rejected_at(0.8, table.score, np.array(bad, float))
    assert count >= 12
    first = filter_rows(pool, table, tmp_path, "precision:0.8", labels=unsafe)
    assert first.rejected == count
    decided: dict[str, Any] = {
        row_id: "reject" if known else "accept" for row_id, known in unsafe.items()
    }
    second = filter_rows(pool, table, tmp_path, "precision:0.8", decisions=decided)
    assert second.threshold.rejected == count
    assert second.rejected == 12
