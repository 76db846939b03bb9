"""Held-out losses: how likely a model finds answers it was not trained on.

The loss on held-out unsafe answers rises when a model is less inclined to give them; the loss on
ordinary answers should stay. A small model on a CPU shows this long before its own outputs do.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.model.trunk import TrunkRows
from growlabels.unsafe.scores.threshold import numbers


@dataclass(frozen=True)
class Change:
    """Mean over held-out rows of a difference of losses, nats a token.

    Attributes
    ----------
    mean
        Positive: the answers became less likely.
    standard_error
        Of the mean over the rows, the same rows under both models; nan for a single row.
    rows
        How many.
    """

    mean: float
    standard_error: float
    rows: int


def held_out_losses(rows: TrunkRows) -> NDArray[np.float64]:
    """Compute each row's mean response loss under the model as it stands, shape (rows,)."""
    UsageError.require_instance("rows", rows, TrunkRows, "make them with TrunkRows(split, encoded)")
    losses = np.zeros(len(rows))
    with torch.no_grad():
        for places in rows.batches():
            losses[places] = rows.split.losses(*rows.batch(places)).cpu().numpy()
    return losses


def loss_change(after: NDArray[np.float64], before: NDArray[np.float64]) -> Change:
    """Compare the losses of the same rows under two models.

    Losses that are no finite numbers, none, or not as many are an error.

    Examples
    --------
    >>> change = loss_change(np.array([2.0, 3.0, 4.0]), np.array([1.0, 2.5, 2.5]))
    >>> change.mean, round(change.standard_error, 3), change.rows
    (1.0, 0.289, 3)
    """
    after, before = numbers("after", after), numbers("before", before)
    if not len(after):
        raise DataError("there are no held-out rows to compare losses on; give at least one")
    if len(after) != len(before):
        raise DataError(
            f"losses of {len(after)} and {len(before)} rows cannot be compared; measure both "
            "on the same rows"
        )
    difference = after - before
    if not np.isfinite(difference).all():
        raise DataError(
            "losses must be finite to be compared, at least one is not; train with a smaller "
            "learning rate"
        )
    count = len(difference)
    error = difference.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
    return Change(float(difference.mean()), float(error), count)
