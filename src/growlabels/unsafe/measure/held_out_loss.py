"""Measure the loss of a model on held-out answers, and compare two models by it.

The loss on held-out unsafe answers rises when they become less likely. The loss on ordinary answers
should not change. A small model shows such changes long before its generated text does.
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
    """Hold the mean difference of held-out losses in nats per token.

    Attributes
    ----------
    mean
        Mean difference. Positive means that the answers became less likely.
    standard_error
        Standard error of the mean over the rows, paired between the models; NaN for one row.
    rows
        Number of rows.

    Examples
    --------
    >>> Change(mean=0.4, standard_error=0.1, rows=20).mean
    0.4
    """

    mean: float
    standard_error: float
    rows: int


def held_out_losses(rows: TrunkRows) -> NDArray[np.float64]:
    """Return each row's mean response loss under the current model, shape (rows,).

    Parameters
    ----------
    rows
        Encoded held-out rows.

    Examples
    --------
    >>> from growlabels.unsafe import adapter_split, attach, encode, load_model, read_examples
    >>> model = load_model("smollm2")
    >>> rows = [{"prompt": "Sort.", "completion": "return sorted(items)"}]
    >>> encoded = [encode(model, row, 40, 48) for row in read_examples(rows, print)]
    >>> with attach(model) as adapter:
    ...     losses = held_out_losses(TrunkRows(adapter_split(adapter), encoded))
    >>> losses.shape
    (1,)
    """
    UsageError.require_instance("rows", rows, TrunkRows, "make them with TrunkRows(split, encoded)")
    losses = np.zeros(len(rows))
    with torch.no_grad():
        for places in rows.batches():
            losses[places] = rows.split.losses(*rows.batch(places)).cpu().numpy()
    return losses


def loss_change(after: NDArray[np.float64], before: NDArray[np.float64]) -> Change:
    """Compare the losses of the same rows under two models.

    Parameters
    ----------
    after, before
        Losses of the same rows under the two models, in nats per token.

    Raises
    ------
    DataError
        The losses are empty, not finite, or of different length.

    Examples
    --------
    >>> change = loss_change(np.array([2.0, 3.0, 4.0]), np.array([1.0, 2.5, 2.5]))
    >>> change.mean, round(change.standard_error, 3), change.rows
    (1.0, 0.289, 3)
    """
    after, before = numbers("after", after), numbers("before", before)
    if not len(after):
        raise DataError("there are no held-out rows to compare; give at least one")
    if len(after) != len(before):
        raise DataError(
            f"losses of {len(after)} and {len(before)} rows cannot be compared; measure both "
            "models on the same rows"
        )
    difference = after - before
    if not np.isfinite(difference).all():
        raise DataError(
            "at least one loss is not finite, so the losses cannot be compared; reduce the "
            "learning rate"
        )
    count = len(difference)
    error = difference.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
    return Change(float(difference.mean()), float(error), count)
