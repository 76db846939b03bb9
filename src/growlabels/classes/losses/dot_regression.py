"""Dot regression: pull the embedding to its class vector, whatever the other classes."""

import torch
from torch import Tensor

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.heads.head import EBVHead


def dot_regression_loss(head: EBVHead, x: Tensor, y: Tensor) -> Tensor:
    """Return the mean of ``(1 - cosine)^2 / 2`` between embeddings and their class vectors.

    The cost does not depend on the number of classes, in time or in memory. Only the pull
    towards the own vector of the softmax's gradient is left, without a push away from others:
    since the vectors are fixed and far apart, reaching the own one suffices (Yang et al.,
    "Inducing Neural Collapse in Imbalanced Learning", NeurIPS 2022). Where the exact loss is
    affordable it usually trains to a better accuracy.

    Parameters
    ----------
    head
        Its projection and class vectors; scale, margin and label smoothing play no part.
    x, y
        Features ``(rows, in_features)`` and class indices ``(rows,)``.

    Raises
    ------
    DataError
        A target is out of range; features are not finite.

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
        raise DataError(
            "dot_regression_loss knows no rows to ignore; leave out rows with target -100"
        )
    z = head.embed(x)
    with torch.autocast(z.device.type, enabled=False):
        cosine = (z * head.vectors.select(y).to(z.dtype)).sum(-1)
        return 0.5 * (1 - cosine).square().mean()
