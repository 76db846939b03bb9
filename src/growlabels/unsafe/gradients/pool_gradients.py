"""Gradient scores of a whole pool: one fine-tuning, one pass, every kind of gradient method."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress, silent
from growlabels.unsafe.gradients.per_token import TokenGradients
from growlabels.unsafe.gradients.scorer import GradientScorer, adapter_split, score_kinds
from growlabels.unsafe.gradients.sketch import CountSketch
from growlabels.unsafe.model.encode import Encoded
from growlabels.unsafe.model.finetune import Checkpoint, FinetuneSettings, finetune
from growlabels.unsafe.model.lora import Adapter, LoraSettings, attach
from growlabels.unsafe.model.model import CausalModel
from growlabels.unsafe.model.trunk import TrunkRows
from growlabels.unsafe.rows.target_sets import target_sets

KINDS = ("cos", "dot", "less")
BUCKETS = 1024


@dataclass(frozen=True, eq=False)
class GradientSettings:
    """How the gradients of a scan are made.

    Attributes
    ----------
    lora, training
        The adapter and its fine-tuning on the rows; both are given the scan's seed.
    buckets
        Length of the count sketches that DRA works on.
    share, share_above
        Of a pool of more than ``share_above`` rows only that share, the likeliest by F4w and at
        least 512 rows, gets gradients. Share 1: all rows, however many.
    """

    lora: LoraSettings = field(default_factory=LoraSettings)
    training: FinetuneSettings = field(default_factory=FinetuneSettings)
    buckets: int = BUCKETS
    share: float = 0.05
    share_above: int = 10_000

    def __post_init__(self) -> None:
        UsageError.require_instance("lora", self.lora, LoraSettings)
        UsageError.require_instance("training", self.training, FinetuneSettings)
        UsageError.require_above_zero("share", self.share, most=1)
        UsageError.require_whole("share_above", self.share_above, 0)
        UsageError.require_whole("buckets", self.buckets)


@dataclass(frozen=True, eq=False)
class PoolGradients:
    """What the gradients of rows and targets say.

    Attributes
    ----------
    rows, targets
        Kind -> similarity with the targets, shapes (checkpoints, rows or targets, targets). The
        first checkpoint is the start; LESS has none there.
    row_sketches, target_sketches
        Count sketches of the unit gradients of all checkpoints joined: their inner products are
        close to Grad-Cos.
    row_tokens, target_tokens
        Token-normalised scores at the last checkpoint, a column per target set; None unless
        asked for.
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
    tokens: bool = False,
    settings: GradientSettings | None = None,
    progress: Progress = silent,
    also_train_on: Sequence[Encoded] = (),
) -> PoolGradients:
    """Fine-tune on the rows as DABUF does and compare gradients at every checkpoint.

    By default a fresh LoRA adapter (rank 8, attention of the top 8 layers) is trained for one
    epoch with AdamW at 1e-3. The model is left as it was.

    Parameters
    ----------
    rows
        The suspect rows, also trained on.
    targets
        Examples of the harm.
    seed
        Decides the adapter's start, the order of the rows and the sketch.
    folder
        Keep the rows' hidden states in a file there, which goes when this returns, instead of
        in memory.
    tokens
        Also compute token-normalised scores, which takes another pass.
    also_train_on
        Further rows that the adapter is trained on, and that are not scored.
    """
    settings = GradientSettings() if settings is None else settings
    UsageError.require_instance("settings", settings, GradientSettings)
    lora = LoraSettings(**{**vars(settings.lora), "seed": seed})
    training = FinetuneSettings(**{**vars(settings.training), "seed": seed})
    with attach(model, lora) as adapter:
        split = adapter_split(adapter)
        trunk = TrunkRows(split, rows, folder=folder, progress=progress)
        wanted = TrunkRows(split, targets)
        seen = trunk
        if also_train_on:
            seen = TrunkRows(split, [*rows, *also_train_on], folder=folder, progress=progress)
        checkpoints = finetune(adapter, seen, training, progress=progress)
        del seen
        scorers = {kind: GradientScorer(adapter, checkpoints, wanted, kind) for kind in KINDS}
        of_rows, row_sketches = _pass(adapter, checkpoints, scorers, trunk, settings, progress)
        of_targets, sketches = _pass(adapter, checkpoints, scorers, wanted, settings)
        found = PoolGradients(of_rows, of_targets, row_sketches, sketches)
        if not tokens:
            return found
        adapter.load(checkpoints[-1].state)
        scorer = TokenGradients(adapter, trunk, wanted, target_sets(len(targets)))
        return PoolGradients(
            of_rows,
            of_targets,
            row_sketches,
            sketches,
            scorer.score(trunk, progress),
            scorer.score(wanted),
        )


def _pass(
    adapter: Adapter,
    checkpoints: Sequence[Checkpoint],
    scorers: Mapping[str, GradientScorer],
    rows: TrunkRows,
    settings: GradientSettings,
    progress: Progress = silent,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
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
