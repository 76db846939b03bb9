"""Early stopping: when it stops, and that the best weights come back."""

import numpy as np
import pytest
import torch
from tests.classes.classifier.test_classifier import QUICK, blobs
from torch import nn

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import EBVClassifier
from growlabels.classes.classifier.early_stopping import EarlyStopping
from growlabels.classes.classifier.training import TrainingRows
from growlabels.classes.inputs.trunks import ArrayInputs


class Scripted(nn.Module):
    """A head whose loss is its only weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.weight


def test_stops_after_patience_and_restores_the_best() -> None:
    head = Scripted()
    rows = TrainingRows(ArrayInputs(np.ones((2, 1))), np.zeros(2, int))
    stop = EarlyStopping(nn.Identity(), head, rows, 2)
    asked = []
    for loss in (3.0, 1.0, 2.0, 1.0):
        head.weight.data.fill_(loss)
        asked.append(stop())
    assert asked == [False, False, False, True]
    head.weight.data.fill_(9.0)
    stop.restore()
    assert head.weight.item() == 1.0
    assert stop.losses == [3.0, 1.0, 2.0, 1.0]


def test_a_fit_ends_before_its_epochs_and_dropout_stays_on() -> None:
    x, y = blobs(3)
    model = EBVClassifier(**QUICK | {"epochs": 300}, patience=2, lr=0.05).fit(x, y)
    assert len(model.losses_) < 300
    assert model.score(x, y) > 0.9
    again = EBVClassifier(**QUICK | {"epochs": 300}, patience=2, lr=0.05).fit(x, y)
    assert (again.predict_proba(x) == model.predict_proba(x)).all()


def test_wrong_use() -> None:
    x, y = blobs(3)
    with pytest.raises(UsageError, match="patience must be a whole number of at least 1 or None"):
        EBVClassifier(patience=0).fit(x, y)
    with pytest.raises(UsageError, match="validation_fraction must be between 0 and 1, it was 1"):
        EBVClassifier(patience=1, validation_fraction=1).fit(x, y)
    with pytest.raises(DataError, match="enough rows to keep one back"):
        EBVClassifier(**QUICK, patience=1).fit(x[:2], [0, 1])
