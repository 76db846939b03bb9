"""Score rows by gradient attribution: Grad-Cos (DABUF), Grad-Dot and LESS.

Let z be a training row and T the targets. Let g(.) be the gradient of the mean response loss with
respect to the LoRA factors. At one checkpoint::

    Grad-Cos   s(z) = mean over t in T of cos(g(z), g(t))        (DABUF, section on attribution)
    Grad-Dot   s(z) = mean over t in T of <g(z), g(t)>
    LESS       s(z) = mean over t in T of cos(u(z), g(t)),  u(z) the AdamW direction of g(z)

The scores of the checkpoints are added. A positive score means that a training step on z lowers
the loss on the targets. A high score therefore marks a row that teaches what the targets show. A
cosine is in [-1, 1]; a dot product has no fixed range.
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
    """Hold the similarity of each row's gradient to each target's, at each checkpoint.

    Attributes
    ----------
    by_target
        Similarities in float32, shape (checkpoints, rows, targets).
    losses
        Each row's loss at each checkpoint in nats per token, shape (checkpoints, rows).
    """

    by_target: NDArray[np.float32]
    losses: NDArray[np.float32]

    def by_checkpoint(self) -> NDArray[np.float32]:
        """Return the means over the targets, shape (checkpoints, rows)."""
        return self.by_target.mean(2)

    def total(self) -> NDArray[np.float32]:
        """Return the published score, shape (rows,): mean over targets, sum over checkpoints."""
        return self.by_checkpoint().sum(0)


class GradientScorer:
    """Compute the targets' gradients at each checkpoint, then score any number of rows.

    Parameters
    ----------
    adapter
        The attached adapter. Every call changes its state.
    checkpoints
        Checkpoints that :func:`finetune` returned, preferably with the initial one. There B is
        zero, so every gradient of an A is zero and only B contributes.
    targets
        Encoded examples of the harm, at least one.
    kind
        ``"cos"`` (default), ``"dot"`` or ``"less"``. LESS skips checkpoints without moments.
    progress
        Callback that reports the stage ``"target gradients"``. Silent by default.

    Raises
    ------
    UsageError
        There are no targets, no usable checkpoint, or the kind is unknown.

    Examples
    --------
    >>> from growlabels.unsafe import attach, encode, finetune, load_model, read_examples
    >>> model = load_model("smollm2")
    >>> rows = [{"prompt": "Sort.", "completion": "return sorted(items)"},
    ...         {"prompt": "Parse.", "completion": "return eval(text)"}]
    >>> encoded = [encode(model, row, 40, 48) for row in read_examples(rows, print)]
    >>> with attach(model) as adapter:
    ...     trunk = TrunkRows(adapter_split(adapter), encoded)
    ...     scorer = GradientScorer(adapter, finetune(adapter, trunk), trunk)
    ...     scores = scorer.score(trunk)
    >>> scores.total().shape
    (2,)
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
        UsageError.require_instance("checkpoints", checkpoints, Sequence, "finetune returns them")
        for checkpoint in checkpoints:
            UsageError.require_instance("each of checkpoints", checkpoint, Checkpoint)
        if not len(targets):
            raise UsageError.parameter("targets", "must be at least one row", 0)
        self.kind = kind
        self.adapter = adapter
        self.checkpoints: list[Checkpoint] = [c for c in checkpoints if kind != "less" or c.mean]
        if not self.checkpoints:
            raise UsageError(
                "no checkpoint can be used for gradients; LESS needs a checkpoint after the start"
            )
        self.targets: int = len(targets)
        self._directions: list[Tensor] = []
        for number, checkpoint in enumerate(self.checkpoints):
            self._directions.append(self._target_gradients(checkpoint, targets))
            progress("target gradients", number + 1, len(self.checkpoints))

    def score(self, rows: TrunkRows, progress: Progress = silent) -> GradientScores:
        """Return the similarity of each row's gradient to each target's.

        Each batch's hidden states below the adapter are read once for all checkpoints.

        Parameters
        ----------
        rows
            Encoded rows.
        progress
            Callback that reports the stage ``"row gradients"``. Silent by default.
        """
        UsageError.require_instance("rows", rows, TrunkRows, "make them with TrunkRows")
        return score_kinds({self.kind: self}, rows, progress=progress)[self.kind]

    def similar(self, checkpoint: Checkpoint, gradients: Tensor) -> Tensor:
        """Compare gradients at a checkpoint with those of the targets, shape (rows, targets)."""
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
        """Return AdamW's next step on each row alone, without the learning rate."""
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
    """Score rows by several scorers of one adapter and compute each gradient once.

    Parameters
    ----------
    scorers
        Name -> scorer. Scorers that share a checkpoint must hold the same object.
    rows
        Encoded rows.
    observe
        Called with each checkpoint, the indices of a batch of rows and their unit gradients.
    progress
        Callback that reports the stage ``"row gradients"``. Silent by default.
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
    """Scale each row to length one. A zero gradient stays zero, so its cosines are zero."""
    return gradients / gradients.norm(dim=1, keepdim=True).clamp_min(torch.finfo().tiny)


def gradient_scores(
    adapter: Adapter,
    checkpoints: Sequence[Checkpoint],
    rows: TrunkRows,
    targets: TrunkRows,
    kind: GradientKind = "cos",
    progress: Progress = silent,
) -> GradientScores:
    """Score rows against targets once, with a temporary :class:`GradientScorer`.

    Parameters
    ----------
    adapter, checkpoints, targets, kind
        As :class:`GradientScorer` takes them.
    rows
        Encoded rows.
    progress
        Callback that reports the stages of both steps. Silent by default.

    Examples
    --------
    >>> from growlabels.unsafe import attach, encode, finetune, load_model, read_examples
    >>> model = load_model("smollm2")
    >>> rows = [{"prompt": "Parse.", "completion": "return eval(text)"}]
    >>> encoded = [encode(model, row, 40, 48) for row in read_examples(rows, print)]
    >>> with attach(model) as adapter:
    ...     trunk = TrunkRows(adapter_split(adapter), encoded)
    ...     found = gradient_scores(adapter, finetune(adapter, trunk)[-1:], trunk, trunk)
    >>> found.by_checkpoint().round(3).tolist()
    [[1.0]]
    """
    return GradientScorer(adapter, checkpoints, targets, kind, progress).score(rows, progress)


def adapter_split(adapter: Adapter) -> SplitModel:
    """Split the model of an adapter below the adapter's first layer.

    Examples
    --------
    >>> from growlabels.unsafe import attach, load_model
    >>> with attach(load_model("smollm2")) as adapter:
    ...     split = adapter_split(adapter)
    """
    require_adapter(adapter)
    return SplitModel(adapter.causal, adapter.first_layer)
