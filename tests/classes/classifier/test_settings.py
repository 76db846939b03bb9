"""The head that EBVClassifier makes by default."""

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from growlabels.classes import EBVClassifier
from growlabels.classes.classifier.settings import MANY
from growlabels.classes.heads.centring import Centring


def fitted(classes: int, **settings: float) -> EBVClassifier:
    x = np.random.default_rng(0).normal(size=(2 * classes, 3))
    return EBVClassifier(epochs=1, hidden=8, **settings).fit(x, np.arange(2 * classes) // 2)  # type: ignore[arg-type]


@pytest.mark.parametrize(("classes", "margin", "smoothing"), [(4, 0.2, 0.1), (MANY + 1, 0.0, 0.0)])
def test_settings_follow_the_number_of_classes(
    classes: int, margin: float, smoothing: float
) -> None:
    head = fitted(classes).head_
    assert (head.margin, head.label_smoothing) == (margin, smoothing)
    assert isinstance(head.centring, Centring) == (classes > MANY)
    assert head.codebook.dim >= classes


def test_given_settings_are_kept() -> None:
    head = fitted(MANY + 1, margin=0.3, label_smoothing=0.0).head_
    assert (head.margin, head.label_smoothing) == (0.3, 0.0)


def test_averages_are_saved_and_models_without_them_still_open(tmp_path: Path) -> None:
    model = fitted(MANY + 1)
    x = np.random.default_rng(1).normal(size=(9, 3))
    model.save(tmp_path / "centred")
    assert np.allclose(
        EBVClassifier.load(tmp_path / "centred").predict_proba(x), model.predict_proba(x)
    )
    model.head_.centring = nn.Identity()
    model.save(tmp_path / "plain")
    assert np.allclose(
        EBVClassifier.load(tmp_path / "plain").predict_proba(x), model.predict_proba(x)
    )
