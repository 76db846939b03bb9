"""Early stopping: the best weights on rows kept back from training."""

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from growlabels.classes.classifier.training import TrainingRows, batch_loss

ROWS = 4096  # a batch of the held-out rows


class EarlyStopping:
    """Called after each epoch: keeps the best weights, and says when to stop.

    Parameters
    ----------
    trunk, head
        What is trained.
    rows
        Rows kept back; at least one.
    patience
        Epochs without a lower loss on these rows before training stops.

    Attributes
    ----------
    losses
        Mean loss of the rows kept back after each epoch.
    """

    def __init__(
        self,
        trunk: nn.Module,
        head: nn.Module,
        rows: TrainingRows,
        patience: int,
    ) -> None:
        self.parts: tuple[nn.Module, nn.Module] = (trunk, head)
        self.patience: int = patience
        self.rows = rows
        self.losses: list[float] = []
        self.best = math.inf
        self.state: list[dict[str, Any]] = []

    def __call__(self) -> bool:
        """Score the rows kept back; True when training has gone on for nothing."""
        self.losses.append(self._loss())
        if self.losses[-1] < self.best:
            self.best: float = self.losses[-1]
            self.state = [copy.deepcopy(part.state_dict()) for part in self.parts]
        return self.ended

    @property
    def ended(self) -> bool:
        """Whether training has gone on for nothing."""
        return len(self.losses) - 1 - int(np.argmin(self.losses)) >= self.patience

    def restore(self) -> None:
        """Put the best weights back."""
        for part, state in zip(self.parts, self.state, strict=False):
            part.load_state_dict(state)

    @torch.no_grad()
    def _loss(self) -> float:
        (trunk, head), total = self.parts, 0.0
        training = trunk.training
        trunk.eval()
        device = next(head.parameters()).device
        count = len(self.rows.targets)
        for start in range(0, count, ROWS):
            places = np.arange(start, min(start + ROWS, count))
            batch = [part.to(device) for part in self.rows.inputs.batch(places)]
            targets = torch.from_numpy(self.rows.targets[places]).to(device)
            loss: Any = batch_loss(head, trunk(*batch), targets, self.rows.weights, places)
            total += float(loss) * len(places)
        trunk.train(training)
        return total / count
