"""Wrong values in the public calls: one sentence that names the parameter and the value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from growlabels.base.errors import GrowLabelsError
from growlabels.classes import (
    Codebook,
    EBVBoxHead,
    EBVClassifier,
    EBVHead,
    coherence_bound,
    conformal_threshold,
    dot_regression_loss,
    fit_temperature,
    import_pickle,
    levenshtein_bound,
    rankin_bound,
    rejection_scores,
    sampled_loss,
    welch_bound,
)
from growlabels.classes.heads.checks import check_head_settings

NO_NUMBER: tuple[Any, ...] = (None, "x", b"x", [], {}, object(), np.array([1.0, 2.0]), np.nan, True)
BOOK = Codebook.for_classes(6, 8)
X, Y = torch.ones(3, 4), torch.tensor([0, 1, 2])
PATHS: tuple[Callable[[Any], object], ...] = (
    BOOK.save,
    Codebook.load,
    import_pickle,
    EBVClassifier.load,
)


@pytest.mark.parametrize("bound", [coherence_bound, levenshtein_bound, rankin_bound, welch_bound])
def test_bounds_of_no_number(bound: Callable[[Any, Any], object]) -> None:
    for value in (*NO_NUMBER, 0, 2.5):
        with pytest.raises(GrowLabelsError, match=r"^count must be at least 1, and whole, it was"):
            bound(value, 8)
        with pytest.raises(GrowLabelsError, match=r"^dim must be at least 1, and whole, it was"):
            bound(8, value)


@pytest.mark.parametrize("name", ["tau", "margin", "label_smoothing", "cosine_margin"])
def test_head_settings_that_are_no_numbers(name: str) -> None:
    settings: dict[str, Any] = {"tau": 0.1, "margin": 0.0, "label_smoothing": 0.0}
    for value in (*NO_NUMBER, -1, 10**400):
        with pytest.raises(GrowLabelsError, match=rf"^{name} must be"):
            check_head_settings(4, **settings | {name: value})


@pytest.mark.parametrize("call", PATHS)
def test_what_is_no_path(call: Callable[[Any], object]) -> None:
    for value in (None, 3, b"x", Path):
        with pytest.raises(GrowLabelsError, match=r"^path must be a path, it was of class"):
            call(value)


@pytest.mark.parametrize("name", ["lr", "partial_lr", "weight_decay", "dropout", "head_lr_factor"])
def test_classifier_settings_that_are_no_numbers(name: str) -> None:
    for value in (*NO_NUMBER, -1):
        with pytest.raises(GrowLabelsError, match=rf"^{name} must be"):
            EBVClassifier(**{name: value}).fit(np.eye(4), [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda head: Codebook.for_classes(6).add_labels(None), "labels must be of class Iterable"),
        (lambda head: Codebook.for_classes(6).remove_labels(3), "labels must be of class Iterable"),
        (lambda head: Codebook.for_classes(6, 8, criterion=X), "criterion must be one of"),
        (lambda head: EBVBoxHead(4, BOOK, X), "background must be one of 'class', 'reject'"),
        (lambda head: rejection_scores(None, X), "head must be of class EBVHead, it was of class"),
        (lambda head: sampled_loss("head", X, Y), "head must be of class EBVHead, it was of class"),
        (lambda head: dot_regression_loss(X, X, Y), "head must be of class EBVHead"),
        (lambda head: conformal_threshold("x"), "scores must be numbers: could not convert"),
        (lambda head: conformal_threshold(range(9), "x"), "false_rejection must be above 0"),
        (lambda head: fit_temperature([["a", "b"]], [0]), "logits must be numbers"),
        (lambda head: fit_temperature(np.eye(2), ["a", "b"]), "y must be column numbers below 2"),
        (lambda head: fit_temperature(np.eye(2), [0, 2]), "y must be column numbers .* it was 2"),
        (
            lambda head: EBVClassifier().partial_fit(np.eye(2), [0, 1], classes=3),
            "classes must be a list of labels in order, it was of type int",
        ),
    ],
)
def test_wrong_values(call: Callable[[Any], object], message: str) -> None:
    with pytest.raises(GrowLabelsError, match=message):
        call(EBVHead(4, BOOK))
