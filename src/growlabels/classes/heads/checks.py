"""What a head refuses: settings, features and targets that it could not use."""

import math
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from growlabels.base.errors import DataError, RunError, UsageError, is_whole, number_of
from growlabels.base.labels import LabelMap
from growlabels.classes.codes.codebook import Codebook

MAX_SCALE = 100.0
LEAST = 1 / MAX_SCALE  # tau


def check_head_settings(
    in_features: Any, tau: Any, margin: Any, label_smoothing: Any, cosine_margin: Any = 0.0
) -> None:
    """Refuse what no head could use."""
    if not is_whole(in_features, 1):
        raise UsageError.parameter(
            "in_features", "must be a whole number of at least 1", in_features
        )
    if not (tau == "auto" if isinstance(tau, str) else LEAST <= number_of(tau) < math.inf):
        raise UsageError.parameter("tau", f"must be 'auto' or at least {LEAST}", tau)
    if not 0 <= number_of(margin) < math.pi / 2:
        raise UsageError.parameter("margin", "must be from 0 to below pi / 2", margin)
    for name, value in (("label_smoothing", label_smoothing), ("cosine_margin", cosine_margin)):
        if not 0 <= number_of(value) < 1:
            raise UsageError.parameter(name, "must be from 0 to below 1", value)


def first_place(bad: Tensor) -> str:
    """Name the first true entry: a row, or the place of a pixel."""
    place = tuple(bad.nonzero()[0].tolist())
    return f"row {place[0] if place else 0}" if len(place) < 2 else f"place {place}"


def not_finite(x: Tensor, projected: Tensor) -> DataError:
    """Say which row made projected features NaN or infinite."""
    bad = ~torch.isfinite(x).all(-1)
    if bool(bad.any()):
        return DataError(f"features hold NaN or infinity in {first_place(bad)}; mend the input")
    bad = ~torch.isfinite(projected.norm(dim=-1))
    return DataError(
        f"the projection of finite features has no finite length in {first_place(bad)}: the "
        "weights or the features are too large; lower the learning rate or scale the features"
    )


def check_features(x: Any, in_features: int) -> None:
    """Refuse what is no tensor of ``in_features`` floats a row."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        was = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise UsageError.parameter("x", "must be a tensor of floats", was, "convert it first")
    if x.shape[-1:] != (in_features,):
        shape = tuple(x.shape)
        raise UsageError.parameter("x", f"must have {in_features} features in its last axis", shape)


def check_type(x: Tensor, projection: nn.Module) -> None:
    """Refuse features of another type than the plain layer's where autocast does not convert."""
    if type(projection) is not nn.Linear or (
        not x.is_meta and torch.is_autocast_enabled(x.device.type)
    ):
        return
    own = projection.weight.dtype
    if x.dtype != own:
        raise UsageError.parameter("x", f"must be of type {own}, as the head", x.dtype)


def check_shape(name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Refuse what is no tensor of this shape."""
    if not isinstance(value, Tensor) or value.shape != shape:
        was = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise UsageError.parameter(name, f"must be a tensor of shape {shape}", was)


def check_device(name: str, value: Tensor, x: Tensor) -> None:
    """Refuse a tensor that is not where the features are."""
    if value.device != x.device:
        raise UsageError.parameter(
            name, f"must be on {x.device}, as the features", str(value.device), "move it there"
        )


def check_rows(
    x: Any, y: Any, in_features: int, num_classes: int, labels: LabelMap, ignore_index: Any
) -> None:
    """Refuse features as above, and targets that are not one class index (or to ignore) a row."""
    check_features(x, in_features)
    if not isinstance(y, Tensor) or y.dtype != torch.int64 or y.shape != x.shape[:-1]:
        was = (
            f"has shape {tuple(y.shape)} and type {y.dtype}"
            if isinstance(y, Tensor)
            else f"is of type {type(y).__name__}"
        )
        raise UsageError(
            f"y must hold one class index per row, shape {tuple(x.shape[:-1])} and type "
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
                f"{labels[index]!r}; add it again or leave the row out"
            )


def check_state(own: Codebook, num_classes: int, codebook: Any, classes: Any, scale: Any) -> None:
    """Refuse what a state dict says of another head; None is what it does not say."""
    try:
        saved = None if codebook is None else bytes(codebook.tolist()).hex()
        count = 1 if classes is None else int(classes)
        found = 1.0 if scale is None else float(scale)
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise RunError(f"the state dict is damaged ({error}); load another copy") from error
    if saved not in (None, own.hash):
        raise RunError(
            f"the state dict was made with another codebook (hash {saved[:12]}, this head "
            f"has {own.hash[:12]}: {own.kind}, dim {own.dim}); "
            "make the head with the codebook it was trained with"
        )
    if count < 1 or not 0 < found <= MAX_SCALE:
        raise RunError(
            f"the state dict is damaged: it has {count} classes and scale {found}; load "
            "another copy"
        )
    if count > num_classes:
        raise RunError(
            f"the state dict knows {count} classes, this head {num_classes}; "
            "add the missing classes with add_classes first"
        )


def labels_digest(codebook: Codebook, count: int) -> bytes:
    """Return a digest of the first labels in order; empty where there is none to compare."""
    if not len(codebook.labels):
        return b""
    try:
        return bytes.fromhex(codebook.labels.digest(count))
    except UsageError:  # a label that no file can hold
        return b""


def check_labels(own: Codebook, num_classes: int, saved: Any, classes: Any) -> None:
    """Refuse a state dict of other labels, or of the same in another order."""
    digest = labels_digest(own, num_classes if classes is None else int(classes))
    if isinstance(saved, Tensor) and digest and bytes(saved.tolist()) != digest:
        raise RunError(
            "the state dict was trained with other labels, or with these in another order; make "
            "the codebook with the labels of the training, in their order (a set has none)"
        )


def count_of(codebook: Codebook, num_classes: int | None) -> int:
    """Return the number of classes of a head: the labels of its codebook, or as asked for."""
    if len(codebook.labels):
        if num_classes not in (None, len(codebook.labels)):
            raise UsageError.parameter(
                "num_classes", f"must be {len(codebook.labels)}, the codebook's labels", num_classes
            )
        return len(codebook.labels)
    count = codebook.n_classes if num_classes is None else num_classes
    if not (is_whole(count, 1) and count <= codebook.capacity):
        raise UsageError.parameter(
            "num_classes",
            f"must be from 1 to {codebook.capacity}, the capacity of the codebook",
            count,
            "make a larger one with Codebook.for_classes",
        )
    return int(count)
