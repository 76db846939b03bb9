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

from growlabels.base.progress import Progress, silent
from growlabels.classes.inputs.trunks import Inputs


class Head(Protocol):
    """What the loop needs of an output layer (besides being a module)."""

    def loss(self, x: Tensor, y: Tensor) -> Tensor: ...


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


def train(
    trunk: nn.Module,
    head: nn.Module,
    inputs: Inputs,
    targets: NDArray[np.int64],
    schedule: Schedule,
    seed: int,
    progress: Progress = silent,
    stage: str = "train",
    stop: Callable[[], bool] | None = None,
    distillation: Callable[[Any, list[Tensor], Tensor, Tensor], Tensor] | None = None,
) -> list[float]:
    """Train trunk and head in place; returns the mean loss of each epoch.

    ``head`` has a method ``loss(features, targets)``, to which ``distillation`` adds. Training
    ends early when ``stop``, called after each epoch, says so. Call it inside :func:`seeded`:
    dropout draws from torch's generator.
    """
    device = next(head.parameters()).device
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
    losses = []
    trunk.train(len(inputs) > 1)  # batch statistics need two rows
    head.train()
    for epoch in range(schedule.epochs):
        total = 0.0
        for step, rows in enumerate(np.array_split(random.permutation(len(inputs)), steps)):
            done = (epoch * steps + step) / (schedule.epochs * steps)
            rate = schedule.lr * (_one_cycle(done) if schedule.one_cycle else 1.0)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["factor"]
            batch = [part.to(device) for part in inputs.batch(rows)]
            features, labels = trunk(*batch), torch.from_numpy(targets[rows]).to(device)
            loss = _loss(head, features, labels)
            if distillation is not None:
                loss = loss + distillation(head, batch, features, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
            progress(stage, epoch * steps + step + 1, schedule.epochs * steps)
        losses.append(total / len(inputs))
        if stop is not None and stop():
            break
    trunk.eval()
    head.eval()
    return losses


def _loss(head: Head | nn.Module, features: Tensor, targets: Tensor) -> Tensor:
    return head.loss(features, targets)  # type: ignore[operator]


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
