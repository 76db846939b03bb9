"""LoRA adapters in files, as peft reads and writes them: safetensors only.

A missing or mismatched key, or a setting that this library does not know, is an error and never
a silently different model.
"""

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import atomic_write
from growlabels.base.runs import require_folder
from growlabels.unsafe.model.lora import (
    ADAPTER,
    Adapter,
    LoraSettings,
    attention_linears,
    injected,
    require_adapter,
    require_equal_keys,
)
from growlabels.unsafe.model.model import ADAPTER_CONFIG, CausalModel, require_model

_UNSUPPORTED = (
    "use_dora",
    "use_qalora",
    "use_bdlora",
    "lora_bias",
    "modules_to_save",
    "trainable_token_indices",
    "target_parameters",
    "layer_replication",
    "alora_invocation_tokens",
    "arrow_config",
)
_PLAIN_STARTS = (True, False, "gaussian", "eva", "orthogonal")
"""Starts of the factors that leave the model's own weights alone, as PiSSA and OLoRA do not."""


@contextmanager
def attach_saved(causal: CausalModel, folder: str | os.PathLike[str]) -> Iterator[Adapter]:
    """Put an adapter that peft saved into a model; on leaving, the model is as it was.

    Parameters
    ----------
    causal
        The model that the adapter was trained on.
    folder
        Holds ``adapter_config.json`` and ``adapter_model.safetensors``.

    Raises
    ------
    UsageError
        The folder or a file in it is missing, or the weights are pickled.
    DataError
        The adapter is of another kind or of another model: a key is missing, unknown or
        misshapen.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    require_model(causal)
    UsageError.require_path("adapter folder", folder)
    config = _saved_config(Path(folder))
    try:
        saved = load_file(Path(folder) / "adapter_model.safetensors")
    except SafetensorError as error:
        raise DataError(f"the adapter in {str(folder)!r} is damaged: {error}") from error
    saved = _without_embeddings(saved, causal, folder)
    with injected(causal, config) as adapter:
        expected = {_saved_key(key): key for key in adapter.keys()}  # noqa: SIM118
        require_equal_keys(saved.keys(), expected)
        adapter.load({expected[key]: tensor for key, tensor in saved.items()})
        yield adapter


def _without_embeddings(
    saved: dict[str, Any], causal: CausalModel, folder: str | os.PathLike[str]
) -> dict[str, Any]:
    """Leave out embeddings that peft saved beside the adapter, if they are those of the model.

    Raises
    ------
    DataError
        They are others: they were resized or trained with the adapter.
    """
    model = causal.model
    embeddings = [model.get_input_embeddings(), model.get_output_embeddings()]
    own = {
        _saved_key(name): module.weight
        for name, module in model.named_modules()
        if any(module is embedding for embedding in embeddings)
    }
    for key in own.keys() & saved.keys():
        given, weight = saved[key], own[key]
        if given.shape != weight.shape or not given.to(weight).equal(weight):
            raise DataError(
                f"the adapter in {str(folder)!r} also holds embeddings ({key}, {len(given)} rows) "
                f"that are not those of model {causal.name!r} ({len(weight)} rows): they were "
                "resized or trained with the adapter; merge the adapter into its base model with "
                "peft (resize_token_embeddings, then merge_and_unload), save that, and give the "
                "folder as the model"
            )
    return {key: tensor for key, tensor in saved.items() if key not in own}


def _saved_key(key: str) -> str:
    return f"base_model.model.{key}.weight"


def save_adapter(adapter: Adapter, settings: LoraSettings, folder: str | os.PathLike[str]) -> None:
    """Write an adapter as peft does, as safetensors.

    Settings of another rank or scale than the adapter has, or a folder that cannot be written, are
    a ``UsageError``: what was saved would be another adapter when it is read.
    """
    from peft import LoraConfig
    from safetensors.torch import save

    require_adapter(adapter)
    UsageError.require_instance("settings", settings, LoraSettings)
    UsageError.require_path("folder", folder)
    _require_own(adapter, settings)
    target = Path(folder)
    require_folder(target)
    target.mkdir(parents=True, exist_ok=True)
    with atomic_write(target / "adapter_model.safetensors", "wb") as file:
        file.write(save({_saved_key(key): tensor for key, tensor in adapter.state().items()}))
    _, transposed = attention_linears(adapter.causal, settings)
    LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]
        target_modules=list(adapter.linears),
        fan_in_fan_out=transposed,
        task_type="CAUSAL_LM",
        inference_mode=True,
    ).save_pretrained(str(target))


def _require_own(adapter: Adapter, settings: LoraSettings) -> None:
    """Raise where settings are not those that an adapter was made with."""
    modules = dict(adapter.causal.model.named_modules())
    for name, (a, _) in adapter.linears.items():
        scale: Any = modules[name].scaling[ADAPTER]
        if a.out_features != settings.rank or not math.isclose(
            scale, settings.alpha / settings.rank
        ):
            raise UsageError(
                f"settings are of rank {settings.rank} and scale "
                f"{settings.alpha / settings.rank:g}, the adapter has rank {a.out_features} and "
                f"scale {scale:g} at {name!r}; give the settings it was attached with"
            )


def _saved_config(folder: Path) -> Any:
    from peft import LoraConfig

    file = folder / ADAPTER_CONFIG
    if not file.is_file():
        raise UsageError(
            f"adapter folder {str(folder)!r} has no {ADAPTER_CONFIG}; "
            "give a folder that peft saved, or a run folder after unsafe retrain"
        )
    if not (folder / "adapter_model.safetensors").is_file():
        pickled = (folder / "adapter_model.bin").is_file()
        raise UsageError(
            f"adapter folder {str(folder)!r} has no adapter_model.safetensors"
            + ("; its weights are pickled, save them again as safetensors" if pickled else "")
        )
    try:
        settings = json.loads(file.read_text("utf-8"))
        if settings["peft_type"] != "LORA":
            raise DataError(f"the adapter in {str(folder)!r} is no LoRA; only LoRA is supported")
        used = [key for key in _UNSUPPORTED if settings.get(key)]
        if settings.get("init_lora_weights", True) not in _PLAIN_STARTS:
            used.append("init_lora_weights")  # the model's weights would not be as they were
        if used:
            raise DataError(
                f"the adapter in {str(folder)!r} uses {used[0]!r} ({settings[used[0]]!r}), which "
                "is not supported; merge it into its model with peft (merge_and_unload), save "
                "that, and give the folder as the model"
            )
        return LoraConfig.from_pretrained(str(folder), local_files_only=True)
    except (ValueError, TypeError, KeyError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{str(file)!r} is no LoRA configuration: {error}") from error
