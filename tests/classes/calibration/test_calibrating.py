"""EBVClassifier.calibrate and reject."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import (
    EBVClassifier,
    fit_temperature,
    rejection_scores,
)
from growlabels.classes.calibration import calibrating
from growlabels.classes.classifier import predicting

KNOWN, ALL = 8, 12


def rows(count: int, seed: int, first: int, last: int) -> tuple[NDArray[np.float64], NDArray]:
    """Noisy points around one centre a class."""
    centres = 3 * np.random.default_rng(0).normal(size=(ALL, 6))
    random = np.random.default_rng(seed)
    y = random.integers(first, last, count)
    return centres[y] + 1.5 * random.normal(size=(count, 6)), y


@pytest.fixture(scope="module")
def fitted() -> EBVClassifier:
    x, y = rows(400, 1, 0, KNOWN)
    return EBVClassifier(epochs=12, hidden=64, batch_size=64).fit(x, y)


def loss(model: EBVClassifier, x: NDArray, y: NDArray) -> float:
    return -np.log(model.predict_proba(x)[np.arange(len(y)), y]).mean()


def test_calibration_mends_probabilities_and_keeps_answers(fitted: EBVClassifier) -> None:
    x, y = rows(500, 2, 0, KNOWN)
    fitted.head_.scale *= 3  # too sure of itself
    answers, before = fitted.predict(x), loss(fitted, x, y)
    temperature = fitted.calibrate(x, y).temperature_
    assert 1 < temperature < 6
    assert np.array_equal(fitted.predict(x), answers)
    fresh, labels = rows(500, 3, 0, KNOWN)
    assert loss(fitted, x, y) < before
    after = loss(fitted, fresh, labels)
    fitted.temperature_ = 1.0
    assert after < loss(fitted, fresh, labels)
    fitted.head_.scale /= 3


def test_rejects_few_known_rows_and_many_unknown_ones(fitted: EBVClassifier) -> None:
    fitted.calibrate(*rows(999, 4, 0, KNOWN), false_rejection=0.1)
    known = fitted.reject(rows(2000, 5, 0, KNOWN)[0])
    unknown = fitted.reject(rows(2000, 6, KNOWN, ALL)[0])
    assert known.dtype == bool and 0.06 < known.mean() < 0.14
    assert unknown.mean() > 2 * known.mean()


def test_of_many_logits_the_temperature_comes_from_some_rows(
    fitted: EBVClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = rows(500, 8, 0, KNOWN)
    logits = torch.cat(list(fitted._outputs(x, lambda head, part: head(part))))
    monkeypatch.setattr(calibrating, "LOGITS", 1)
    monkeypatch.setattr(predicting, "LOGITS", 37 * KNOWN)  # rows at a time
    found = fitted.calibrate(x, y).temperature_
    drawn = np.sort(np.random.default_rng(0).permutation(500)[:200])
    assert found == pytest.approx(fit_temperature(logits[drawn].numpy(), y[drawn]), rel=1e-9)
    assert found != pytest.approx(fit_temperature(logits.numpy(), y), rel=1e-3)


def test_score_is_that_of_the_head(fitted: EBVClassifier) -> None:
    x = rows(30, 7, 0, ALL)[0]
    with torch.no_grad():
        (expected,) = fitted._outputs(x, rejection_scores)
    assert np.allclose(fitted.score_samples(x), expected)
    assert np.allclose(fitted.score_samples(x[:1]), expected[:1])


def test_calibration_is_saved_and_more_training_undoes_the_threshold(
    fitted: EBVClassifier, tmp_path: Path
) -> None:
    fitted.calibrate(*rows(200, 8, 0, KNOWN))
    fitted.save(tmp_path)
    twin = EBVClassifier.load(tmp_path)
    x = rows(100, 9, 0, ALL)[0]
    assert (twin.temperature_, twin.threshold_) == (fitted.temperature_, fitted.threshold_)
    assert np.array_equal(twin.reject(x), fitted.reject(x))
    assert np.allclose(twin.predict_proba(x), fitted.predict_proba(x))
    twin.partial_fit(*rows(50, 10, 0, ALL))
    assert twin.temperature_ > 0
    with pytest.raises(UsageError, match="no threshold to reject by; call calibrate"):
        twin.reject(x)


def test_wrong_rows(fitted: EBVClassifier) -> None:
    with pytest.raises(UsageError, match="at least 19 for a false-rejection rate"):
        fitted.calibrate(*rows(10, 1, 0, KNOWN))
    for x, y in ((50, 60), (60, 50)):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            fitted.calibrate(rows(x, 1, 0, KNOWN)[0], rows(y, 1, 0, KNOWN)[1])
    with pytest.raises(DataError, match=r"y\[0\]: label 11 was never learned"):
        fitted.calibrate(*rows(50, 1, ALL - 1, ALL))
