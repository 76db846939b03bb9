"""Replace the last layer of an existing model by a head with fixed class vectors."""

from collections.abc import Iterator
from typing import Any, cast

from torch import Tensor, nn

from growlabels.base.errors import UsageError
from growlabels.base.labels import repeated
from growlabels.classes.adoption.dense_head import DenseEBVHead
from growlabels.classes.adoption.object_head import ObjectHead, SharedOffsets
from growlabels.classes.adoption.pretrained import note_heads, register, settings_of
from growlabels.classes.adoption.roles import (
    auxiliary_layers,
    feeds_boxes,
    is_auxiliary,
    object_layers,
    outputs_of,
)
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.head import EBVHead

register()

# Names of the layer that computes the logits in torchvision, timm and transformers.
NAMES = ("fc", "classifier", "head", "heads", "score", "classification_head", "last_linear")


def replace_head(
    model: nn.Module, head: EBVHead | Codebook, name: str | None = None, **settings: Any
) -> nn.Module:
    """Replace the last layer of a model by a head with fixed class vectors, in place.

    The function works for models of torchvision, timm and transformers, and for your own. It
    looks for the layer in this order:

    1. the result of ``model.get_classifier()``, if the model has this method;
    2. an ``nn.Linear`` named fc, classifier, head, heads, score, classification_head or
       last_linear, or the last ``nn.Linear`` in a block of that name;
    3. the last layer of an ``nn.Sequential``, or the only ``nn.Linear`` of the model;
    4. if several layers fit, or none, the only one with ``model.config.num_labels`` outputs.

    For a :class:`DenseEBVHead`, and for a codebook where only such layers have these names, it
    looks for a 1 x 1 ``nn.Conv2d`` in the same order. An :class:`EBVHead` from an earlier call can
    be replaced again.

    In a detector the layer that feeds the loss of the classes is replaced
    (``class_labels_classifier`` of DETR and YOLOS, ``cls_score`` of torchvision), never one of
    boxes. The codebook counts the classes of objects; background or "no object" gets one trained
    output of its own, where the model expects it. An ``EBVHead`` that is given counts all outputs.
    torchvision's boxes then get four offsets that all classes share. Auxiliary heads that score
    the same classes (UperNet, DeepLab) are replaced too, by heads with the same codebook.

    A model of transformers remembers its heads in its configuration: ``from_pretrained`` of a
    saved folder gives them back in any program that imported this function.

    The new head gets the device, dtype and training mode of the old layer. The number of classes
    in ``model.num_classes``, ``model.num_labels`` and ``model.config`` is updated where these
    exist. The labels of the codebook become the ``id2label`` of the configuration. After
    ``head.add_classes``, call ``replace_head(model, head)`` again with the same head. Otherwise a
    loss that the model computes itself fails.

    Parameters
    ----------
    model
        Model to change.
    head
        The new head, or a codebook from which an :class:`EBVHead` of the right size is created.
    name
        Path of the layer to replace, for example ``"decoder.classifier"``. By default the layer
        is found as described above.
    **settings
        Settings of :class:`EBVHead`, such as ``margin``. They require that ``head`` is a
        codebook.

    Returns
    -------
    nn.Module
        The same ``model``.

    Raises
    ------
    UsageError
        No layer or several layers were found, the head takes features of another length, or two
        labels such as 1 and "1" have the same name in a configuration.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 10))
    >>> replace_head(model, Codebook.for_classes(5000), margin=0.1)[2]
    EBVHead(
      kerdock, dim=4096, num_classes=5000, ...
    """
    if not isinstance(model, nn.Module):
        raise UsageError.parameter("model", "must be a torch module", type(model).__name__)
    if not isinstance(head, EBVHead | Codebook):
        raise UsageError.parameter("head", "must be an EBVHead or a Codebook", type(head).__name__)
    if settings and not isinstance(head, Codebook):
        raise UsageError(
            f"{', '.join(settings)} can be given only with a codebook; set them in the EBVHead"
        )
    objects = object_layers(model)
    kind = nn.Conv2d if isinstance(head, DenseEBVHead) else nn.Linear
    if isinstance(head, Codebook) and not objects and _is_segmenter(model, name):
        kind = nn.Conv2d
    if name is not None:
        path = _checked(model, name)
    elif len(objects) == 1 and kind is nn.Linear:
        path = next(iter(objects))
    else:
        path = _path(model, kind)
    old = model.get_submodule(path)
    outputs = outputs_of(old)
    width = _width(model, old, path)
    if isinstance(old, nn.Conv2d | DenseEBVHead) != (kind is nn.Conv2d):
        raise UsageError(
            f"{path!r} of the model is {type(old).__name__}; replace a convolution by a "
            "DenseEBVHead and a linear layer by an EBVHead"
        )
    new = (
        head if isinstance(head, EBVHead) else _made(width, head, kind, objects.get(path), settings)
    )
    if new.in_features != width:
        raise UsageError.parameter(
            "head.in_features",
            f"must be {width}, the input length of {path!r} of the model",
            new.in_features,
        )
    apart = path in objects and not isinstance(new, ObjectHead)  # the last output is no class
    count = new.num_classes - apart
    if count < 1:
        raise UsageError(f"{path!r} scores objects and 'no object': the head needs two outputs")
    named = getattr(getattr(model, "config", None), "id2label", None) is not None
    names = _names(new, count) if named else None
    others = [] if is_auxiliary(path) else auxiliary_layers(model, path, outputs)
    beside = path.removesuffix("cls_score") + "bbox_pred" if path.endswith("cls_score") else ""
    heads: list[tuple[str, nn.Module]] = [(path, new)]
    for other in others:
        size = _width(model, model.get_submodule(other), other)
        heads.append((other, type(new)(size, new.codebook, **settings_of(new))))
    if path in objects and beside and isinstance(new, ObjectHead):
        heads.append((beside, SharedOffsets(width, new)))
    for place, module in heads:
        _put(model, place, module)
    if not is_auxiliary(path):
        _update(model, count, names)
    note_heads(model)
    return model


