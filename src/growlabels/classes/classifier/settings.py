"""Which parameters of an EBVClassifier are usable."""

import math
from typing import Any

import torch

from growlabels.base.errors import UsageError, is_whole, number_of
from growlabels.classes.heads.checks import check_head_settings
from growlabels.classes.heads.head import EBVHead
from growlabels.classes.inputs.readers import ANALYZERS

MANY = 256  # dimensions, above which the settings of a head are those for many classes


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


def has_device(name: Any) -> bool:
    """Say whether torch finds a device that holds data here.

    >>> has_device("cpu"), has_device("meta"), has_device("abacus")
    (True, False, False)
    """
    try:
        return torch.empty(0, device=name).device.type != "meta"
    except (AssertionError, RuntimeError, TypeError, NotImplementedError):
        return False


def check_device(name: Any) -> None:
    """Refuse a device that torch does not find."""
    if not has_device(name):
        raise UsageError.parameter("device", "must be one that torch finds here", name, "use 'cpu'")


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
        if not (optional and value is None) and not is_whole(value, bound):
            way = f"must be a whole number of at least {bound}" + (" or None" if optional else "")
            raise UsageError.parameter(name, way, value)
    UsageError.require_choice("analyzer", model.analyzer, ANALYZERS)
    for name in ("lr", "partial_lr", "head_lr_factor", "partial_head_lr_factor"):
        value = getattr(model, name)
        if not (0 < number_of(value) < math.inf):
            raise UsageError.parameter(name, "must be a finite number above 0", value)
    for name in ("weight_decay", "distillation", "augmentation"):
        value = getattr(model, name)
        if not (0 <= number_of(value) < math.inf):
            raise UsageError.parameter(name, "must be a finite number of at least 0", value)
    given = (0 if value is None else value for value in (model.margin, model.label_smoothing))
    check_head_settings(model.hidden, model.tau, *given)
    share = model.validation_fraction
    if not (0 < number_of(share) < 1):
        raise UsageError.parameter("validation_fraction", "must be between 0 and 1", share)
    if not (0 <= number_of(model.calibration_fraction) < 1):
        way = "must be from 0 to below 1"
        raise UsageError.parameter("calibration_fraction", way, model.calibration_fraction)
    if not (0 <= number_of(model.dropout) < 1):
        raise UsageError.parameter("dropout", "must be from 0 to below 1", model.dropout)
    check_device(model.device)


def new_head(model: Any, width: int) -> EBVHead:
    """Return an untrained head over features of a width, with the model's settings.

    Up to 256 dimensions an angular margin of .2 and label smoothing .1 measured best. With more
    they slow training down, and centred features speed it up.
    """
    many = model.codebook_.dim > MANY
    margin = (0.0 if many else 0.2) if model.margin is None else model.margin
    smoothing = (0.0 if many else 0.1) if model.label_smoothing is None else model.label_smoothing
    return EBVHead(width, model.codebook_, model.tau, margin, smoothing, centre=many)
