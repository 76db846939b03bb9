"""Define EBVBoxHead: fixed class vectors for the boxes of a detector."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.calibration.rejection import conformal_threshold, rejection_scores
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.checks import check_features, check_shape
from growlabels.classes.heads.head import EBVHead
from growlabels.classes.losses.soft_targets import soft_target_loss

Background = Literal["class", "reject"]


class EBVBoxHead(nn.Module):
    """The last layer of a two-stage detector: classes and box offsets of region features.

    Class 0 of the targets and predictions is the background, as in torchvision. Objects have
    classes from 1. Each box has four offsets that all classes share, because four offsets per
    class would grow with the number of classes.

    Parameters
    ----------
    in_features
        Length of a region's features, at least 1.
    codebook
        Codebook of the class vectors.
    background
        With ``"class"`` (default) the background has the first class vector, and the first label
        of the codebook is its name. With ``"reject"`` it has no vector, and class i has vector
        i - 1. Background rows are then trained towards equal probabilities of all classes
        (Dhamija, Guenther, Boult, "Reducing Network Agnostophobia", NeurIPS 2018).
        :meth:`predict` returns the background where the score of :func:`rejection_scores` is
        below ``threshold``.
    **settings
        ``tau``, ``margin``, ``cosine_margin``, ``label_smoothing``, ``num_classes`` and ``bias``
        of the :class:`EBVHead`. Here ``num_classes`` is the number of class vectors.

    Attributes
    ----------
    classifier
        The :class:`EBVHead`.
    boxes
        The linear layer of the offsets.
    threshold
        Lowest score of an object for ``background="reject"``. :meth:`fit_threshold` sets it; it
        starts at minus infinity, which rejects nothing.

    Examples
    --------
    >>> head = EBVBoxHead(16, Codebook.for_classes(81), background="class")
    >>> regions, labels = torch.ones(3, 16), torch.tensor([0, 17, 80])
    >>> logits, offsets = head(regions)
    >>> logits.shape, offsets.shape, head.loss(regions, labels).shape
    (torch.Size([3, 81]), torch.Size([3, 4]), torch.Size([]))
    """

    threshold: Tensor

    def __init__(
        self,
        in_features: int,
        codebook: Codebook,
        background: Background = "class",
        **settings: Any,
    ) -> None:
        super().__init__()
        UsageError.require_choice("background", background, ["class", "reject"])
        self.background: Background = background
        self.classifier: EBVHead = EBVHead(in_features, codebook, **settings)
        self.boxes: nn.Linear = nn.Linear(in_features, 4)
        self.register_buffer("threshold", torch.tensor(-torch.inf))

    @property
    def in_features(self) -> int:
        """Length of a region's features."""
        return self.classifier.in_features

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return class logits ``(regions, vectors)`` and offsets ``(regions, 4)``."""
        return self.classifier(x), self.boxes(x)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the mean exact cross-entropy of the regions' classes.

        The loss of the offsets, for example smooth L1, is computed by the detector.

        Parameters
        ----------
        x
            Region features, (regions, in_features).
        y
            Classes, (regions,), where 0 is the background.

        Raises
        ------
        UsageError
            Shapes or types do not fit.
        DataError
            A target is out of range, or ``x`` contains NaN or infinity.
        """
        if self.background == "class":
            return self.classifier.loss(x, y)
        n = self.classifier.num_classes
        check_features(x, self.in_features)
        check_shape("y", y, tuple(x.shape[:1]))
        if y.dtype != torch.int64:
            raise UsageError.parameter("y", "must be of type torch.int64", y.dtype)
        wrong = torch.nonzero((y < 0) | (y > n))
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"target must be from 0 (background) to {n}, it was {y[row].item()} in row "
                f"{row}; add new classes with classifier.add_classes first"
            )
        objects = y > 0
        known = self.classifier.loss(x[objects], y[objects] - 1, "sum")
        empty = x[~objects]
        evenly = torch.full((1, n), 1 / n, device=x.device).expand(len(empty), n)
        unknown = soft_target_loss(self.classifier, empty, evenly, reduction="sum")
        return (known + unknown) / max(1, len(y))

    @torch.no_grad()
    def fit_threshold(self, x: Tensor, false_rejection: float = 0.05) -> float:
        """Set ``threshold`` from held-out regions that contain objects, and return it.

        On average at most a share ``false_rejection`` of new objects scores below it; see
        :func:`conformal_threshold`.

        Parameters
        ----------
        x
            Features of held-out regions with objects, (regions, in_features).
        false_rejection
            Share of objects that may be rejected, from above 0 to below 1; default 0.05.
        """
        scores = rejection_scores(self.classifier, x)
        self.threshold.fill_(conformal_threshold(scores.cpu().numpy(), false_rejection))
        return self.threshold.item()

    @torch.no_grad()
    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the class of each region, 0 for the background, and its offsets."""
        index = self.classifier.predict_topk(x, 1)[1][:, 0]
        if self.background == "reject":
            known = rejection_scores(self.classifier, x) >= self.threshold
            index = torch.where(known, index + 1, 0)
        return index, self.boxes(x)