def _is_segmenter(model: nn.Module, name: str | None) -> bool:
    """Return whether 1 x 1 convolutions have the usual names, and no linear layer has."""
    if name is not None:
        return isinstance(_checked_module(model, name), nn.Conv2d | DenseEBVHead)
    if callable(getattr(model, "get_classifier", None)):
        return False
    return not any(_named(model, nn.Linear, "")) and any(_named(model, nn.Conv2d, ""))


def _made(
    width: int, codebook: Codebook, kind: type[nn.Module], background: Any, settings: dict[str, Any]
) -> EBVHead:
    """Make the head that fits a layer."""
    if kind is nn.Conv2d:
        return DenseEBVHead(width, codebook, **settings)
    if background is not None:
        return ObjectHead(width, codebook, background, **settings)
    return EBVHead(width, codebook, **settings)


def _put(model: nn.Module, path: str, new: nn.Module) -> None:
    """Set a layer, with the device, dtype and mode of the one before it."""
    old = model.get_submodule(path)
    like = next(
        (p for p in [*old.parameters(), *model.parameters()] if p.is_floating_point()), None
    )
    if like is not None:
        _match(new, like)
    new.train(old.training)
    parent, _, last = path.rpartition(".")
    setattr(model.get_submodule(parent), last, new)


def _path(model: nn.Module, kind: type[nn.Module]) -> str:
    if callable(getattr(model, "get_classifier", None)):
        return _of_get_classifier(model)
    found = [path for path in _named(model, kind, "") if not feeds_boxes(path)]
    if len(main := [path for path in found if not is_auxiliary(path)]) == 1:
        return main[0]
    if not found:
        found = _otherwise(model, kind)
    if len(found) != 1:
        found = _of_number(model, kind, found) or found
    if len(found) == 1:
        return found[0]
    what = f"{kind.__name__} that computes the logits"
    if found:
        raise UsageError(
            f"the model has {len(found)} layers that may be the {what}: "
            f"{', '.join(map(repr, found))}; choose one with name="
        )
    others = [path for path, module in model.named_modules() if path and isinstance(module, kind)]
    listed = ", ".join(map(repr, others[-8:])) or "none"
    raise UsageError(
        f"the model has no {what} under the usual names ({', '.join(NAMES)}); "
        f"its last layers of that type: {listed}; choose one with name="
    )


def _of_get_classifier(model: nn.Module) -> str:
    classifier = cast(Any, model).get_classifier()
    paths = [path for path, module in model.named_modules() if path and module is classifier]
    if not paths:
        raise UsageError(
            f"get_classifier() of the model returned {type(classifier).__name__}, which is not "
            "a layer of the model; choose the layer to replace with name="
        )
    return paths[0]


