"""LoRA adapters on the attention layers: made and attached.

The attached adapter is the only thing that is trained, and its factors are the coordinates of
every per-row gradient.
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.model.model import CausalModel, require_model

ADAPTER = "default"
"""What peft calls the adapter."""
_TOP_LAYERS = 8
_RANGE = re.compile(r"([0-9]+)(?::([0-9]+))?")


@dataclass(frozen=True)
class LoraSettings:
    """Which layers get an adapter, and how large it is.

    Attributes
    ----------
    rank
        Width r of the factors A (r, in) and B (out, r), at least 1.
    alpha
        The update is ``alpha / rank * B A``.
    top_layers
        Number of layers, counted from the last; 0 or more than there are means all, None 8. The
        layers below are frozen, so their output is computed once per row.
    layers
        Instead of ``top_layers``: a range of layers counted from 0, its end not among them, for
        example ``"10:20"``; or their number from the last, ``"8"``. Layers above the range have
        no adapter and pass gradients on.
    seed
        Decides the start of A; B starts at zero.
    """

    rank: int = 8
    alpha: float = 16.0
    top_layers: int | None = None
    seed: int = 0
    layers: str | None = None

    def __post_init__(self) -> None:
        UsageError.require_whole("rank", self.rank)
        UsageError.require_whole("seed", self.seed, 0)
        if self.top_layers is not None:
            UsageError.require_whole("top_layers", self.top_layers, 0)
        UsageError.require_above_zero("alpha", self.alpha)
        if self.layers is not None:
            if self.top_layers is not None:
                raise UsageError(
                    f"layers ({self.layers}) and top_layers ({self.top_layers}) both say which "
                    "layers get an adapter; give one of them"
                )
            found = isinstance(self.layers, str) and _RANGE.fullmatch(self.layers)
            if not found or (found[2] and int(found[1]) >= int(found[2])):
                raise UsageError.parameter(
                    "layers", "must be a number, or a range such as '10:20'", self.layers
                )

    def chosen(self, n_layers: int) -> range:
        """Return the layers of a model with so many that get an adapter.

        >>> LoraSettings(top_layers=2).chosen(6), LoraSettings(layers="1:3").chosen(6)
        (range(4, 6), range(1, 3))
        """
        if self.layers is not None and ":" in self.layers:
            first, end = map(int, self.layers.split(":"))
            if end > n_layers:
                raise UsageError.parameter(
                    "layers", f"must end at {n_layers} or before, the model's layers", self.layers
                )
            return range(first, end)
        top = _TOP_LAYERS if self.top_layers is None else self.top_layers
        if self.layers is not None:
            top = int(self.layers)
        return range(0 if top == 0 else max(n_layers - top, 0), n_layers)


class Adapter:
    """A LoRA adapter that is attached to a model; made by :func:`attach` or :func:`attach_saved`.

    Attributes
    ----------
    causal
        The model it sits in.
    linears
        Name -> the two factors as linear modules, A then B, in the order of the model.
    first_layer
        Lowest layer that has a factor.
    size
        Number of parameters, and so the length of a per-row gradient.
    """

    def __init__(self, causal: CausalModel) -> None:
        self.causal = causal
        self.linears: dict[str, tuple[nn.Linear, nn.Linear]] = {}
        layers = set()
        prefixes = {id(module): place for place, module in enumerate(causal.layers)}
        self._collect(prefixes, layers)
        self.first_layer: int = min(layers)
        # Factors and their gradients are float32 under any model: a step of 1e-3 is lost in
        # bfloat16.
        for pair in self.linears.values():
            for linear in pair:
                linear.float()
        self.size: int = sum(p.numel() for p in self.parameters())

    def _collect(self, places: Mapping[int, int], layers: set[int]) -> None:
        from peft.tuners.lora import LoraLayer

        inside: dict[str, int] = {
            name: places[id(module)]
            for name, module in self.causal.model.named_modules()
            if id(module) in places
        }
        for name, module in self.causal.model.named_modules():
            if not isinstance(module, LoraLayer):
                continue
            owner = next((inside[p] for p in inside if name.startswith(p + ".")), None)
            if owner is None or ADAPTER not in module.lora_A:
                raise DataError(
                    f"the adapter changes {name!r}, which is no linear module of a transformer "
                    "layer; only such adapters are supported"
                )
            pair = module.lora_A[ADAPTER], module.lora_B[ADAPTER]
            self.linears[name] = pair  # type: ignore[assignment]
            layers.add(owner)

    def parameters(self) -> list[Tensor]:
        """Return the factors in the order of :attr:`linears`, A before B."""
        return [linear.weight for pair in self.linears.values() for linear in pair]

    def keys(self) -> list[str]:
        """Return one name for each of :meth:`parameters`."""
        return [f"{name}.lora_{part}" for name in self.linears for part in "AB"]

    def state(self) -> dict[str, Tensor]:
        """Copy the factors."""
        pairs = zip(self.keys(), self.parameters(), strict=True)
        return {key: parameter.detach().clone() for key, parameter in pairs}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Set the factors; a missing, unknown or misshapen key is a ``DataError``."""
        UsageError.require_instance("state", state, Mapping, "Adapter.state gives one")
        keys, parameters = self.keys(), self.parameters()
        require_equal_keys(state.keys(), keys)
        for key, parameter in zip(keys, parameters, strict=True):
            UsageError.require_instance(f"state[{key!r}]", state[key], Tensor)
            if state[key].shape != parameter.shape:
                raise DataError(
                    f"adapter key {key!r} has shape {tuple(state[key].shape)}, the model needs "
                    f"{tuple(parameter.shape)}; it is an adapter of another model"
                )
        with torch.no_grad():
            for key, parameter in zip(keys, parameters, strict=True):
                parameter.copy_(state[key])

    def reset(self, seed: int) -> None:
        """Put A at its random start (uniform within 1/sqrt(inputs)) and B at zero."""
        UsageError.require_whole("seed", seed, 0)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for a, b in self.linears.values():
                bound = 1 / math.sqrt(a.in_features)
                start = torch.empty(a.weight.shape).uniform_(-bound, bound, generator=generator)
                a.weight.copy_(start)
                b.weight.zero_()


