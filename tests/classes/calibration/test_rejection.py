"""Scores, temperature and conformal threshold against their definitions and simulations."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import (
    Codebook,
    EBVHead,
    conformal_threshold,
    fit_temperature,
    rejection_scores,
)


def test_score_is_the_largest_cosine_times_the_root_of_the_length() -> None:
    torch.manual_seed(0)
    head = EBVHead(6, Codebook.for_classes(300, 64))
    x = torch.randn(2, 4, 6)
    long = head.projection(x).double()
    w = torch.from_numpy(head.codebook.vectors(None, "float64"))
    cosine = (nn.functional.normalize(long, dim=-1) @ w.T).amax(-1)
    expected = (cosine * long.norm(dim=-1) ** 0.25).float().detach()
    torch.testing.assert_close(rejection_scores(head, x), expected)


def test_removed_labels_do_not_count() -> None:
    codebook = Codebook.for_classes(20, 64)
    codebook.add_labels(range(20))
    torch.manual_seed(0)
    head = EBVHead(6, codebook)
    x = torch.randn(1, 6)
    before = rejection_scores(head, x)
    codebook.remove_labels([int(head.predict_topk(x)[1])])
    assert rejection_scores(head, x) < before


@given(st.integers(0, 2**31), st.floats(0.1, 20))
@settings(max_examples=20)
def test_temperature_is_the_minimum(seed: int, stretch: float) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(200, 7)) * stretch
    y = np.array([random.choice(7, p=p) for p in torch.tensor(logits / stretch).softmax(1).numpy()])

    shares = np.zeros_like(logits)  # a 202nd of each row belongs to the strongest other class
    others = np.where(np.eye(7, dtype=bool)[y], -np.inf, logits).argmax(1)
    shares[np.arange(200), y], shares[np.arange(200), others] = 201 / 202, 1 / 202

    def loss(temperature: float) -> float:
        return nn.functional.cross_entropy(
            torch.tensor(logits) / temperature, torch.tensor(shares)
        ).item()

    best = fit_temperature(logits, y)
    assert fit_temperature(torch.tensor(logits, requires_grad=True), y) == best
    assert loss(best) <= min(loss(t) for t in np.geomspace(0.01, 100, 200)) + 1e-9
    assert best == pytest.approx(stretch, rel=0.8)


def test_few_rows_that_are_all_right_make_no_certainty() -> None:
    logits = np.log([[0.9, 0.06, 0.04]] * 40)
    temperature = fit_temperature(logits, [0] * 40)
    probability = torch.tensor(logits[0] / temperature).softmax(0)[0].item()
    assert 0.95 < probability < 1 - 1 / 50


def test_temperature_stays_in_its_range() -> None:
    certain = np.eye(4)
    assert fit_temperature(certain / 1e6, [0, 1, 2, 3]) == 0.01
    assert fit_temperature(np.ones((3, 1)), [0, 0, 0]) == 100.0
    assert fit_temperature(certain, [1, 2, 3, 0]) == 100.0
    assert fit_temperature(np.zeros((3, 4)), [0, 1, 2]) == 100.0
    assert fit_temperature(certain * 1e6, [0, 1, 2, 0]) == 100.0


@pytest.mark.parametrize(("rows", "rate"), [(19, 0.05), (40, 0.1), (99, 0.25), (33, 0.05)])
def test_false_rejections_keep_to_the_stated_rate(rows: int, rate: float) -> None:
    random = np.random.default_rng(0)
    draws = 20_000
    scores = random.gamma(2.0, size=(draws, rows + 1))
    thresholds = np.array([conformal_threshold(row[:-1], rate) for row in scores])
    found = (scores[:, -1] < thresholds).mean()
    error = 4 * (rate * (1 - rate) / draws) ** 0.5
    assert rate - 1 / (rows + 1) - error <= found <= rate + error


def test_ties_only_lower_the_rate() -> None:
    random = np.random.default_rng(0)
    scores = random.integers(0, 3, size=(5000, 50))
    rejected = [row[-1] < conformal_threshold(row[:-1], 0.1) for row in scores]
    assert np.mean(rejected) <= 0.1


@given(st.integers(1, 200), st.floats(0.005, 0.995))
def test_threshold_rejects_fewer_held_out_rows_than_stated(rows: int, rate: float) -> None:
    scores = np.random.default_rng(rows).normal(size=rows)
    try:
        threshold = conformal_threshold(scores, rate)
    except UsageError:
        assert rate * (rows + 1) < 1
    else:
        assert (scores < threshold).sum() < rate * (rows + 1) + 1e-9


def test_wrong_inputs() -> None:
    with pytest.raises(UsageError, match=r"scores must be at least 19 for .* 0\.05, it was 18"):
        conformal_threshold(np.ones(18), 0.05)
    with pytest.raises(UsageError, match="false_rejection must be above 0 and below 1, it was 0"):
        conformal_threshold(np.ones(18), 0)
    with pytest.raises(DataError, match="NaN"):
        conformal_threshold([1.0, np.nan], 0.5)
    with pytest.raises(UsageError, match=r"\(0, 3\) and \(0,\)"):
        fit_temperature(np.zeros((0, 3)), [])
    with pytest.raises(DataError, match="below 3, it was 3"):
        fit_temperature(np.zeros((1, 3)), [3])
    with pytest.raises(DataError, match="finite, row 1"):
        fit_temperature([[0.0, 1.0], [np.inf, 0.0]], [0, 1])
