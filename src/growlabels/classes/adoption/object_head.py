"""Heads of detectors: classes of objects, and one output for what is no object."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from growlabels.base.errors import UsageError
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.head import EBVHead


class ObjectHead(EBVHead):
    """An :class:`EBVHead` with one more logit, trained, for background or "no object".

    ``num_classes`` counts the objects alone. The further logit is a linear function of the
    features, since what is no object has no common direction.

    Parameters
    ----------
    in_features
        Length of the features of a region or query.
    codebook
        Codebook of the classes of objects.
    background
        Where the further logit stands: ``"first"`` as in torchvision, or ``"last"`` as in DETR.
        Default ``"last"``.
    **settings
        Further parameters of :class:`EBVHead`.

    Examples
    --------
    >>> head = ObjectHead(8, Codebook.for_classes(20))
    >>> head(torch.zeros(2, 5, 8)).shape, head.num_classes
    (torch.Size([2, 5, 21]), 20)
    """

    def __init__(
        self,
        in_features: int,
        codebook: Codebook,
        background: Literal["first", "last"] = "last",
        **settings: Any,
    ) -> None:
        super().__init__(in_features, codebook, **settings)
        UsageError.require_choice("background", background, ["first", "last"])
        self.background: Literal["first", "last"] = background
        self.nothing: nn.Linear = nn.Linear(in_features, 1)

    @property
    def outputs(self) -> int:
        """Number of logits: classes of objects and one more."""
        return self.num_classes + 1

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(*batch, num_classes + 1)``."""
        parts = [super().forward(x), self.nothing(x).float()]
        return torch.cat(parts if self.background == "last" else parts[::-1], -1)

    def loss(
        self, x: Tensor, y: Tensor, reduction: Any = "mean", ignore_index: int = -100
    ) -> Tensor:
        """Return the cross-entropy of targets in the order of the logits; no margin is applied."""
        logits = self(x).flatten(0, -2)
        losses = nn.functional.cross_entropy(
            logits,
            y.flatten(),
            reduction=reduction,
            ignore_index=ignore_index,
            label_smoothing=self.label_smoothing,
        )
        return losses.view(y.shape) if reduction == "none" else losses


class SharedOffsets(nn.Module):
    """Four box offsets that all classes share, repeated for each logit, as torchvision reads them.

    Parameters
    ----------
    in_features
        Length of the features of a region.
    head
        The head beside it, whose number of logits counts.
    """

    def __init__(self, in_features: int, head: ObjectHead) -> None:
        super().__init__()
        self.boxes: nn.Linear = nn.Linear(in_features, 4)
        self._head = [head]  # not a part of this module

    def forward(self, x: Tensor) -> Tensor:
        """Return offsets ``(regions, 4 * logits)``."""
        return self.boxes(x).repeat(1, self._head[0].outputs)
