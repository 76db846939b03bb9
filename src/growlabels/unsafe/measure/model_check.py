"""Check whether a model gives exact per-row gradients, and estimate the cost of a run.

The check runs on a few of the user's rows before a long scan. It finds architectures whose rows
interact in a batch or whose layers cannot be split, which would otherwise distort the scores.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.features.fill import not_finite
from growlabels.unsafe.features.hidden import hidden_features
from growlabels.unsafe.gradients.per_row import row_gradients
from growlabels.unsafe.gradients.scorer import adapter_split
from growlabels.unsafe.model.encode import Encoded, pad, require_encoded
from growlabels.unsafe.model.finetune import FinetuneSettings, finetune
from growlabels.unsafe.model.lora import Adapter, LoraSettings, attach
from growlabels.unsafe.model.model import CausalModel, require_model
from growlabels.unsafe.model.trunk import TOKENS_PER_BATCH, TrunkRows

# Largest rounding error of one row's gradient, relative to its norm.
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.1}
_DEFAULT_TOLERANCE = 1e-4
_TRIAL_ROWS = 8


@dataclass(frozen=True)
class ModelCheck:
    """Hold the result of a check on a few rows, and the estimated cost of a whole run.

    Attributes
    ----------
    rows
        Number of rows that were tried.
    gradient_error
        Largest relative error of a row's gradient. The row in a padded batch on cached hidden
        states is compared with the same row alone, by ordinary autograd through the whole model.
    loss_error
        Largest relative error of a row's loss, measured in the same way.
    exact
        Whether both errors are within rounding of the model's number format.
    seconds
        Estimated seconds for all rows by stage, at the current load of the computer. The default
        scan needs ``"forward"`` only. Gradients need ``"trunk"`` (layers below the adapter),
        ``"fine-tuning"`` (one epoch) and ``"gradients"`` (one checkpoint).
    gigabytes
        Estimated gigabytes by use: ``"model"``, ``"features"`` (on disk), ``"trunk"`` (in memory,
        or on disk if a folder is given) and ``"batch"`` (logits and gradients of one batch).

    Examples
    --------
    >>> check = ModelCheck(8, 1e-6, 1e-7, True, {"forward": 3.0}, {"model": 0.5})
    >>> check.exact
    True
    """

    rows: int
    gradient_error: float
    loss_error: float
    exact: bool
    seconds: dict[str, float]
    gigabytes: dict[str, float]


def check_model(
    causal: CausalModel,
    encoded: Sequence[Encoded],
    settings: LoraSettings | None = None,
    tokens_per_batch: int = TOKENS_PER_BATCH,
    rows: int | None = None,
) -> ModelCheck:
    """Try a model on a few rows and estimate a run over all of them.

    Parameters
    ----------
    causal
        The model, with no adapter attached.
    encoded
        Encoded rows that a run would score. Up to eight of them, of different lengths, are tried.
    settings
        Adapter that a run would use. None takes the defaults.
    tokens_per_batch
        Most tokens of one padded batch, at least 1.
    rows
        Number of rows that a run would score, if ``encoded`` is a sample. None takes all of
        ``encoded``.

    Raises
    ------
    DataError
        There are no rows, or the model's hidden states are not finite.
    UsageError
        An argument is of the wrong class, or a number is below 1.

    Examples
    --------
    >>> from growlabels.unsafe import encode, load_model, read_examples
    >>> model = load_model("smollm2")
    >>> rows = [{"prompt": "Sort.", "completion": "return sorted(items)"},
    ...         {"prompt": "Parse.", "completion": "return eval(text)"}]
    >>> encoded = [encode(model, row, 40, 48) for row in read_examples(rows, print)]
    >>> found = check_model(model, encoded, rows=1000)
    >>> found.exact, sorted(found.seconds)
    (True, ['fine-tuning', 'forward', 'gradients', 'trunk'])
    """
    require_model(causal)
    require_encoded("encoded", encoded)
    UsageError.require_whole("tokens_per_batch", tokens_per_batch)
    if rows is not None:
        UsageError.require_whole("rows", rows)
    if not encoded:
        raise DataError("there are no rows to try the model on; check which rows were set aside")
    trial = _spread_over_lengths(encoded)
    hidden_features(causal, trial[:1])  # the first pass of a model is slower than later ones
    start = time.perf_counter()
    features = hidden_features(causal, trial, tokens_per_batch)
    seconds = {"forward": time.perf_counter() - start}
    if not np.isfinite(features.means).all():
        raise DataError(not_finite(causal, f"one of {len(trial)} rows tried"))
    with attach(causal, settings) as adapter:
        _perturb(adapter)
        losses, gradients = _batched(adapter, trial, tokens_per_batch, seconds)
        loss_error, gradient_error = _errors(adapter, trial, losses, gradients)
        size = adapter.size
    tokens = sum(map(len, encoded)) * (rows or len(encoded)) / len(encoded)
    share = tokens / sum(map(len, trial))
    tolerance = _TOLERANCE.get(causal.model.dtype, _DEFAULT_TOLERANCE)
    batch_rows = max(1, tokens_per_batch // max(map(len, encoded)))
    vocabulary = causal.model.get_output_embeddings().weight.shape[0]
    return ModelCheck(
        len(trial),
        gradient_error,
        loss_error,
        gradient_error <= tolerance and loss_error <= tolerance,
        {stage: spent * share for stage, spent in seconds.items()},
        {
            "model": sum(p.numel() * p.element_size() for p in causal.model.parameters()) / 1e9,
            "features": (features.means.nbytes + features.windows.nbytes) * share / 1e9,
            "trunk": tokens * causal.hidden_size * causal.model.dtype.itemsize / 1e9,
            # logits, their logarithms and their gradients, and one gradient per row
            "batch": (3 * tokens_per_batch * vocabulary + batch_rows * size) * 4 / 1e9,
        },
    )


def _spread_over_lengths(encoded: Sequence[Encoded]) -> list[Encoded]:
    """Choose trial rows at even steps of the sorted lengths."""
    by_length = sorted(encoded, key=len)
    picked = np.linspace(0, len(by_length) - 1, min(_TRIAL_ROWS, len(by_length))).round()
    return [by_length[int(place)] for place in picked]


def _perturb(adapter: Adapter) -> None:
    """Set B to small random values; with B at zero, all gradients of A would be zero."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _, b in adapter.linears.values():
            b.weight.copy_(torch.randn(b.weight.shape, generator=generator) * 0.01)


