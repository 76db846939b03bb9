"""The training loop: AdamW on a one-cycle schedule.

A plain loop and not skorch: the loss streams over classes from the features, so there are no
logits to hand to a criterion; batches of texts are ragged; and appended classes change the head
between calls.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from growlabels.base.errors import DataError
from growlabels.base.progress import Progress, silent
from growlabels.classes.classifier.checkpoint import TrainingCheckpoint
from growlabels.classes.inputs.trunks import Inputs

ADDING_STEPS = 100
"""Least number of steps where no epochs are given and classes are added."""


class Head(Protocol):
    """An output layer that the loop can train."""

    def loss(self, x: Tensor, y: Tensor) -> Tensor: ...


class Stop(Protocol):
    """Called after each epoch; says whether training ends."""

    @property
    def ended(self) -> bool: ...
    def __call__(self) -> bool: ...


@dataclass(frozen=True)
class Schedule:
    """How to train.

    Attributes
    ----------
    epochs, batch_size
        Passes over the rows, and rows a step.
    lr
        Peak learning rate of the trunk.
    head_lr_factor
        The head's learning rate, in units of ``lr``.
    weight_decay
        Of AdamW.
    one_cycle
        Rise over 30 % of the steps, then fall along a cosine; else ``lr`` throughout.
    """

    epochs: int
    batch_size: int
    lr: float
    head_lr_factor: float = 2.0
    weight_decay: float = 1e-4
    one_cycle: bool = True


def first_schedule(model: Any, rows: int) -> Schedule:
    """Return how a classifier is fitted on so many rows; unset settings depend on their number."""
    steps, passes, largest = model.least
    size = model.batch_size or min(largest, max(16, rows // 8))
    epochs = model.epochs or max(passes, math.ceil(steps / max(1, rows // size)))
    return Schedule(epochs, size, model.lr, model.head_lr_factor, model.weight_decay)


def later_schedule(model: Any, rows: int, adds: bool) -> Schedule:
    """Return how a fitted classifier learns more rows, and new classes where it ``adds`` some."""
    size = model.batch_size or min(128, max(16, rows // 8))
    least = math.ceil(ADDING_STEPS / max(1, rows // size)) if adds else 1
    return Schedule(
        model.partial_epochs or max(3, least),
        size,
        model.partial_lr,
        model.partial_head_lr_factor,
        model.weight_decay,
        one_cycle=False,
    )


@dataclass(frozen=True)
class TrainingRows:
    """Rows to learn.

    Attributes
    ----------
    inputs
        What the trunk reads.
    targets
        ``(rows,)``, class indices.
    weights
        ``(rows,)``, weight of each row in the loss; None where all are 1.
    """

    inputs: Inputs
    targets: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None

    def take(self, places: NDArray[np.int64]) -> "TrainingRows":
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[places]
        return TrainingRows(self.inputs.take(places), self.targets[places], weights)

    def without_zeros(self) -> "TrainingRows":
        """Return the rows whose weight is above 0."""
        if self.weights is None or self.weights.all():
            return self
        return self.take(np.flatnonzero(self.weights))

    def joined(self, inputs: Inputs, targets: NDArray[np.int64]) -> "TrainingRows":
        """Return these rows and then others of weight 1."""
        weights = self.weights
        if weights is not None:
            weights = np.concatenate([weights, np.ones(len(targets))])
        both = np.concatenate([self.targets, targets])
        return TrainingRows(self.inputs.joined(inputs), both, weights)


def train(
    trunk: nn.Module,
    head: nn.Module,
    rows: TrainingRows,
    schedule: Schedule,
    seed: int,
    progress: Progress = silent,
    stage: str = "train",
    stop: Stop | None = None,
    distillation: Callable[[Any, list[Tensor], Tensor, Tensor], Tensor] | None = None,
    checkpoint: TrainingCheckpoint | None = None,
) -> list[float]:
    """Train trunk and head in place; returns the mean loss of each epoch.

    ``head`` has a method ``loss(features, targets)``, which also takes ``reduction="none"`` where
    rows have weights; ``distillation`` adds to the loss. Training
    ends early when ``stop``, called after each epoch, says so. With a ``checkpoint`` it goes on
    after the last epoch that was saved. Call it inside :func:`seeded`: dropout draws from torch's
    generator.
    """
    device, inputs = next(head.parameters()).device, rows.inputs
    optimizer = torch.optim.AdamW(
        [
            {"params": list(trunk.parameters()), "factor": 1.0},
            {"params": list(head.parameters()), "factor": schedule.head_lr_factor},
        ],
        weight_decay=schedule.weight_decay,
        fused=True,  # the n-gram embeddings are large: one pass over them instead of ten
    )
    random = np.random.default_rng(seed)
    steps = max(1, len(inputs) // schedule.batch_size)
    losses = [] if checkpoint is None else checkpoint.restore(trunk, head, optimizer, stop)
    ended = bool(losses) and stop is not None and stop.ended
    for _ in losses:  # the order of the rows in the epochs that are done
        random.permutation(len(inputs))
    trunk.train(len(inputs) > 1)  # batch statistics need two rows
    head.train()
    for epoch in range(len(losses), 0 if ended else schedule.epochs):
        total = 0.0
        for step, places in enumerate(np.array_split(random.permutation(len(inputs)), steps)):
            done = (epoch * steps + step) / (schedule.epochs * steps)
            rate = schedule.lr * (_one_cycle(done) if schedule.one_cycle else 1.0)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["factor"]
            batch = [part.to(device) for part in inputs.batch(places)]
            features, labels = trunk(*batch), torch.from_numpy(rows.targets[places]).to(device)
            loss = batch_loss(head, features, labels, rows.weights, places)
            if distillation is not None:
                loss = loss + distillation(head, batch, features, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mean = loss.item()
            if not math.isfinite(mean):
                raise _overflow(head, features, epoch)
            total += mean * len(places)
            progress(stage, epoch * steps + step + 1, schedule.epochs * steps)
        losses.append(total / len(inputs))
        ended = stop is not None and stop()
        if checkpoint is not None:
            checkpoint.epoch_done(trunk, head, optimizer, losses, stop)
        if ended:
            break
    trunk.eval()
    head.eval()
    return losses


def batch_loss(
    head: Head | nn.Module,
    features: Tensor,
    targets: Tensor,
    weights: NDArray[np.float64] | None,
    places: NDArray[np.int64],
) -> Tensor:
    """Return the mean loss of a batch, by the weights of its rows where there are any."""
    loss: Any = head.loss
    if weights is None:
        return loss(features, targets)
    losses = loss(features, targets, reduction="none")
    own = torch.from_numpy(weights[places]).to(losses.device, losses.dtype)
    return (losses * own).mean()


def _overflow(head: nn.Module, features: Tensor, epoch: int) -> DataError:
    """Say what made the training loss NaN or infinite."""
    check: Any = getattr(head, "check_finite", None)
    try:
        if check is not None:
            check(features)
    except DataError as error:
        reason = f": {error}"
    else:
        reason = ""
    return DataError(
        f"the training loss is not finite in epoch {epoch + 1}{reason}; lower the learning rate or "
        "scale the columns"
    )


def _one_cycle(done: float) -> float:
    """Share of the peak rate at a share of the steps: up from 4 % to 1, then down to 0."""
    if done < 0.3:
        return 0.04 + 0.96 * done / 0.3
    return 0.5 * (1 + math.cos(math.pi * (done - 0.3) / 0.7))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from torch's generator as if freshly seeded, and leave it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(seed))
        yield
