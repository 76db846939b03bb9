"""Define DenseEBVHead: fixed class vectors per pixel, for segmentation."""

from typing import Any

import torch
from torch import Tensor

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.checks import not_finite
from growlabels.classes.heads.cross_entropy import Reduction
from growlabels.classes.heads.head import EBVHead

LOGITS = 1 << 24  # most logits in memory at once during prediction


class DenseEBVHead(EBVHead):
    """An :class:`EBVHead` for feature maps ``(B, C, H, W)``: the last layer of a segmenter.

    The projection is applied at every pixel, like a 1 x 1 convolution. It is stored as the
    matrix of :class:`EBVHead`, so either head can load the state dict of the other. The second
    axis contains the channels; any number of axes may follow it.

    Parameters
    ----------
    in_channels
        Number of channels C of the feature maps, at least 1.
    codebook
        Codebook of the class vectors.
    **settings
        The other parameters of :class:`EBVHead`: ``tau``, ``margin``, ``cosine_margin``,
        ``label_smoothing``, ``num_classes`` and ``bias``.

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
        """Return the logits of all classes, ``(B, classes, H, W)``, without margins."""
        return super().forward(self._channels_last(x)).movedim(-1, 1)

    def loss(
        self, x: Tensor, y: Tensor, reduction: Reduction = "mean", ignore_index: int = -100
    ) -> Tensor:
        """Return the exact cross-entropy of the pixels' targets without storing logits.

        Without margins it equals ``nn.functional.cross_entropy(head(x), y, ...)``.

        Parameters
        ----------
        x
            Feature maps ``(B, C, H, W)``.
        y
            Class indices ``(B, H, W)``, or ``ignore_index`` for ignored pixels.
        reduction
            ``"mean"`` (default) over the pixels that are not ignored, ``"sum"`` or ``"none"``.
        ignore_index
            Target of ignored pixels; default -100. Many data sets mark borders with 255.
        """
        return super().loss(self._channels_last(x), y, reduction, ignore_index)

    @torch.no_grad()
    def predict_topk(self, x: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
        """Return the ``k`` largest logits of each pixel and their classes, ``(B, k, H, W)``."""
        rows = self._channels_last(x)
        flat = rows.view(-1, self.in_features)
        step = max(1, LOGITS // self.num_classes)
        try:
            parts = [super(DenseEBVHead, self).predict_topk(part, k) for part in flat.split(step)]
        except DataError as error:
            if bool(torch.isfinite(rows).all()):
                raise
            raise not_finite(rows, rows) from error  # with the position in the whole maps
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
