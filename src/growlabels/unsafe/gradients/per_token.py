"""Score rows by token-normalised gradients: each position is compared with the targets.

A row's gradient is a sum over positions, and a few positions with large gradients dominate it.
This method compares every position that predicts a response token separately. The position's part
of the gradient of the B factors is divided by its norm. It is compared with each target's unit
gradient minus half the pool's mean unit gradient. A softmax weights the targets, and the row's
score is the mean of its highest tenth of positions.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from growlabels.base.progress import Progress, silent
from growlabels.unsafe.gradients.per_row import recorded_calls, row_gradients
from growlabels.unsafe.model.encode import Batch
from growlabels.unsafe.model.lora import Adapter
from growlabels.unsafe.model.trunk import TrunkRows

POOL_SHARE = 0.5
TEMPERATURE = 0.05
BEST = 0.1
SAMPLE = 256
"""Most rows used for the pool's mean unit gradient, evenly spaced in a larger pool."""


class TokenGradients:
    """Score rows position by position, at the current state of the adapter.

    Parameters
    ----------
    adapter
        The attached adapter.
    rows
        The pool.
    targets
        Examples of the harm.
    sets
        Weights of the targets in every target set. A target of weight 0 is left out.
    """

    def __init__(
        self,
        adapter: Adapter,
        rows: TrunkRows,
        targets: TrunkRows,
        sets: Float[np.ndarray, "targets sets"],
    ) -> None:
        self._adapter = adapter
        self._columns = _b_columns(adapter)
        count = min(len(rows), SAMPLE)
        chosen = [place * len(rows) // count for place in range(count)]
        mean = self._unit_gradients(rows, chosen).mean(0, keepdim=True)
        self._wanted = self._unit_gradients(targets, range(len(targets))) - POOL_SHARE * mean
        self._inside = torch.from_numpy(sets > 0).to(mean.device)

    def score(self, rows: TrunkRows, progress: Progress = silent) -> Float[np.ndarray, "rows sets"]:
        """Return the rows' scores, and report progress in the stage ``"token gradients"``."""
        found = np.zeros((len(rows), self._inside.shape[1]))
        done = 0
        for places in rows.batches():
            batch, hidden = rows.batch(places)
            similar = self.positions(rows, batch, hidden)
            for slot, place in enumerate(places):
                own = similar[slot][batch.response_mask[slot, 1:]]
                found[place] = self._best(own).cpu().numpy()
            done += len(places)
            progress("token gradients", done, len(rows))
        return found

    def positions(
        self, rows: TrunkRows, batch: Batch, hidden: Tensor | None
    ) -> Float[Tensor, "rows positions targets"]:
        """Return the similarity of every position but the last to every target, in [-1.5, 1.5]."""
        with recorded_calls(self._adapter) as calls, torch.enable_grad():
            losses = rows.split.losses(batch, hidden)
            calls = [call for call in calls if call[0].start in self._columns]
            deltas = torch.autograd.grad(losses.sum(), [output for _, _, output in calls])
        shape = (*batch.input_ids.shape, len(self._wanted))
        dots = torch.zeros(shape, device=batch.input_ids.device)
        norms = torch.zeros(shape[:2], device=batch.input_ids.device)
        for (columns, inputs, _), delta in zip(calls, deltas, strict=True):
            x, d = inputs.float(), delta.float()
            _, own = self._columns[columns.start]
            wanted = self._wanted[:, own]
            wanted = wanted.view(len(wanted), d.shape[2], x.shape[2])
            dots += torch.einsum("bto,kor,btr->btk", d, wanted, x)
            norms += d.square().sum(2) * x.square().sum(2)
        return (dots / norms.sqrt().clamp_min(torch.finfo().tiny)[:, :, None])[:, :-1]

    def _best(self, similar: Float[Tensor, "positions targets"]) -> Float[Tensor, " sets"]:
        weights = similar[:, :, None] / TEMPERATURE
        weights = weights.masked_fill(~self._inside, -torch.inf).softmax(1)
        scores = (weights * similar[:, :, None]).sum(1)
        count = max(1, round(BEST * len(scores)))
        return scores.topk(count, dim=0).values.mean(0)

    def _unit_gradients(self, rows: TrunkRows, chosen: Sequence[int]) -> Tensor:
        """Return unit gradients of the B factors for the chosen rows, in that order."""
        slot = {place: number for number, place in enumerate(chosen)}
        found: list[Tensor] = [torch.empty(0)] * len(chosen)
        for places in rows.batches():
            some = [place for place in places if place in slot]
            if not some:
                continue
            _, gradients = row_gradients(rows.split, self._adapter, *rows.batch(some))
            own = torch.cat([gradients[:, columns] for columns, _ in self._columns.values()], 1)
            own = own / own.norm(dim=1, keepdim=True).clamp_min(torch.finfo().tiny)
            for place, gradient in zip(some, own, strict=True):
                found[slot[place]] = gradient
        return torch.stack(found)


def _b_columns(adapter: Adapter) -> dict[int, tuple[slice, slice]]:
    """Map each B factor's first column to its columns among all factors and among B factors."""
    found: dict[int, tuple[slice, slice]] = {}
    end = own = 0
    for a, b in adapter.linears.values():
        start = end + a.weight.numel()
        end = start + b.weight.numel()
        found[start] = slice(start, end), slice(own, own + end - start)
        own += end - start
    return found
