"""Grad-Cos of a whole pool, as one more column beside the forward-only scores."""

import os
from collections.abc import Sequence

import numpy as np

from growlabels.base.progress import Progress, silent
from growlabels.unsafe._finetune import FinetuneSettings, finetune
from growlabels.unsafe._gradcos import GradientScorer, adapter_split
from growlabels.unsafe._lora import LoraSettings, attach
from growlabels.unsafe._model import CausalModel
from growlabels.unsafe._tokens import Encoded
from growlabels.unsafe._trunk import TrunkRows


def grad_cos(
    model: CausalModel,
    rows: Sequence[Encoded],
    targets: Sequence[Encoded],
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> tuple[np.ndarray, np.ndarray]:
    """Fine-tune on the rows for one epoch and compare gradients, as DABUF does.

    A fresh LoRA adapter (rank 8, attention of the top 8 layers) is trained with AdamW at 1e-3;
    cosines are added over the start and the end. The model is left as it was.

    Parameters
    ----------
    rows
        The suspect rows, also trained on.
    targets
        Examples of the harm.
    seed
        Decides the adapter's start and the order of the rows.
    folder
        Keep the rows' hidden states in a file there, which goes when this returns, instead of
        in memory.

    Returns
    -------
    rows_by_target, targets_by_target
        Cosines summed over the two checkpoints, from -2 to 2, shapes (rows, targets) and
        (targets, targets).
    """
    with attach(model, LoraSettings(seed=seed)) as adapter:
        split = adapter_split(adapter)
        trunk = TrunkRows(split, rows, folder=folder, progress=progress)
        wanted = TrunkRows(split, targets)
        checkpoints = finetune(adapter, trunk, FinetuneSettings(seed=seed), progress=progress)
        scorer = GradientScorer(adapter, checkpoints, wanted, "cos", progress)
        of_rows = scorer.score(trunk, progress).by_target.sum(0)
        return of_rows.astype(np.float64), scorer.score(wanted).by_target.sum(0).astype(np.float64)
