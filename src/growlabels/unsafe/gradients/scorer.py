"""Gradient attribution: Grad-Cos (DABUF), Grad-Dot and LESS over several checkpoints.

For a training row z and targets T, with g(.) the gradient of the mean response loss with respect
to the LoRA factors, at one checkpoint::

    Grad-Cos   s(z) = mean over t in T of cos(g(z), g(t))        (DABUF, section on attribution)
    Grad-Dot   s(z) = mean over t in T of <g(z), g(t)>
    LESS       s(z) = mean over t in T of cos(u(z), g(t)),  u(z) the AdamW direction of g(z)

and the scores of the checkpoints are added. Positive means that a step on z lowers the loss on
the targets, so a high score marks a row that teaches what the targets show. A cosine is in
[-1, 1]; a dot product has no scale of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress, silent
from growlabels.unsafe.gradients.per_row import row_gradients
from growlabels.unsafe.model.finetune import _BETAS, Checkpoint
from growlabels.unsafe.model.lora import Adapter, require_adapter
from growlabels.unsafe.model.trunk import SplitModel, TrunkRows

GradientKind = Literal["cos", "dot", "less"]
_EPSILON = 1e-8


@dataclass(frozen=True, eq=False)
class GradientScores:
    """Similarity of each row's gradient to each target's, at each checkpoint.

    Attributes
    ----------
    by_target
        Shape (checkpoints, rows, targets), float32.
    losses
        Each row's loss at each checkpoint, nats a token, shape (checkpoints, rows).
    """

    by_target: NDArray[np.float32]
    losses: NDArray[np.float32]

    def by_checkpoint(self) -> NDArray[np.float32]:
        """Mean over targets, shape (checkpoints, rows)."""
        return self.by_target.mean(2)

    def total(self) -> NDArray[np.float32]:
        """Mean over targets, sum over checkpoints, shape (rows,): the published score."""
        return self.by_checkpoint().sum(0)


class GradientScorer:
    """Targets' gradients at each checkpoint, kept in memory; rows stream past them.

    Parameters
    ----------
    adapter
        The attached adapter. Its state is changed by every call.
    checkpoints
        From :func:`finetune`; the initial one should be among them. At that one B is zero, so
        every gradient of an A is zero and only B speaks.
    targets
        Examples of the harm.
    kind
        ``"cos"``, ``"dot"`` or ``"less"``; the last leaves out checkpoints without moments.
    progress
        Called with the stage ``"target gradients"``.

    Raises
    ------
    UsageError
        No targets, no usable checkpoint, or an unknown kind.
    """

    def __init__(
        self,
        adapter: Adapter,
        checkpoints: Sequence[Checkpoint],
        targets: TrunkRows,
        kind: GradientKind = "cos",
        progress: Progress = silent,
    ) -> None:
        UsageError.require_choice("kind", kind, get_args(GradientKind))
        require_adapter(adapter)
        UsageError.require_instance("targets", targets, TrunkRows, "make them with TrunkRows")
        UsageError.require_instance("checkpoints", checkpoints, Sequence, "finetune gives them")
        for checkpoint in checkpoints:
            UsageError.require_instance("each of checkpoints", checkpoint, Checkpoint)
        if not len(targets):
            raise UsageError.parameter("targets", "must be at least one row", 0)
        self.kind = kind
        self.adapter = adapter
        self.checkpoints = [c for c in checkpoints if kind != "less" or c.mean]
        if not self.checkpoints:
            raise UsageError(
                "there is no checkpoint to take gradients at; LESS needs one after the start"
            )
        self.targets = len(targets)
        self._directions: list[Tensor] = []
        for number, checkpoint in enumerate(self.checkpoints):
            self._directions.append(self._target_gradients(checkpoint, targets))
            progress("target gradients", number + 1, len(self.checkpoints))

    def score(self, rows: TrunkRows, progress: Progress = silent) -> GradientScores:
        """Score rows; the trunk of a batch is used for all checkpoints, then forgotten.

        Calls ``progress`` with the stage ``"row gradients"``.
        """
        UsageError.require_instance("rows", rows, TrunkRows, "make them with TrunkRows")
        return score_kinds({self.kind: self}, rows, progress=progress)[self.kind]

    def similar(self, checkpoint: Checkpoint, gradients: Tensor) -> Tensor:
        """Compare gradients taken at a checkpoint with the targets', shape (rows, targets)."""
        if self.kind == "less":
            gradients = self._adam_direction(checkpoint, gradients)
        if self.kind != "dot":
            gradients = _unit(gradients)
        return gradients @ self._directions[self.checkpoints.index(checkpoint)].T

    def _target_gradients(self, checkpoint: Checkpoint, targets: TrunkRows) -> Tensor:
        self.adapter.load(checkpoint.state)
        found = torch.zeros((len(targets), self.adapter.size))
        found = found.to(targets.split.causal.device)
        for places in targets.batches():
            _, gradients = row_gradients(targets.split, self.adapter, *targets.batch(places))
            found[places] = gradients
        return found if self.kind == "dot" else _unit(found)

    def _adam_direction(self, checkpoint: Checkpoint, gradients: Tensor) -> Tensor:
        """Give the step that AdamW would take next on each row alone, without its rate."""
        first, second = _BETAS
        keys, step = self.adapter.keys(), checkpoint.step + 1
        mean = torch.cat([checkpoint.mean[key].flatten() for key in keys]).to(gradients)
        square = torch.cat([checkpoint.mean_square[key].flatten() for key in keys]).to(gradients)
        moved = first * mean + (1 - first) * gradients
        spread = (second * square + (1 - second) * gradients**2) / (1 - second**step)
        return moved / (1 - first**step) / (spread.sqrt() + _EPSILON)