@contextmanager
def attach(causal: CausalModel, settings: LoraSettings | None = None) -> Iterator[Adapter]:
    """Put a fresh adapter into a model; on leaving, the model is as it was.

    Only one adapter can be attached at a time.
    """
    from peft import LoraConfig

    settings = LoraSettings() if settings is None else settings
    UsageError.require_instance("settings", settings, LoraSettings)
    require_model(causal)
    names, transposed = attention_linears(causal, settings)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]
        target_modules=names,
        lora_dropout=0.0,
        fan_in_fan_out=transposed,
        task_type="CAUSAL_LM",
    )
    with injected(causal, config) as adapter:
        adapter.reset(settings.seed)
        yield adapter


def require_adapter(adapter: object) -> None:
    """Raise where something is no adapter."""
    UsageError.require_instance("adapter", adapter, Adapter, "attach one with attach")


@contextmanager
def injected(causal: CausalModel, config: Any) -> Iterator[Adapter]:
    """Put an adapter of a peft configuration into a model, and take it out on leaving."""
    from peft import LoraModel
    from peft.tuners.lora import LoraLayer

    if any(isinstance(module, LoraLayer) for module in causal.model.modules()):
        raise UsageError(
            f"model {causal.name!r} already has an adapter attached; leave its block first"
        )
    try:
        # peft draws its own start from the global generator; it is replaced afterwards.
        with torch.random.fork_rng(devices=[]):
            tuner: Any = LoraModel(causal.model, config, ADAPTER)
    except (ValueError, TypeError) as error:  # a setting that peft uses without a look at its type
        reason = str(error).partition("\n")[0]
        raise DataError(f"the adapter does not fit model {causal.name!r}: {reason}") from error
    try:
        tuner.eval()
        yield Adapter(causal)
    finally:
        tuner.unload()
        if hasattr(causal.model, "peft_config"):
            del causal.model.peft_config
        causal.model.requires_grad_(False)


def attention_linears(causal: CausalModel, settings: LoraSettings) -> tuple[list[str], bool]:
    """Name the linear modules of the attention blocks, found by type and by their owner.

    Returns whether they keep their weights transposed, as GPT-2's do. A layer in which nothing
    is called attention gives all its linear modules.
    """
    from transformers.pytorch_utils import Conv1D

    layers = {id(causal.layers[place]) for place in settings.chosen(causal.n_layers)}
    found: list[str] = []
    transposed = False
    for prefix, layer in causal.model.named_modules():
        if id(layer) not in layers:
            continue
        linears = {
            name: module
            for name, module in layer.named_modules()
            if isinstance(module, nn.Linear | Conv1D)
        }
        attention = [name for name in linears if "attn" in name or "attention" in name]
        found += [f"{prefix}.{name}" for name in attention or linears]
        transposed |= any(isinstance(module, Conv1D) for module in linears.values())
    if not found:
        raise UsageError(
            f"model {causal.name!r} has no linear modules in its layers to adapt; "
            "choose another model"
        )
    return found, transposed


def require_equal_keys(found: Any, expected: Any) -> None:
    """Raise where the keys of an adapter are not those of the model."""
    missing = sorted(set(expected) - set(found))
    unknown = sorted(set(found) - set(expected))
    if missing or unknown:
        example = f"{missing[0]!r} is missing" if missing else f"{unknown[0]!r} is unknown"
        raise DataError(
            f"the adapter does not fit the model: {len(missing)} keys missing, {len(unknown)} "
            f"unknown ({example}); use the adapter's own base model"
        )
