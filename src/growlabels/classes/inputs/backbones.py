"""The networks below the head: a small one, vision models of transformers and of timm."""

import importlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from growlabels.base.errors import DataError, MissingExtraError, UsageError
from growlabels.classes.inputs.augment import RandomAffine

SMALL, TIMM = "small", "timm:"
IMAGENET = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Backbone(NamedTuple):
    """What a trunk is made of.

    Attributes
    ----------
    kind
        ``"small"``, ``"transformers"`` or ``"timm"``.
    config
        Name, or configuration, of the model.
    size, channels
        What it must read; None where it takes any.
    pixels
        Mean and deviation of each channel of the pixels it was trained on, which go from 0 to 1;
        None for those of the images of the fit.
    """

    kind: str
    config: Any = None
    size: int | None = None
    channels: int | None = None
    pixels: tuple[list[float], list[float]] | None = None


def backbone_of(trunk: str) -> Backbone:
    """Describe a trunk: ``"small"``, a folder of a vision model, or ``"timm:NAME"``.

    Raises
    ------
    UsageError
        It is none of these.
    """
    if trunk == SMALL:
        return Backbone(SMALL)
    if trunk.startswith(TIMM):
        return Backbone("timm", trunk.removeprefix(TIMM), 224, 3, IMAGENET)
    folder = Path(trunk)
    if not (folder / "config.json").is_file():
        raise UsageError.parameter(
            "trunk",
            "must be 'small', a folder of a vision model of transformers, or 'timm:NAME'",
            trunk,
            "a folder has a config.json; nothing is downloaded",
        )
    config = _transformers().AutoConfig.from_pretrained(folder, local_files_only=True)
    channels = getattr(config, "num_channels", None)
    if channels is None:
        raise UsageError(f"{trunk!r} holds a model of type {config.model_type!r}, not of images")
    mean, deviation, size = _preprocessing(folder / "preprocessor_config.json", channels)
    own = getattr(config, "image_size", None)
    side = own if isinstance(own, int) else (own[0] if own else size)
    return Backbone("transformers", config.to_dict(), side or 224, channels, (mean, deviation))


def _preprocessing(file: Path, channels: int) -> tuple[list[float], list[float], int | None]:
    """Return mean, deviation and side that a model was trained with; ImageNet's where not said."""
    try:
        said = json.loads(file.read_bytes()) if file.is_file() else {}
    except ValueError as error:
        raise DataError(f"{file} cannot be read: {error}") from error
    size = said.get("crop_size") if said.get("do_center_crop") else said.get("size")
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge")
    usual = IMAGENET if channels == 3 else ([0.5] * channels, [0.5] * channels)
    return said.get("image_mean") or usual[0], said.get("image_std") or usual[1], size


class SmallBackbone(nn.Module):
    """Six convolutions, three of them with stride 2, and a linear layer over a grid of 4 x 4."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for after, stride in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)):
            layers += [
                nn.Conv2d(before, after, 3, stride, 1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
            before = after
        self.layers: nn.Sequential = nn.Sequential(
            *layers,
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(128 * 16, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
        )
        self.width: int = hidden

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class TransformersBackbone(nn.Module):
    """A vision model of transformers: its pooled features, or its class token."""

    def __init__(self, config: dict[str, Any], folder: str | None = None) -> None:
        super().__init__()
        auto = _transformers()
        if folder is None:
            kind = config["model_type"]
            rest = {key: value for key, value in config.items() if key != "model_type"}
            self.model: Any = auto.AutoModel.from_config(auto.AutoConfig.for_model(kind, **rest))
        else:
            self.model = auto.AutoModel.from_pretrained(folder, local_files_only=True)
        pooler = getattr(self.model, "pooler", None)
        trained = pooler is not None and any(True for _ in pooler.parameters())
        if trained:  # most checkpoints have no weights for it
            self.model.pooler = None
        said = self.model.config
        sizes = getattr(said, "hidden_sizes", None)
        self.width: int = int(sizes[-1] if sizes else said.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        found = self.model(pixel_values=x)
        pooled = getattr(found, "pooler_output", None)
        if pooled is not None:
            return pooled.flatten(1)
        last = found.last_hidden_state
        return last.mean((2, 3)) if last.ndim == 4 else last[:, 0]


class ImageNetwork(nn.Module):
    """Bytes to features: augmentation in training, standardised pixels, a backbone.

    Parameters
    ----------
    backbone
        With an attribute ``width``, the length of its features.
    pixels
        Mean and deviation of each channel, of pixels from 0 to 1.
    augmentation
        Strength of :class:`RandomAffine`; 0 for none.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        pixels: tuple[list[float], list[float]],
        augmentation: float,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.augment: RandomAffine = RandomAffine(augmentation)
        for name, values in zip(("mean", "deviation"), pixels, strict=True):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32)[:, None, None])

    @property
    def width(self) -> int:
        """Length of the features."""
        return int(getattr(self.backbone, "width"))  # noqa: B009

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten().view(x.shape)  # one order in memory: others give other last bits
        pixels = (self.augment(x.float() / 255) - self.mean) / self.deviation
        with torch.autocast(x.device.type, torch.bfloat16, enabled=x.is_cuda):
            features = self.backbone(pixels)
        return features.float()


def make_backbone(what: Backbone, channels: int, hidden: int, folder: str | None) -> nn.Module:
    """Make a network; with the weights of ``folder`` where one is given."""
    if what.kind == SMALL:
        return SmallBackbone(channels, hidden)
    if what.kind == "transformers":
        return TransformersBackbone(what.config, folder)
    try:
        timm: Any = importlib.import_module("timm")
    except ImportError as error:
        raise MissingExtraError.of("timm", "vision") from error
    model: Any = timm.create_model(what.config, pretrained=False, num_classes=0, in_chans=channels)
    model.width = int(model.num_features)
    return model


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError.of("transformers", "unsafe") from error
    return transformers
