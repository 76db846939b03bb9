"""The temperature that EBVClassifier fits on rows kept back from training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from growlabels.base.errors import UsageError
from growlabels.classes import EBVClassifier
from growlabels.classes.calibration.rejection import fit_temperature
from growlabels.classes.classifier.temperature import FEWEST, MOST, draw_for_temperature

CLASSES = 5


def rows(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Overlapping clouds of points, one a class."""
    centres = np.random.default_rng(0).normal(size=(CLASSES + 2, 6))
    random = np.random.default_rng(seed)
    y = random.integers(0, CLASSES, count)
    return centres[y] + random.normal(size=(count, 6)), y


@given(st.lists(st.integers(0, 40), max_size=400), st.floats(0, 0.9), st.integers(0, 9))
def test_at_most_half_of_a_class_is_kept_back(labels: list[int], share: float, seed: int) -> None:
    targets = np.array(labels, np.int64)
    held = draw_for_temperature(targets, share, seed)
    assert held.sum() == 0 or FEWEST <= held.sum() <= min(MOST, round(share * len(targets)))
    kept, every = np.bincount(targets[~held], minlength=41), np.bincount(targets, minlength=41)
    assert (2 * kept >= every).all()


def test_no_more_rows_than_needed() -> None:
    assert draw_for_temperature(np.arange(50_000) % 7, 0.5, 0).sum() == MOST


def loss(model: EBVClassifier, x: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    return float(-np.log(model.predict_proba(x)[np.arange(len(y)), y]).mean())


@pytest.fixture(scope="module")
def fitted() -> EBVClassifier:
    return EBVClassifier(epochs=4, hidden=32, batch_size=64).fit(*rows(1000, 1))


def test_probabilities_are_calibrated_as_fitted(fitted: EBVClassifier) -> None:
    x, y = rows(4000, 2)
    with_temperature = loss(fitted, x, y)
    fitted_here = fitted.temperature_
    logits = np.log(fitted.predict_proba(x)) * fitted_here
    fitted.temperature_ = 1.0
    without = loss(fitted, x, y)
    fitted.temperature_ = fitted_here
    assert with_temperature < without - 0.01
    assert fitted_here == pytest.approx(fit_temperature(logits, y), rel=0.3)


def test_rows_kept_back_are_not_learned(fitted: EBVClassifier) -> None:
    x, y = rows(1000, 1)
    held = draw_for_temperature(y, 0.1, 0)
    assert len(fitted.held_back_.targets) == held.sum() == 100
    model = EBVClassifier(epochs=1, hidden=32, replay=10**6).fit(x, y)
    assert len(model.replay_[1]) == 900


def test_without_a_share_every_row_is_learned() -> None:
    settings = {"epochs": 1, "hidden": 8, "replay": 10**6, "calibration_fraction": 0.0}
    model = EBVClassifier(**settings).fit(*rows(600, 1))
    assert len(model.replay_[1]) == 600 and model.temperature_ == 1.0


def test_few_rows_are_all_learned() -> None:
    model = EBVClassifier(epochs=1, hidden=8).fit(*rows(10 * FEWEST - 10, 3))
    assert len(model.held_back_.targets) == 0
    assert model.temperature_ == 1.0


def test_the_temperature_follows_new_classes(fitted: EBVClassifier) -> None:
    x, y = rows(100, 4)
    fitted.partial_fit(np.r_[x, x[:20] + 9], np.r_[y, np.full(20, CLASSES)])
    before = fitted.temperature_
    assert before != 1.0
    fitted.remove_classes([0])
    assert fitted.temperature_ == before
    fitted.partial_fit(x[y != 0], y[y != 0])
    assert fitted.temperature_ > 0


def test_a_share_out_of_range() -> None:
    with pytest.raises(UsageError, match="calibration_fraction must be from 0 to below 1"):
        EBVClassifier(calibration_fraction=1.0).fit(*rows(100, 1))