def _batched(
    adapter: Adapter,
    trial: Sequence[Encoded],
    tokens_per_batch: int,
    seconds: dict[str, float],
) -> tuple[Tensor, Tensor]:
    """Compute losses and gradients as a run does, and time the stages.

    The batches mix rows of all lengths, so that an interaction between rows would show.
    """
    split = adapter_split(adapter)
    start = time.perf_counter()
    rows = TrunkRows(split, trial, tokens_per_batch=tokens_per_batch)
    seconds["trunk"] = time.perf_counter() - start
    losses, gradients = torch.zeros(len(trial)), torch.zeros((len(trial), adapter.size))
    start = time.perf_counter()
    most = max(2, tokens_per_batch // max(map(len, trial)))
    for first in range(0, len(trial), most):
        places = list(range(first, min(first + most, len(trial))))
        found = row_gradients(split, adapter, *rows.batch(places))
        losses[places], gradients[places] = found[0].cpu(), found[1].cpu()
    seconds["gradients"] = time.perf_counter() - start
    state = adapter.state()
    start = time.perf_counter()
    finetune(adapter, rows, FinetuneSettings())
    seconds["fine-tuning"] = time.perf_counter() - start
    adapter.load(state)
    return losses, gradients


def _errors(
    adapter: Adapter, trial: Sequence[Encoded], losses: Tensor, gradients: Tensor
) -> tuple[float, float]:
    """Return the errors against each row alone, by ordinary autograd through every layer."""
    model = adapter.causal.model
    loss_errors, gradient_errors = [], []
    for place, row in enumerate(trial):
        ids = pad([row], adapter.causal.device).input_ids
        with torch.enable_grad():
            logits = model(input_ids=ids, use_cache=False).logits[0, row.response_start - 1 : -1]
            # in float32, the gradient of a very likely token would have few accurate digits
            loss = cross_entropy(logits.double(), ids[0, row.response_start :])
        parts = torch.autograd.grad(loss, adapter.parameters())
        alone = torch.cat([part.flatten() for part in parts]).cpu()
        gap, length = (gradients[place] - alone).norm(), alone.norm()
        gradient_errors.append(float(gap / length.clamp_min(1e-30)))
        true = float(loss.detach())
        loss_errors.append(abs(float(losses[place]) - true) / max(abs(true), 1e-30))
    return float(np.max(loss_errors)), float(np.max(gradient_errors))  # one nan makes it nan
