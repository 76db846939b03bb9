"""Which parameters of an EBVClassifier are usable."""

import math
from typing import Any

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.classes._head_checks import check_head_settings
from growlabels.classes._reader import ANALYZERS


def room(capacity: int | None, classes: int) -> int:
    """Return how many vectors to make: ``capacity``, or as many as there are classes."""
    if capacity is not None and capacity < classes:
        raise UsageError.parameter(
            "capacity",
            f"must be at least the {classes:,} classes that there are",
            capacity,
            "leave it out for ample room",
        )
    return capacity or classes


def check_settings(model: Any) -> None:
    """Refuse a parameter that no fit could use."""
    least = {
        "hidden": 1, "embedding": 1, "buckets": 1, "longest_ngram": 1, "partial_epochs": 1,
        "epochs": 1, "batch_size": 1, "patience": 1, "replay": 0,
        "seed": 0, "capacity": 1,
    }  # fmt: skip
    for name, bound in least.items():
        value = getattr(model, name)
        optional = name in ("epochs", "batch_size", "patience", "partial_epochs", "capacity")
        if not (optional and value is None) and not (
            isinstance(value, int | np.integer) and value >= bound
        ):
            way = f"must be a whole number of at least {bound}" + (" or None" if optional else "")
            raise UsageError.parameter(name, way, value)
    if model.analyzer not in ANALYZERS:
        raise UsageError.choice("analyzer", ANALYZERS, model.analyzer)
    for name in ("lr", "partial_lr", "head_lr_factor", "partial_head_lr_factor"):
        if not 0 < getattr(model, name) < math.inf:
            raise UsageError.parameter(name, "must be above 0 and finite", getattr(model, name))
    check_head_settings(model.hidden, model.tau, model.margin, model.label_smoothing)
    if not 0 < model.validation_fraction < 1:
        raise UsageError.parameter(
            "validation_fraction", "must be between 0 and 1", model.validation_fraction
        )
    if not 0 <= model.distillation < math.inf:
        raise UsageError.parameter(
            "distillation", "must be at least 0 and finite", model.distillation
        )
    if not 0 <= model.dropout < 1:
        raise UsageError.parameter("dropout", "must be from 0 to below 1", model.dropout)
