"""What the layers of a model are for: classes of objects, boxes, auxiliary losses."""

from typing import Any

from torch import nn

from growlabels.classes.adoption.object_head import ObjectHead
from growlabels.classes.heads.head import EBVHead

OBJECTS = {"class_labels_classifier": "last", "cls_score": "first"}
"""Layers that score objects and, in one more output, what is none -> where that output stands."""
_BOXES = ("bbox", "box", "mask", "keypoint", "offset")


def object_layers(model: nn.Module) -> dict[str, str]:
    """Return the paths of layers that score objects, and where "no object" stands.

    DETR, YOLOS and their kin in transformers compute the loss of the classes from
    ``class_labels_classifier``, torchvision's two-stage detectors from ``cls_score`` beside a
    ``bbox_pred``.
    """
    found = {}
    for path, module in model.named_modules():
        parent, _, name = path.rpartition(".")
        if name not in OBJECTS or not isinstance(module, nn.Linear | EBVHead):
            continue
        if name == "cls_score" and not hasattr(model.get_submodule(parent), "bbox_pred"):
            continue
        found[path] = OBJECTS[name]
    return found


def feeds_boxes(path: str) -> bool:
    """Return whether a layer predicts boxes, masks or points by its path, and no classes.

    >>> feeds_boxes("bbox_predictor.layers.2"), feeds_boxes("decode_head.classifier")
    (True, False)
    """
    return any(part.startswith(_BOXES) for part in path.split("."))


def is_auxiliary(path: str) -> bool:
    """Return whether a layer computes logits of an auxiliary loss by its path.

    >>> is_auxiliary("auxiliary_head.classifier"), is_auxiliary("aux_classifier.4")
    (True, True)
    """
    return any(part.startswith("aux") for part in path.split("."))


def auxiliary_layers(model: nn.Module, main: str, outputs: int | None) -> list[str]:
    """Return the last layers of auxiliary heads that score the same classes as the main one.

    Parameters
    ----------
    model
        The model.
    main
        Path of the main layer.
    outputs
        Its number of outputs; None where it is not known.
    """
    last: dict[str, str] = {}
    for path, module in model.named_modules():
        if path == main or not is_auxiliary(path) or ".projection" in path:
            continue
        if isinstance(module, EBVHead) or outputs_of(module) == outputs is not None:
            top = next(part for part in path.split(".") if part.startswith("aux"))
            last[top] = path
    return list(last.values())


def outputs_of(layer: nn.Module) -> int | None:
    """Return how many logits a layer computes."""
    if isinstance(layer, EBVHead):
        return layer.num_classes + isinstance(layer, ObjectHead)
    found: Any = getattr(layer, "out_features", getattr(layer, "out_channels", None))
    return found if isinstance(found, int) else None
