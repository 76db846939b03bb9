"""ImageClassifier: images to classes with fixed class vectors."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import Progress, silent
from growlabels.classes.classifier.classifier import EBVClassifier
from growlabels.classes.classifier.training import Schedule, TrainingRows
from growlabels.classes.images.pixels import SMALLEST, PixelForm, find_form, read_pixels
from growlabels.classes.inputs.backbones import SMALL, backbone_of
from growlabels.classes.inputs.pictures import PictureReader, moments


class ImageClassifier(EBVClassifier):
    """Classifier of images with fixed class vectors; classes may be added later.

    It reads paths of image files, images of Pillow, bytes of files, and arrays. Training images
    are moved at random; the learning rate rises over the first
    30 % of the steps and falls along a cosine. :class:`EBVClassifier` takes arrays of images too;
    this class reads files, augments them and has larger trunks.

    Parameters
    ----------
    trunk
        The network below the head: ``"small"`` (default; six convolutions), the folder of a
        vision model of transformers, or ``"timm:NAME"`` where timm is installed (from random
        weights). Nothing is downloaded.
    size
        Side in pixels to which both sides of an image are scaled, at least 8. By default what the
        trunk was made for; of the small trunk the usual longest side, between 16 and 64.
    augmentation
        How strongly training images are turned, scaled, sheared and shifted at random; see
        :class:`EBVClassifier`. Here 0.1.
    hidden
        Length of the features of the small trunk.
    epochs
        Passes of :meth:`fit`; by default 8 or more, so that there are 600 steps.
    batch_size
        Images a step; by default an eighth of them, from 16 to 128.
    lr
        Peak rate; by default 2e-3 for the small trunk and 1e-4 for others.
    device
        Where to train and predict; by default ``"cuda"`` where torch finds it, else ``"cpu"``.
    capacity, dim, tau, margin, label_smoothing, head_lr_factor, weight_decay, patience
        See :class:`EBVClassifier`; here margin and smoothing are 0, which measured best.
    validation_fraction, partial_epochs, partial_lr, replay, distillation, class_weight, seed
        See :class:`EBVClassifier`.

    Examples
    --------
    >>> stripes = np.zeros((24, 16, 16), np.uint8)
    >>> stripes[::2, ::4], stripes[1::2, :, ::4] = 255, 255
    >>> model = ImageClassifier(augmentation=0, epochs=30, hidden=16, dim=16)
    >>> model = model.fit(stripes, ["across", "down"] * 12)
    >>> model.predict(stripes[:2])
    array(['across', 'down'], dtype='<U6')
    """

    reader_: Any
    least: tuple[int, int, int] = (600, 8, 128)

    def __init__(
        self,
        *,
        trunk: str = SMALL,
        size: int | None = None,
        augmentation: float = 0.1,
        capacity: int | None = None,
        dim: int | None = None,
        tau: float | Literal["auto"] = "auto",
        margin: float = 0.0,
        label_smoothing: float = 0.0,
        hidden: int = 512,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        head_lr_factor: float = 2.0,
        weight_decay: float = 0.02,
        patience: int | None = None,
        validation_fraction: float = 0.1,
        partial_epochs: int | None = None,
        partial_lr: float = 1e-3,
        replay: int = 10,
        distillation: float = 1.0,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        seed: int = 0,
        device: str | None = None,
    ) -> None:
        super().__init__(
            capacity=capacity,
            dim=dim,
            tau=tau,
            margin=margin,
            label_smoothing=label_smoothing,
            hidden=hidden,
            augmentation=augmentation,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr or (2e-3 if trunk == SMALL else 1e-4),
            head_lr_factor=head_lr_factor,
            weight_decay=weight_decay,
            patience=patience,
            validation_fraction=validation_fraction,
            partial_epochs=partial_epochs,
            partial_lr=partial_lr,
            replay=replay,
            distillation=distillation,
            class_weight=class_weight,
            seed=seed,
            device=device or ("cuda" if torch.cuda.is_available() else "cpu"),
        )
        self.trunk = trunk
        self.size = size

    def _make_reader(self, rows: NDArray[np.uint8]) -> PictureReader:
        """Take the measure of the images of a fit."""
        what = backbone_of(self.trunk)
        weights = self.trunk if what.kind == "transformers" else None
        _, channels, height, width = rows.shape
        pixels = what.pixels or moments(rows)
        return PictureReader((channels, height, width), pixels, what, self.augmentation, weights)

    def _rows(self, X: Any, first: bool) -> NDArray[np.uint8]:
        if isinstance(X, str | bytes) or not hasattr(X, "__getitem__") or not len(X):
            raise UsageError(
                "X must be a list of images or paths, or an array of images; it was "
                + ("empty" if hasattr(X, "__len__") and not len(X) else f"a {type(X).__name__}")
            )
        if getattr(X, "ndim", 4) not in (1, 3, 4):
            raise UsageError(
                f"X must be images (N, height, width[, channels]), its shape was {X.shape}"
            )
        shape = getattr(X, "shape", ())
        ready = getattr(X, "dtype", None) == np.uint8 and len(shape) == 4 and shape[1] in (1, 3)
        if ready and (shape[1:] == self.reader_.shape if not first else self._fits(shape)):
            return np.asarray(X)
        cells = [os.fspath(cell) if isinstance(cell, os.PathLike) else cell for cell in X]
        form = self._form(cells) if first else form_of(self.reader_.shape)
        found = read_pixels(cells, Path(), form, silent)
        if broken := [place for place, pixels in enumerate(found) if isinstance(pixels, str)]:
            more = f", nor can {len(broken) - 1:,} others" if len(broken) > 1 else ""
            raise DataError(
                f"X[{broken[0]}] cannot be read as an image ({found[broken[0]]}){more}; leave "
                "such images out"
            )
        return np.stack([pixels for pixels in found if not isinstance(pixels, str)])

    def _form(self, cells: Sequence[Any], folder: Path | None = None) -> PixelForm:
        """Return size and channels that a fit gives images; see :func:`find_form`."""
        what = backbone_of(self.trunk)
        form = find_form(cells, folder or Path(), self.size or what.size)
        return form if what.channels is None else form_of((what.channels, form.size, form.size))

    def _fits(self, shape: tuple[int, ...]) -> bool:
        """Return whether images can be learned as they are."""
        what = backbone_of(self.trunk)
        _, channels, height, width = shape
        size = self.size or what.size or height
        return what.channels in (None, channels) and size == height == width >= SMALLEST

    def _learn(
        self, rows: TrainingRows, schedule: Schedule, progress: Progress, *others: Any, **more: Any
    ) -> Self:
        images = schedule.epochs * len(rows.targets)

        def shown(stage: str, done: int, total: int | None = None) -> None:
            progress(f"{stage}, images", done * images // (total or 1), images)

        return super()._learn(rows, schedule, shown, *others, **more)


def form_of(shape: tuple[int, ...]) -> PixelForm:
    """Return the form of images of a shape ``(channels, height, width)``."""
    return PixelForm(shape[1], "L" if shape[0] == 1 else "RGB")
