"""Models of transformers that were saved with a head of ours get it back when they are loaded."""

import base64
import importlib.util
import re
from functools import partial, wraps
from typing import Any

import torch
from torch import nn

from growlabels.classes.adoption.dense_head import DenseEBVHead
from growlabels.classes.adoption.object_head import ObjectHead
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.head import EBVHead

KEY = "growlabels_heads"
"""Entry of a configuration: path of each head -> how to make it."""
_ENTRIES = ("codebook", "classes", "scale", "labels")
_loading: list[list[Any]] = []  # the heads of each load that goes on
_KINDS = {kind.__name__: kind for kind in (EBVHead, DenseEBVHead, ObjectHead)}


def settings_of(head: EBVHead) -> dict[str, Any]:
    """Return the settings that make a head of the same kind, without features and codebook."""
    found: dict[str, Any] = {
        "tau": head.tau_setting,
        "margin": head.margin,
        "label_smoothing": head.label_smoothing,
        "cosine_margin": head.cosine_margin,
        "num_classes": head.num_classes,
        "bias": head.projection.bias is not None,
    }
    if isinstance(head, ObjectHead):
        found["background"] = head.background
    return found


def note_heads(model: nn.Module) -> None:
    """Write the heads of a model into its configuration, from which loading makes them anew.

    A model without a configuration of transformers stays as it is, and so does one with a head of
    another class or with labels that no file can hold.
    """
    config: Any = getattr(model, "config", None)
    if not hasattr(config, "to_dict"):
        return
    heads = {path: m for path, m in model.named_modules() if isinstance(m, EBVHead)}
    noted = {
        path: {
            "kind": type(head).__name__,
            "in_features": head.in_features,
            "scale": head.scale,
            "codebook": base64.b64encode(head.codebook.to_bytes()).decode(),
            **settings_of(head),
        }
        for path, head in heads.items()
        if _KINDS.get(type(head).__name__) is type(head) and _can_be_stored(head.codebook)
    }
    setattr(config, KEY, noted)


def _can_be_stored(codebook: Codebook) -> bool:
    try:
        codebook.to_bytes()
    except ValueError:  # a label that no file can hold
        return False
    return True


def made_again(noted: dict[str, Any]) -> EBVHead:
    """Make a head from what :func:`note_heads` wrote; its weights are not trained."""
    rest = {key: value for key, value in noted.items() if key not in ("kind", "codebook", "scale")}
    codebook = Codebook.from_bytes(base64.b64decode(noted["codebook"]))
    head = _KINDS[noted["kind"]](rest.pop("in_features"), codebook, **rest)
    head.scale = noted["scale"]
    return head


def put_heads(model: nn.Module) -> None:
    """Put the heads that a configuration names into a model of the class that was saved."""
    config: Any = getattr(model, "config", None)
    noted = getattr(config, KEY, None)
    if not noted or type(model).__name__ not in (getattr(config, "architectures", None) or ()):
        return
    for path, settings in noted.items():
        parent, _, name = path.rpartition(".")
        with torch.device("cpu"):  # models are made without memory first
            head: Any = made_again(settings)
        setattr(model.get_submodule(parent), name, head)
        if _loading:  # transformers fills tensors alone; the configuration holds all else
            head._save_to_state_dict = partial(nn.Module._save_to_state_dict, head)
            _loading[-1].append(head)
            ours = {re.escape(f"{path}.{entry}") + "$" for entry in _ENTRIES}
            own: Any = model
            own._keys_to_ignore_on_load_unexpected = {
                *(own._keys_to_ignore_on_load_unexpected or ()),
                *ours,
            }


def register() -> None:
    """Make ``from_pretrained`` of transformers, where it is installed, put our heads back.

    The end of each model's ``__init__`` and ``from_pretrained`` are extended. Nothing changes for
    models whose configuration names no head of ours.
    """
    if importlib.util.find_spec("transformers") is None:
        return
    models: Any = importlib.import_module("transformers.modeling_utils").PreTrainedModel
    before, load = models.post_init, models.from_pretrained.__func__
    if getattr(before, "growlabels", False):
        return

    def post_init(self: Any) -> None:
        put_heads(self)
        before(self)

    post_init.growlabels = True  # type: ignore[attr-defined]
    models.post_init = post_init

    @wraps(load)
    def from_pretrained(cls: Any, *arguments: Any, **options: Any) -> Any:
        _loading.append([])
        try:
            return load(cls, *arguments, **options)
        finally:
            for head in _loading.pop():
                del head._save_to_state_dict
                head._make_vectors(head.num_classes)  # transformers empties buffers of no file

    models.from_pretrained = classmethod(from_pretrained)
