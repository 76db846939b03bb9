"""Compute every kind of gradient score of a pool with one fine-tuning and one pass."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress, silent
from growlabels.unsafe.gradients.per_token import TokenGradients
from growlabels.unsafe.gradients.scorer import (
    GradientKind,
    GradientScorer,
    adapter_split,
    score_kinds,
)
from growlabels.unsafe.gradients.sketch import CountSketch
from growlabels.unsafe.model.encode import Encoded
from growlabels.unsafe.model.finetune import Checkpoint, FinetuneSettings, finetune
from growlabels.unsafe.model.lora import Adapter, LoraSettings, attach
from growlabels.unsafe.model.model import CausalModel
from growlabels.unsafe.model.trunk import TrunkRows
from growlabels.unsafe.rows.target_sets import target_sets

KINDS: tuple[GradientKind, ...] = get_args(GradientKind)
BUCKETS = 1024


@dataclass(frozen=True, eq=False)
class GradientSettings:
    """Configure the gradients of a scan.

    Attributes
    ----------
    lora, training
        The adapter and its fine-tuning on the rows. The scan's seed replaces the seeds of both.
    buckets
        Length of the count sketches that DRA reads, at least 1. Default 1024.
    share
        Share of a large pool that gets gradients, above 0 to 1. Default 0.05. The rows with the
        highest F4w score are chosen, at least 512 of them; 1 selects all rows.
    share_above
        Number of rows above which a pool is large, 0 or more. Default 10,000.
    tokens
        Whether to compute token-normalised scores too, which takes one more pass. Default False.

    Examples
    --------
    >>> GradientSettings(share=0.1).share_above
    10000
    """

    lora: LoraSettings = field(default_factory=LoraSettings)
    training: FinetuneSettings = field(default_factory=FinetuneSettings)
    buckets: int = BUCKETS
    share: float = 0.05
    share_above: int = 10_000
    tokens: bool = False

    def __post_init__(self) -> None:
        UsageError.require_instance("lora", self.lora, LoraSettings)
        UsageError.require_instance("training", self.training, FinetuneSettings)
        UsageError.require_above_zero("share", self.share, most=1)
        UsageError.require_whole("share_above", self.share_above, 0)
        UsageError.require_whole("buckets", self.buckets)
        UsageError.require_choice("tokens", self.tokens, (True, False))


@dataclass(frozen=True, eq=False)
class PoolGradients:
    """Hold the gradient scores of the rows and the targets of a pool.

    Attributes
    ----------
    rows, targets
        Kind -> similarity to the targets, shape (checkpoints, rows or targets, targets). The
        first checkpoint is the start of training, which LESS lacks.
    row_sketches, target_sketches
        Count sketches of the unit gradients, summed over the checkpoints. Their inner products
        approximate Grad-Cos.
    row_tokens, target_tokens
        Token-normalised scores at the last checkpoint, one column per target set. None unless
        they were requested.
    """

    rows: Mapping[str, np.ndarray]
    targets: Mapping[str, np.ndarray]
    row_sketches: np.ndarray
    target_sketches: np.ndarray
    row_tokens: np.ndarray | None = None
    target_tokens: np.ndarray | None = None


def pool_gradients(
    model: CausalModel,
    rows: Sequence[Encoded],
    targets: Sequence[Encoded],
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    settings: GradientSettings | None = None,
    progress: Progress = silent,
    also_train_on: Sequence[Encoded] = (),
) -> PoolGradients:
    """Fine-tune on the rows as DABUF does and compare gradients at every checkpoint.

    By default, this trains a new LoRA adapter (rank 8, attention of the top 8 layers) for one
    epoch with AdamW and a learning rate of 1e-3. The model is restored at the end.

    Parameters
    ----------
    model
        The model, without an adapter.
    rows
        Encoded suspect rows, which are trained on and scored.
    targets
        Encoded examples of the harm.
    seed
        Seed of the adapter's start, the order of the rows and the sketches, 0 or more. Default 0.
    folder
        Folder for a temporary file with the rows' hidden states. None, the default, keeps them
        in memory.
    settings
        Adapter, training and sketches. None takes the defaults.
    progress
        Callback that reports each stage. Silent by default.
    also_train_on
        Encoded rows that are trained on but not scored. None by default.

    Examples
    --------
    >>> from growlabels.unsafe import encode, load_model, read_examples
    >>> model = load_model("smollm2")
    >>> rows = [{"prompt": "Sort.", "completion": "return sorted(items)"},
    ...         {"prompt": "Parse.", "completion": "return eval(text)"}]
    >>> encoded = [encode(model, row, 40, 48) for row in read_examples(rows, print)]
    >>> pool_gradients(model, encoded, encoded[1:]).row_sketches.shape
    (2, 1024)
    """
    settings = GradientSettings() if settings is None else settings
    UsageError.require_instance("settings", settings, GradientSettings)
    with attach(model, replace(settings.lora, seed=seed)) as adapter:
        split = adapter_split(adapter)
        trunk = TrunkRows(split, rows, folder=folder, progress=progress)
        wanted = TrunkRows(split, targets)
        seen = trunk
        if also_train_on:
            seen = TrunkRows(split, [*rows, *also_train_on], folder=folder, progress=progress)
        checkpoints = finetune(
            adapter, seen, replace(settings.training, seed=seed), progress=progress
        )
        del seen
        scorers = {kind: GradientScorer(adapter, checkpoints, wanted, kind) for kind in KINDS}
        of_rows, row_sketches = _pass(adapter, checkpoints, scorers, trunk, settings, progress)
        of_targets, sketches = _pass(adapter, checkpoints, scorers, wanted, settings)
        found = PoolGradients(of_rows, of_targets, row_sketches, sketches)
        if not settings.tokens:
            return found
        adapter.load(checkpoints[-1].state)
        scorer = TokenGradients(adapter, trunk, wanted, target_sets(len(targets)))
        row_tokens, target_tokens = scorer.score(trunk, progress), scorer.score(wanted)
        return replace(found, row_tokens=row_tokens, target_tokens=target_tokens)


def _pass(
    adapter: Adapter,
    checkpoints: Sequence[Checkpoint],
    scorers: Mapping[str, GradientScorer],
    rows: TrunkRows,
    settings: GradientSettings,
    progress: Progress = silent,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Score rows by all kinds and sketch their unit gradients in the same pass."""
    sketches = np.zeros((len(rows), settings.buckets), np.float32)
    hashes = {
        checkpoint: CountSketch(adapter.size, settings.buckets, number)
        for number, checkpoint in enumerate(checkpoints)
    }

    def keep(checkpoint: Checkpoint, places: Sequence[int], gradients: Tensor) -> None:
        with torch.no_grad():
            sketches[places] += hashes[checkpoint](gradients).cpu().numpy()

    found = score_kinds(scorers, rows, keep, progress)
    return {kind: scores.by_target.astype(np.float64) for kind, scores in found.items()}, sketches