def score_kinds(
    scorers: Mapping[str, GradientScorer],
    rows: TrunkRows,
    observe: Callable[[Checkpoint, Sequence[int], Tensor], None] | None = None,
    progress: Progress = silent,
) -> dict[str, GradientScores]:
    """Score rows by several scorers of one adapter, whose gradients are computed once.

    Parameters
    ----------
    scorers
        By name; a checkpoint that several have must be the same object.
    rows
        The rows.
    observe
        Called with every checkpoint, the places of some rows and their unit gradients.
    progress
        Called with the stage ``"row gradients"``.
    """
    checkpoints = list(dict.fromkeys(c for s in scorers.values() for c in s.checkpoints))
    found = {
        name: GradientScores(
            np.zeros((len(s.checkpoints), len(rows), s.targets), np.float32),
            np.zeros((len(s.checkpoints), len(rows)), np.float32),
        )
        for name, s in scorers.items()
    }
    done = 0
    for places in rows.batches():
        batch, hidden = rows.batch(places)
        for checkpoint in checkpoints:
            adapter = next(iter(scorers.values())).adapter
            adapter.load(checkpoint.state)
            loss, gradients = row_gradients(rows.split, adapter, batch, hidden)
            for name, scorer in scorers.items():
                if checkpoint in scorer.checkpoints:
                    number = scorer.checkpoints.index(checkpoint)
                    similar = scorer.similar(checkpoint, gradients)
                    found[name].by_target[number, places] = similar.cpu().numpy()
                    found[name].losses[number, places] = loss.cpu().numpy()
            if observe is not None:
                observe(checkpoint, places, _unit(gradients))
        done += len(places)
        progress("row gradients", done, len(rows))
    return found


def _unit(gradients: Tensor) -> Tensor:
    """Scale rows to length one; a zero gradient stays zero, so its cosines are zero."""
    return gradients / gradients.norm(dim=1, keepdim=True).clamp_min(torch.finfo().tiny)


def gradient_scores(
    adapter: Adapter,
    checkpoints: Sequence[Checkpoint],
    rows: TrunkRows,
    targets: TrunkRows,
    kind: GradientKind = "cos",
    progress: Progress = silent,
) -> GradientScores:
    """Score rows against targets once; see :class:`GradientScorer`."""
    return GradientScorer(adapter, checkpoints, targets, kind, progress).score(rows, progress)


def adapter_split(adapter: Adapter) -> SplitModel:
    """Cut the model of an adapter below the adapter's first layer."""
    require_adapter(adapter)
    return SplitModel(adapter.causal, adapter.first_layer)
