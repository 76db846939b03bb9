"""Fixed class vectors per pixel, for segmentation."""

from typing import Any

import torch
from torch import Tensor

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.checks import not_finite
from growlabels.classes.heads.cross_entropy import Reduction
from growlabels.classes.heads.head import EBVHead

LOGITS = 1 << 24  # at most this many in memory when predicting


class DenseEBVHead(EBVHead):
    """An :class:`EBVHead` for feature maps ``(B, C, H, W)``: the last layer of a segmenter.

    The projection is applied at every pixel: a 1 x 1 convolution, kept as the matrix of
    :class:`EBVHead`, so that the state dicts of the two fit each other. The axis of channels is
    the second; any number of axes may follow it.

    Parameters
    ----------
    in_channels
        Channels of the feature maps.
    codebook
        Gives the class vectors.
    **settings
        ``tau``, ``margin``, ``cosine_margin``, ``label_smoothing``, ``num_classes``, ``bias``, as
        in :class:`EBVHead`.

    Examples
    --------
    >>> head = DenseEBVHead(8, Codebook.for_classes(21))
    >>> maps, targets = torch.ones(2, 8, 4, 4), torch.full((2, 4, 4), 20)
    >>> targets[:, 0] = 255  # a border that does not count
    >>> head(maps).shape, head.loss(maps, targets, ignore_index=255).shape
    (torch.Size([2, 21, 4, 4]), torch.Size([]))
    >>> head.predict(maps).shape
    torch.Size([2, 4, 4])
    """

    def __init__(self, in_channels: int, codebook: Codebook, **settings: Any) -> None:
        super().__init__(in_channels, codebook, **settings)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of all classes, ``(B, classes, H, W)``, without margin."""
        return super().forward(self._channels_last(x)).movedim(-1, 1)

    def loss(
        self, x: Tensor, y: Tensor, reduction: Reduction = "mean", ignore_index: int = -100
    ) -> Tensor:
        """Return the exact cross-entropy of the pixels' targets, no logits kept.

        Without margins it equals ``nn.functional.cross_entropy(head(x), y, ...)``.

        Parameters
        ----------
        x
            Feature maps ``(B, C, H, W)``.
        y
            Class indices ``(B, H, W)``, or ``ignore_index``.
        reduction, ignore_index
            As in :meth:`EBVHead.loss`; 255 marks borders in many data sets.
        """
        return super().loss(self._channels_last(x), y, reduction, ignore_index)

    @torch.no_grad()
    def predict_topk(self, x: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
        """Return the ``k`` largest logits of each pixel and their classes: ``(B, k, H, W)``."""
        rows = self._channels_last(x)
        flat = rows.view(-1, self.in_features)
        step = max(1, LOGITS // self.num_classes)
        try:
            parts = [super(DenseEBVHead, self).predict_topk(part, k) for part in flat.split(step)]
        except DataError as error:
            if bool(torch.isfinite(rows).all()):
                raise
            raise not_finite(rows, rows) from error  # its place in the maps, not in the part
        values, index = (torch.cat(column) for column in zip(*parts, strict=True))
        shape = (*rows.shape[:-1], k)
        return values.view(shape).movedim(-1, 1), index.view(shape).movedim(-1, 1)

    def predict(self, x: Tensor) -> Tensor:
        """Return the most likely class of each pixel, ``(B, H, W)``."""
        return self.predict_topk(x, 1)[1][:, 0]

    def _channels_last(self, x: Tensor) -> Tensor:
        if not isinstance(x, Tensor) or x.ndim < 2 or x.shape[1] != self.in_features:
            was = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise UsageError.parameter("x", f"must be a tensor (B, {self.in_features}, H, W)", was)
        return x.movedim(1, -1).contiguous()
