"""Compute dot regression, a loss that depends on the target's class vector alone."""

import torch
from torch import Tensor

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.heads.head import EBVHead


def dot_regression_loss(head: EBVHead, x: Tensor, y: Tensor) -> Tensor:
    """Return the mean of ``(1 - cosine)^2 / 2`` between embeddings and their class vectors.

    Time and memory do not depend on the number of classes. The gradient pulls an embedding
    towards its class vector and does not push it away from others. Class vectors are fixed and
    far apart, so this pull suffices (Yang et al., "Inducing Neural Collapse in Imbalanced
    Learning", NeurIPS 2022). Where the exact loss is affordable, it usually gives better
    accuracy.

    Parameters
    ----------
    head
        Head whose projection and class vectors are used. Its scale, margins and label smoothing
        have no effect.
    x
        Features, (rows, in_features).
    y
        Class indices, (rows,). No row can be ignored.

    Raises
    ------
    UsageError
        ``head`` is not an :class:`EBVHead`, or shapes or types do not fit.
    DataError
        A target is out of range, or features are not finite.

    Examples
    --------
    >>> from growlabels.classes import Codebook
    >>> head = EBVHead(4, Codebook.for_classes(10**6))
    >>> dot_regression_loss(head, torch.ones(2, 4), torch.tensor([0, 999_999])).shape
    torch.Size([])
    """
    UsageError.require_instance("head", head, EBVHead)
    head.check_rows(x, y, -100)
    if bool((y == -100).any()):
        raise DataError("dot_regression_loss cannot ignore rows; remove the rows with target -100")
    z = head.embed(x)
    with torch.autocast(z.device.type, enabled=False):
        cosine = (z * head.vectors.select(y).to(z.dtype)).sum(-1)
        return 0.5 * (1 - cosine).square().mean()
