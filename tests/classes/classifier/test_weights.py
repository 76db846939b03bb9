"""Weights of rows and of classes."""

import numpy as np
import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import EBVClassifier
from growlabels.classes.classifier.weights import row_weights

QUICK = {"hidden": 32, "dim": 64, "epochs": 30, "batch_size": 32}


def overlapping() -> tuple[np.ndarray, np.ndarray]:
    """Rows that look alike: nine of ten are of one class."""
    random = np.random.default_rng(0)
    return random.normal(size=(400, 2)) * 0.1, np.where(np.arange(400) % 10 == 0, "rare", "often")


def test_rows_of_weight_0_are_not_learned() -> None:
    x, y = overlapping()
    weights = (y == "often").astype(float)
    with_zeros = EBVClassifier(**QUICK).fit(x, y, sample_weight=weights)
    assert with_zeros.classes_.tolist() == ["often", "rare"]
    assert (with_zeros.predict(x) == "often").all()
    ones = EBVClassifier(**QUICK).fit(x, y, sample_weight=np.full(400, 3.0))
    plain = EBVClassifier(**QUICK).fit(x, y)
    np.testing.assert_allclose(ones.predict_proba(x), plain.predict_proba(x), atol=1e-4)


def test_weights_decide_between_rows_that_look_alike() -> None:
    x, y = overlapping()
    assert (EBVClassifier(**QUICK).fit(x, y).predict(x) == "rare").mean() < 0.1
    heavy = np.where(y == "rare", 100.0, 1.0)
    for model in (
        EBVClassifier(**QUICK).fit(x, y, sample_weight=heavy),
        EBVClassifier(**QUICK, class_weight={"rare": 100.0}).fit(x, y),
        EBVClassifier(**QUICK, class_weight={"rare": 100.0}, patience=9).fit(x, y),
    ):
        assert (model.predict(x) == "rare").mean() > 0.9
    later = EBVClassifier(**QUICK, partial_epochs=60).fit(x, y)
    later.partial_fit(x, y, sample_weight=heavy)
    assert later.predict_proba(x)[:, 1].mean() > 0.5


def test_balanced_classes_have_equal_totals() -> None:
    model = EBVClassifier(class_weight="balanced")
    targets = np.array([0, 0, 0, 1])
    found = row_weights(model, None, targets, targets, None)
    assert found is not None
    np.testing.assert_allclose(found, [2 / 3, 2 / 3, 2 / 3, 2])
    doubled = row_weights(model, None, targets, targets, [2, 1, 1, 0])
    assert doubled is not None and doubled[3] == 0
    assert np.isclose(doubled[:3].mean(), 1)
    assert row_weights(EBVClassifier(), None, targets, targets, None) is None


def test_wrong_weights() -> None:
    x, y = overlapping()
    for wish in ("even", 3.0, {"rare": -1.0}, {"rare": "much"}, {"rare": float("inf")}):
        with pytest.raises(UsageError, match="class_weight"):
            EBVClassifier(class_weight=wish).fit(x, y)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="every row has weight 0"):
        EBVClassifier(class_weight={"rare": 0, "often": 0}).fit(x, y)
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        EBVClassifier().fit(x, y, sample_weight=np.full(400, -1.0))
    with pytest.raises(ValueError, match="sample_weight"):
        EBVClassifier().fit(x, y, sample_weight=np.ones(3))
