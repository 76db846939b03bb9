"""Check the settings, features and targets of heads."""

import math
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from growlabels.base.errors import DataError, UsageError, is_whole, number_of
from growlabels.base.labels import LabelMap
from growlabels.classes.codes.codebook import Codebook

MAX_SCALE = 100.0
LEAST = 1 / MAX_SCALE  # the smallest tau


def check_head_settings(
    in_features: Any, tau: Any, margin: Any, label_smoothing: Any, cosine_margin: Any = 0.0
) -> None:
    """Raise ``UsageError`` if a setting of a head is of the wrong type or out of range."""
    if not is_whole(in_features, 1):
        raise UsageError.parameter(
            "in_features", "must be a whole number of at least 1", in_features
        )
    if not (tau == "auto" if isinstance(tau, str) else LEAST <= number_of(tau) < math.inf):
        raise UsageError.parameter(
            "tau", f"must be 'auto' or a finite number of at least {LEAST}", tau
        )
    if not 0 <= number_of(margin) < math.pi / 2:
        raise UsageError.parameter("margin", "must be from 0 to below pi / 2", margin)
    for name, value in (("label_smoothing", label_smoothing), ("cosine_margin", cosine_margin)):
        if not 0 <= number_of(value) < 1:
            raise UsageError.parameter(name, "must be from 0 to below 1", value)


def first_place(bad: Tensor) -> str:
    """Return the position of the first true entry: a row number or a pixel's indices."""
    place = tuple(bad.nonzero()[0].tolist())
    return f"row {place[0] if place else 0}" if len(place) < 2 else f"place {place}"


def not_finite(x: Tensor, projected: Tensor) -> DataError:
    """Return the error that names the first row whose projection is not finite."""
    bad = ~torch.isfinite(x).all(-1)
    if bool(bad.any()):
        return DataError(
            f"features contain NaN or infinity in {first_place(bad)}; correct or remove that row"
        )
    bad = ~torch.isfinite(projected.norm(dim=-1))
    return DataError(
        f"the projection of finite features is not finite in {first_place(bad)}: the weights or "
        "the features are too large; lower the learning rate or scale the features"
    )


def check_lengths(x: Tensor, projected: Tensor) -> None:
    """Raise ``DataError`` if the projection of a row of ``x`` is not finite."""
    if not bool(torch.isfinite(projected.detach().norm(dim=-1)).all()):
        raise not_finite(x, projected)


def check_features(x: Any, in_features: int) -> None:
    """Raise ``UsageError`` unless ``x`` is a float tensor with ``in_features`` columns."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        was = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise UsageError.parameter(
            "x", "must be a floating-point tensor", was, "pass torch.as_tensor(x).float()"
        )
    if x.shape[-1:] != (in_features,):
        shape = tuple(x.shape)
        raise UsageError.parameter("x", f"must have {in_features} features in its last axis", shape)


def check_type(x: Tensor, projection: nn.Module) -> None:
    """Raise ``UsageError`` if the dtype of ``x`` differs from that of a plain linear layer.

    Under autocast any dtype is accepted.
    """
    if type(projection) is not nn.Linear or (
        not x.is_meta and torch.is_autocast_enabled(x.device.type)
    ):
        return
    own = projection.weight.dtype
    if x.dtype != own:
        raise UsageError.parameter("x", f"must have the head's dtype, {own}", x.dtype)


def check_shape(name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Raise ``UsageError`` unless ``value`` is a tensor of this shape."""
    if not isinstance(value, Tensor) or value.shape != shape:
        was = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise UsageError.parameter(name, f"must be a tensor of shape {shape}", was)


def check_device(name: str, value: Tensor, x: Tensor) -> None:
    """Raise ``UsageError`` unless ``value`` is on the device of the features."""
    if value.device != x.device:
        raise UsageError.parameter(
            name,
            f"must be on {x.device}, the device of the features",
            str(value.device),
            "move it there",
        )


def check_rows(
    x: Any, y: Any, in_features: int, num_classes: int, labels: LabelMap, ignore_index: Any
) -> None:
    """Raise an error unless ``x`` holds features and ``y`` one usable target per row.

    A target is a class index from 0 to ``num_classes - 1`` that is not removed, or
    ``ignore_index``.
    """
    check_features(x, in_features)
    if not isinstance(y, Tensor) or y.dtype != torch.int64 or y.shape != x.shape[:-1]:
        was = (
            f"has shape {tuple(y.shape)} and type {y.dtype}"
            if isinstance(y, Tensor)
            else f"is of type {type(y).__name__}"
        )
        raise UsageError(
            f"y must contain one class index per row, shape {tuple(x.shape[:-1])} and type "
            f"torch.int64, it {was}; for soft targets use soft_target_loss"
        )
    check_device("y", y, x)
    if not isinstance(ignore_index, Integral):
        raise UsageError.parameter("ignore_index", "must be a whole number", ignore_index)
    bad = (y != ignore_index) & ((y < 0) | (y >= num_classes))
    if bool(bad.any()):
        raise DataError(
            f"target must be from 0 to {num_classes - 1} (or {ignore_index} to be "
            f"ignored), it was {int(y[bad].flatten()[0])} in {first_place(bad)}; "
            "add new classes with add_classes first"
        )
    for index in y.unique().tolist() if labels.removed else ():
        if index != ignore_index and labels[index] not in labels:
            raise DataError(
                f"target {index} in {first_place(y == index)} is the removed label "
                f"{labels[index]!r}; add the label again or remove the row"
            )


def count_of(codebook: Codebook, num_classes: int | None) -> int:
    """Return the number of classes of a head.

    It is the number of labels if the codebook has labels. Otherwise it is ``num_classes``, by
    default the number of classes of the codebook.
    """
    if len(codebook.labels):
        if num_classes not in (None, len(codebook.labels)):
            raise UsageError.parameter(
                "num_classes",
                f"must be {len(codebook.labels)}, the number of labels of the codebook",
                num_classes,
            )
        return len(codebook.labels)
    count = codebook.n_classes if num_classes is None else num_classes
    if not (is_whole(count, 1) and count <= codebook.capacity):
        raise UsageError.parameter(
            "num_classes",
            f"must be from 1 to {codebook.capacity}, the capacity of the codebook",
            count,
            "create a larger codebook with Codebook.for_classes",
        )
    return int(count)


def added_classes(number: Any, before: int, codebook: Codebook) -> int:
    """Return a number of new classes, checked for a head with ``before`` classes."""
    if not isinstance(number, Integral) or isinstance(number, bool):
        raise UsageError.parameter("labels", "must be a list of new labels or their number", number)
    if len(codebook.labels):
        raise UsageError.parameter(
            "labels", "must be a list of labels, because the codebook has labels", number
        )
    room = codebook.capacity - before
    count = int(number)
    if not 0 <= count <= room:
        raise UsageError.parameter("labels", f"must be from 0 to {room}", number)
    return count
