"""Write and read the entries of a head's state dict.

A head has four entries besides its projection: a hash of the codebook, the number of classes, a
digest of the labels, and the scale. No class vector is stored, because the codebook gives them.
"""

from typing import Any

import torch
from torch import Tensor

from growlabels.base.errors import RunError, UsageError
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.checks import MAX_SCALE

_ENTRIES = ("codebook", "classes", "scale", "labels")


def state_entries(codebook: Codebook, num_classes: int, scale: float) -> dict[str, Tensor]:
    """Return the entries of a head for its state dict, without prefix.

    >>> sorted(state_entries(Codebook.for_classes(3), 3, 12.0))
    ['classes', 'codebook', 'scale']
    """
    entries = {
        "codebook": _bytes(bytes.fromhex(codebook.hash)),
        "classes": torch.tensor(num_classes),
    }
    if digest := labels_digest(codebook, num_classes):
        entries["labels"] = _bytes(digest)
    entries["scale"] = torch.tensor(scale, dtype=torch.float64)
    return entries


def take_entries(
    state_dict: dict[str, Any], prefix: str, own: Codebook, num_classes: int
) -> tuple[int | None, float | None, list[str]]:
    """Remove the entries of a head from a state dict, and check them against the head.

    Parameters
    ----------
    state_dict
        State dict that is being loaded; the entries are removed from it.
    prefix
        Prefix of the head's keys.
    own
        Codebook of the head.
    num_classes
        Number of classes of the head.

    Returns
    -------
    classes, scale, missing
        The saved number of classes and scale, ``None`` where missing, and the missing keys.

    Raises
    ------
    RunError
        The state dict is damaged, or it has another codebook, other labels or more classes.
    """
    found = {name: state_dict.pop(prefix + name, None) for name in _ENTRIES}
    labels = found.pop("labels")
    missing = [prefix + name for name, value in found.items() if value is None]
    if missing and labels is None and labels_digest(own, num_classes):
        missing.append(prefix + "labels")
    check_state(own, num_classes, **found)
    classes, scale = found["classes"], found["scale"]
    check_labels(own, num_classes, labels, classes)
    return (
        None if classes is None else int(classes),
        None if scale is None else float(scale),
        missing,
    )


def check_state(own: Codebook, num_classes: int, codebook: Any, classes: Any, scale: Any) -> None:
    """Raise ``RunError`` unless the entries of a state dict fit this head.

    Parameters
    ----------
    own
        Codebook of the head.
    num_classes
        Number of classes of the head.
    codebook, classes, scale
        Entries of the state dict; ``None`` where an entry is missing.
    """
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
            "create the head with the codebook that it was trained with"
        )
    if count < 1 or not 0 < found <= MAX_SCALE:
        raise RunError(
            f"the state dict is damaged: it has {count} classes and scale {found}; "
            "load another copy"
        )
    if count > num_classes:
        raise RunError(
            f"the state dict has {count} classes, this head has {num_classes}; "
            "add the missing classes with add_classes first"
        )


def labels_digest(codebook: Codebook, count: int) -> bytes:
    """Return a digest of the first ``count`` labels in order.

    The result is empty if there are no labels, or if a label cannot be stored in a file.
    """
    if not len(codebook.labels):
        return b""
    try:
        return bytes.fromhex(codebook.labels.digest(count))
    except UsageError:  # a label that cannot be stored in a file
        return b""


def check_labels(own: Codebook, num_classes: int, saved: Any, classes: Any) -> None:
    """Raise ``RunError`` if a state dict has other labels, or the same in another order."""
    digest = labels_digest(own, num_classes if classes is None else int(classes))
    if isinstance(saved, Tensor) and digest and bytes(saved.tolist()) != digest:
        raise RunError(
            "the state dict was trained with other labels, or with these in another order; "
            "create the codebook with the training labels in their order (a set has no order)"
        )


def _bytes(digest: bytes) -> Tensor:
    return torch.tensor(list(digest), dtype=torch.uint8)
