"""Fine-tuning of an adapter, with the checkpoints that attribution looks back on."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import index
from pathlib import Path

import torch
from torch import Tensor

from growlabels.base.errors import DataError, RunError, UsageError
from growlabels.base.files import atomic_write
from growlabels.base.progress import Progress, silent
from growlabels.base.runs import require_folder
from growlabels.unsafe.model.lora import Adapter, require_adapter
from growlabels.unsafe.model.trunk import TrunkRows

_BETAS = (0.9, 0.999)


@dataclass(frozen=True)
class FinetuneSettings:
    """How an adapter is trained.

    Attributes
    ----------
    learning_rate
        Of AdamW, constant.
    batch_size
        Rows a step; the loss of a step is the mean over its rows of the mean over the tokens.
    epochs
        Passes over the rows.
    checkpoints
        How many are kept besides the initial one, evenly spaced; the last is the end.
    seed
        Decides the order of the rows.
    """

    learning_rate: float = 1e-3
    batch_size: int = 8
    epochs: int = 1
    checkpoints: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("batch_size", "epochs", "checkpoints"):
            UsageError.require_whole(name, getattr(self, name))
        UsageError.require_whole("seed", self.seed, 0)
        UsageError.require_above_zero("learning_rate", self.learning_rate)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """An adapter at one moment of its training.

    Attributes
    ----------
    step
        Optimiser steps done; 0 is the start.
    state
        The factors by name.
    mean, mean_square
        AdamW's running moments of each factor's gradient, by name; empty at the start.
    """

    step: int
    state: dict[str, Tensor]
    mean: dict[str, Tensor] = field(default_factory=dict)
    mean_square: dict[str, Tensor] = field(default_factory=dict)


def finetune(
    adapter: Adapter,
    rows: TrunkRows,
    settings: FinetuneSettings | None = None,
    folder: str | os.PathLike[str] | None = None,
    inputs: str = "",
    order: Sequence[Sequence[int]] | None = None,
    progress: Progress = silent,
) -> list[Checkpoint]:
    """Train an adapter on rows from where it stands.

    Parameters
    ----------
    adapter
        The attached adapter; it is left in its last state.
    rows
        The training rows.
    settings
        How to train.
    folder
        Where checkpoints are written as they are reached. A folder that has some resumes
        after the last, and ends with the same factors to the bit.
    inputs
        A hash of what decides the result (rows, model, settings), noted in each checkpoint; a
        folder with another hash is refused.
    order
        The places of the rows of every step, instead of those drawn by ``settings.seed``.
    progress
        Called with the stage ``"fine-tuning"`` and the rows seen.

    Returns
    -------
    list of Checkpoint
        The initial one first, the last one last.

    Raises
    ------
    DataError
        There are no rows.
    UsageError
        Something is of another class; ``order`` holds no step, or one of places that no row has;
        ``folder`` cannot be written.
    RunError
        The folder's checkpoints are of other inputs, or damaged.
    """
    settings = FinetuneSettings() if settings is None else settings
    require_adapter(adapter)
    UsageError.require_instance("rows", rows, TrunkRows, "make them with TrunkRows(split, encoded)")
    UsageError.require_instance("settings", settings, FinetuneSettings)
    UsageError.require_instance("inputs", inputs, str)
    if folder is not None:
        UsageError.require_path("folder", folder)
        require_folder(folder)
    if not len(rows):
        raise DataError("there are no rows to fine-tune on; check the rows that were set aside")
    batches = step_order(len(rows), settings) if order is None else _steps(order, len(rows))
    wanted = {len(batches) * k // settings.checkpoints for k in range(1, settings.checkpoints + 1)}
    kept = _resumed(folder, inputs, sorted({0, *wanted}))
    optimiser = torch.optim.AdamW(
        adapter.parameters(), lr=settings.learning_rate, betas=_BETAS, weight_decay=0.0
    )
    if kept:
        _restore(adapter, optimiser, kept[-1])
    else:
        kept = [_keep(adapter, optimiser, 0, folder, inputs)]
    for step in range(kept[-1].step, len(batches)):
        _step(adapter, rows, batches[step], optimiser)
        if step + 1 in wanted:
            kept.append(_keep(adapter, optimiser, step + 1, folder, inputs))
        progress("fine-tuning", sum(map(len, batches[: step + 1])), sum(map(len, batches)))
    return kept


def _steps(order: Iterable[Iterable[int]], count: int) -> list[list[int]]:
    """Read the steps that a caller gives."""
    must = f"must hold one step or more, each of places from 0 to {count - 1}"
    try:
        steps = [[index(place) for place in step] for step in order]
    except TypeError as error:
        raise UsageError.parameter("order", must, order) from error
    for step in steps or [[]]:
        if not step or not 0 <= min(step) <= max(step) < count:
            raise UsageError.parameter("order", must, step)
    return steps


def step_order(count: int, settings: FinetuneSettings) -> list[list[int]]:
    """Draw the rows of every step; each epoch sees every row once.

    >>> [len(step) for step in step_order(10, FinetuneSettings(batch_size=4, epochs=2))]
    [4, 4, 2, 4, 4, 2]
    """
    generator = torch.Generator().manual_seed(settings.seed)
    batches: list[list[int]] = []
    for _ in range(settings.epochs):
        order = torch.randperm(count, generator=generator).tolist()
        size = settings.batch_size
        batches += [order[start : start + size] for start in range(0, count, size)]
    return batches


def _step(
    adapter: Adapter, rows: TrunkRows, places: Sequence[int], optimiser: torch.optim.Optimizer
) -> None:
    batch, hidden = rows.batch(places)
    with torch.enable_grad():
        loss = rows.split.losses(batch, hidden).mean()
    gradients = torch.autograd.grad(loss, adapter.parameters())
    for parameter, gradient in zip(adapter.parameters(), gradients, strict=True):
        parameter.grad = gradient
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)


def _keep(
    adapter: Adapter,
    optimiser: torch.optim.Optimizer,
    step: int,
    folder: str | os.PathLike[str] | None,
    inputs: str,
) -> Checkpoint:
    mean: dict[str, Tensor] = {}
    mean_square: dict[str, Tensor] = {}
    for key, parameter in zip(adapter.keys(), adapter.parameters(), strict=True):
        moments = optimiser.state.get(parameter)
        if moments:
            mean[key] = moments["exp_avg"].clone()
            mean_square[key] = moments["exp_avg_sq"].clone()
    checkpoint = Checkpoint(step, adapter.state(), mean, mean_square)
    if folder is not None:
        save_checkpoint(checkpoint, _file(folder, step), inputs)
    return checkpoint


def _restore(adapter: Adapter, optimiser: torch.optim.Optimizer, checkpoint: Checkpoint) -> None:
    adapter.load(checkpoint.state)
    if not checkpoint.step:
        return
    for key, parameter in zip(adapter.keys(), adapter.parameters(), strict=True):
        optimiser.state[parameter] = {
            "step": torch.tensor(float(checkpoint.step)),
            "exp_avg": checkpoint.mean[key].clone(),
            "exp_avg_sq": checkpoint.mean_square[key].clone(),
        }


def _file(folder: str | os.PathLike[str], step: int) -> Path:
    return Path(folder) / f"checkpoint-{step:06d}.safetensors"


def _resumed(
    folder: str | os.PathLike[str] | None, inputs: str, steps: Sequence[int]
) -> list[Checkpoint]:
    """Read the unbroken run of checkpoints from the start that a folder has."""
    found: list[Checkpoint] = []
    if folder is None:
        return found
    Path(folder).mkdir(parents=True, exist_ok=True)
    for step in steps:
        file = _file(folder, step)
        if not file.is_file():
            break
        found.append(load_checkpoint(file, inputs))
    return found


def save_checkpoint(checkpoint: Checkpoint, path: str | os.PathLike[str], inputs: str = "") -> None:
    """Write a checkpoint as safetensors, whole or not at all."""
    from safetensors.torch import save

    tensors = {
        f"{part}/{key}": tensor.contiguous()
        for part in ("state", "mean", "mean_square")
        for key, tensor in getattr(checkpoint, part).items()
    }
    blob = save(tensors, metadata={"step": str(checkpoint.step), "inputs": inputs})
    with atomic_write(path, "wb") as file:
        file.write(blob)


def load_checkpoint(path: str | os.PathLike[str], inputs: str | None = None) -> Checkpoint:
    """Read a checkpoint; one of other ``inputs``, or a damaged one, is a ``RunError``."""
    from safetensors import SafetensorError, safe_open

    parts: dict[str, dict[str, Tensor]] = {"state": {}, "mean": {}, "mean_square": {}}
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            for name in file.keys():  # noqa: SIM118
                part, _, key = name.partition("/")
                parts[part][key] = file.get_tensor(name)
        step = int(metadata["step"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise RunError(f"{str(path)!r} is no checkpoint or damaged: {error}; delete it") from error
    if inputs is not None and metadata.get("inputs") != inputs:
        raise RunError(
            f"checkpoint {str(path)!r} was made from other rows, model or settings; "
            "choose another folder or delete it"
        )
    return Checkpoint(step, parts["state"], parts["mean"], parts["mean_square"])
