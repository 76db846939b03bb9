"""A fitted EBVClassifier as a folder: safetensors and JSON, nothing that executes."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from growlabels.base.errors import RunError, UsageError
from growlabels.base.files import atomic_write, check_seal, file_sha256, sealed
from growlabels.classes.classifier.settings import check_device, has_device
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.inputs.choice import Reader, reader_from_json

FORMAT = 4
SETTINGS, WEIGHTS, CODEBOOK = "classifier.json", "weights.safetensors", "codebook.safetensors"


Model = TypeVar("Model")


class Parts(NamedTuple):
    """What a file keeps of a fitted classifier.

    Attributes
    ----------
    parameters
        As ``get_params`` gives them.
    trunk, head, codebook, reader
        The fitted parts.
    label_type
        Type of ``classes_``.
    columns
        Number and names of the columns of the fit; None where it had none.
    temperature, threshold
        What calibration found.
    """

    parameters: Mapping[str, Any]
    trunk: nn.Module
    head: nn.Module
    codebook: Codebook
    reader: Reader
    label_type: np.dtype[Any]
    columns: Mapping[str, Any]
    temperature: float
    threshold: float | None


def save(path: str | os.PathLike[str], parts: Parts) -> None:
    """Write weights and codebook, then the settings that name their hashes."""
    UsageError.require_path("path", path)
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"cannot save to {str(folder)!r}: it is a file; give the path of a folder")
    parameters = {name: _plain(value) for name, value in parts.parameters.items()}
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"trunk.{name}": value for name, value in parts.trunk.state_dict().items()}
    tensors |= {f"head.{name}": value for name, value in parts.head.state_dict().items()}
    with atomic_write(folder / WEIGHTS, "wb") as file:
        file.write(save_tensors({name: t.cpu().contiguous() for name, t in tensors.items()}))
    parts.codebook.save(folder / CODEBOOK)
    settings = {
        "format": FORMAT,
        "parameters": parameters,
        "reader": parts.reader.to_json(),
        "label_type": parts.label_type.str,
        "columns": parts.columns,
        "temperature": parts.temperature,
        "threshold": parts.threshold,
        "hashes": {name: file_sha256(folder / name) for name in (WEIGHTS, CODEBOOK)},
    }
    with atomic_write(folder / SETTINGS) as file:
        json.dump(sealed(settings), file, indent=1)


def _plain(value: Any) -> Any:
    """Return a parameter as JSON has it: no number of numpy, no device of torch."""
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, torch.device) else value


def load(
    path: str | os.PathLike[str], make: Callable[..., Model], device: str | None = None
) -> Model:
    """Return the classifier that :func:`save` wrote; hashes, format and shapes are checked.

    ``make`` makes an unfitted one from its parameters.
    """
    if device is not None:
        check_device(device)
    UsageError.require_path("path", path)
    folder = Path(path)
    if not (folder / SETTINGS).is_file():
        raise UsageError(f"{str(folder)!r} holds no saved classifier: it has no {SETTINGS}")
    try:
        settings = json.loads((folder / SETTINGS).read_text("utf-8"))
        if settings["format"] != FORMAT:
            raise RunError(
                f"the classifier in {str(folder)!r} has format version {settings['format']!r}, "
                f"this growlabels reads {FORMAT}; train it again"
            )
        settings = check_seal(settings)
        _check_hashes(folder, settings["hashes"])
        return _restore(folder, settings, make, device)
    except (KeyError, TypeError, ValueError, SafetensorError, RuntimeError) as error:
        raise RunError(
            f"the classifier in {str(folder)!r} is damaged ({error}); train it again"
        ) from error


def _check_hashes(folder: Path, hashes: dict[str, str]) -> None:
    for name in (WEIGHTS, CODEBOOK):
        if not (folder / name).is_file() or file_sha256(folder / name) != hashes[name]:
            raise RunError(
                f"{name!r} in {str(folder)!r} is missing or not the file that was saved; "
                "train the classifier again"
            )


def _restore(
    folder: Path, settings: dict[str, Any], make: Callable[..., Any], device: str | None
) -> Any:
    model = make(**settings["parameters"])
    model.device = device or (model.device if has_device(model.device) else "cpu")
    model.reader_ = reader_from_json(settings["reader"])
    model.codebook_ = Codebook.load(folder / CODEBOOK)
    model.label_type_ = np.dtype(settings["label_type"])
    columns = settings["columns"]
    if columns["number"] is not None:
        model.n_features_in_ = columns["number"]
    if columns["names"] is not None:
        model.feature_names_in_ = np.array(columns["names"], dtype=object)
    model.prepare()
    tensors = load_tensors((folder / WEIGHTS).read_bytes())
    if "head.centring.mean" not in tensors:  # saved before heads could centre their features
        model.head_.centring = nn.Identity()
    for prefix, module in (("trunk.", model.trunk_), ("head.", model.head_)):
        part = {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
        module.load_state_dict(part)
        module.eval()
    model.temperature_ = settings.get("temperature", 1.0)
    model.threshold_ = settings.get("threshold")
    return model