def _named(module: nn.Module, kind: type[nn.Module], prefix: str) -> Iterator[str]:
    """Yield the paths of the outermost matches of :data:`NAMES`; for a block, its last layer."""
    for name, child in module.named_children():
        path = prefix + name
        if name in NAMES:
            inside = [p for p, m in _layers(child, path) if _is_layer(m, kind)]
            yield from inside[-1:]
        elif not isinstance(child, EBVHead):
            yield from _named(child, kind, path + ".")


def _layers(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield a module and its descendants, except those inside an EBVHead."""
    yield path, module
    if not isinstance(module, EBVHead):
        for name, child in module.named_children():
            yield from _layers(child, f"{path}.{name}" if path else name)


def _otherwise(model: nn.Module, kind: type[nn.Module]) -> list[str]:
    if isinstance(model, nn.Sequential) and len(model) and _is_layer(model[-1], kind):
        return [list(model.named_children())[-1][0]]
    every = [path for path, module in _layers(model, "") if path and _is_layer(module, kind)]
    return every if len(every) == 1 else []


def _of_number(model: nn.Module, kind: type[nn.Module], among: list[str]) -> list[str]:
    """Return earlier heads or, if there are none, layers with ``config.num_labels`` outputs.

    A transformers head may contain further layers with the usual names, or only unusual names.
    """
    count = getattr(getattr(model, "config", None), "num_labels", None)
    paths = among or [path for path, module in _layers(model, "") if _is_layer(module, kind)]
    layers = {path: model.get_submodule(path) for path in paths}
    heads = [path for path, layer in layers.items() if isinstance(layer, EBVHead)]
    size = "out_channels" if kind is nn.Conv2d else "out_features"
    return heads or [
        path
        for path, layer in layers.items()
        if count and getattr(layer, size) == count and not feeds_boxes(path)
    ]


def _is_layer(module: nn.Module, kind: type[nn.Module]) -> bool:
    if isinstance(module, nn.Conv2d):
        return kind is nn.Conv2d and module.kernel_size == (1, 1)
    if isinstance(module, EBVHead):
        return isinstance(module, DenseEBVHead) == (kind is nn.Conv2d)
    return isinstance(module, kind)


def _checked_module(model: nn.Module, name: str) -> nn.Module:
    return model.get_submodule(_checked(model, name))


def _checked(model: nn.Module, name: str) -> str:
    modules = dict(model.named_modules())
    if not name or name not in modules:
        listed = ", ".join(map(repr, list(modules)[-8:]))
        raise UsageError.parameter("name", f"must be a layer of the model (..., {listed})", name)
    return name


def _width(model: nn.Module, old: nn.Module, path: str) -> int:
    """Return the length of the features that the old layer takes."""
    if isinstance(old, nn.Conv2d):
        return old.in_channels
    if isinstance(old, nn.Identity):  # timm models made with num_classes=0
        found = getattr(model, "head_hidden_size", None) or getattr(model, "num_features", None)
    else:
        found = getattr(old, "in_features", None)
    if not isinstance(found, int):
        raise UsageError(
            f"{path!r} of the model is {type(old).__name__}, not a linear layer: the length of "
            "its features is unknown; choose another layer with name="
        )
    return found


def _match(head: nn.Module, like: Tensor) -> None:
    """Move the head to the device of ``like``, and its parameters to the dtype of ``like``."""
    head.to(like.device)
    for parameter in head.parameters():
        parameter.data = parameter.data.to(like.dtype)


def _names(head: EBVHead, count: int) -> dict[int, str]:
    """Return the names of the classes for a configuration of transformers."""
    labels = head.codebook.labels
    if not len(labels):
        return {i: f"LABEL_{i}" for i in range(count)}
    names = {i: str(labels[i]) for i in range(count)}
    if twice := repeated(names.values()):
        raise UsageError(
            f"two labels of the codebook have the name {twice[0]!r} in a configuration of "
            "transformers; rename one of them"
        )
    return names


def _update(model: nn.Module, count: int, names: dict[int, str] | None) -> None:
    """Update the number and names of the classes that the model stores."""
    for attribute in ("num_classes", "num_labels"):
        if isinstance(getattr(model, attribute, None), int):
            setattr(model, attribute, count)
    if names is not None:
        config: Any = model.config
        config.id2label, config.label2id = names, {label: i for i, label in names.items()}
