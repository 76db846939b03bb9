"""Prediction with very many classes: by search alone, and the same as by all logits."""

import numpy as np
import pytest

from growlabels.classes import EBVClassifier
from growlabels.classes.products.compiled_vectors import MANY_CLASSES


@pytest.fixture(scope="module")
def fitted() -> tuple[EBVClassifier, np.ndarray]:
    rows = np.random.default_rng(0).standard_normal((300, 3))
    classes = [f"class {i:04}" for i in range(MANY_CLASSES + 10)]
    model = EBVClassifier(hidden=16, dim=256, epochs=1, batch_size=300, patience=None)
    return model.partial_fit(rows, classes[:3900:13], classes), rows


def test_the_best_class_is_that_of_the_largest_logit(
    fitted: tuple[EBVClassifier, np.ndarray],
) -> None:
    model, rows = fitted
    found = model.predict(rows)
    shares = model.predict_proba(rows)
    assert found.tolist() == model.classes_[shares.argmax(1)].tolist()
    labels, best = model.predict_topk(rows, 3)
    assert labels[:, 0].tolist() == found.tolist()
    np.testing.assert_allclose(best, -np.sort(-shares, axis=1)[:, :3], rtol=1e-5)


def test_a_row_is_predicted_alone_as_among_others(
    fitted: tuple[EBVClassifier, np.ndarray],
) -> None:
    model, rows = fitted
    alone = [model.predict(row[None])[0] for row in rows[:20]]
    assert alone == model.predict(rows[:20]).tolist()
