"""Decoded images -> inputs of a trunk for images."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import UsageError
from growlabels.classes.inputs.backbones import Backbone, ImageNetwork, make_backbone
from growlabels.classes.inputs.trunks import ArrayInputs

_LOOKED_AT = 10_000  # images that mean and deviation come from


@dataclass(frozen=True)
class PictureReader:
    """Images as bytes, which the trunk itself standardises, and what that trunk is made of.

    Attributes
    ----------
    shape
        Channels, height, width.
    pixels
        Mean and deviation of each channel, of pixels from 0 to 1.
    backbone
        The network.
    augmentation
        How strongly training images are moved.
    weights
        Folder of the weights to start from; a saved model keeps its own instead.
    """

    rows_at_once: ClassVar[int] = 128
    shape: tuple[int, int, int]
    pixels: tuple[list[float], list[float]]
    backbone: Backbone
    augmentation: float
    weights: str | None = None

    def inputs(self, rows: NDArray[np.uint8]) -> ArrayInputs:
        """Return images as they are; another size is a ``UsageError``."""
        if rows.shape[1:] != self.shape:
            wanted, given = (" x ".join(map(str, s)) for s in (self.shape, rows.shape[1:]))
            raise UsageError(
                f"X holds images of {given} (channels, height, width), the model was fitted on "
                f"{wanted}; resize them"
            )
        return ArrayInputs(np.ascontiguousarray(rows))

    def followed(self, rows: NDArray[np.uint8]) -> "PictureReader":
        """Return the reader itself: the trunk keeps its mean."""
        return self

    def moved(self, inputs: ArrayInputs, before: "PictureReader") -> ArrayInputs:
        """Return the inputs as they are."""
        return inputs

    def nothing(self) -> ArrayInputs:
        """Return inputs without rows."""
        return ArrayInputs(np.zeros((0, *self.shape), np.uint8))

    def trunk(self, embedding: int, hidden: int, dropout: float) -> ImageNetwork:
        """Make the network; ``hidden`` is the width of the small one, others have their own."""
        backbone = make_backbone(self.backbone, self.shape[0], hidden, self.weights)
        return ImageNetwork(backbone, self.pixels, self.augmentation)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "pictures",
            "shape": list(self.shape),
            "pixels": list(self.pixels),
            "backbone": list(self.backbone),
            "augmentation": self.augmentation,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "PictureReader":
        """Read what :meth:`to_json` gave."""
        channels, height, width = data["shape"]
        mean, deviation = data["pixels"]
        backbone = Backbone(*data["backbone"])
        return cls((channels, height, width), (mean, deviation), backbone, data["augmentation"])


def moments(images: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Return mean and deviation of each channel, of pixels from 0 to 1; 1 where it is constant.

    >>> moments(np.array([[[[0, 255]]]], np.uint8))
    ([0.5], [0.5])
    """
    drawn = images[:: max(1, len(images) // _LOOKED_AT)] / np.float32(255)
    mean = drawn.mean((0, 2, 3), dtype=np.float64)
    deviation = drawn.std((0, 2, 3), dtype=np.float64)
    return mean.tolist(), np.where(deviation > 0, deviation, 1.0).tolist()
