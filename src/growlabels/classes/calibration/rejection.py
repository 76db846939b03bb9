"""Telling inputs of no known class apart, and probabilities that mean what they say."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from torch import Tensor

from growlabels.base.errors import DataError, UsageError, number_of
from growlabels.classes.heads.head import EBVHead

AT_ONCE = 1 << 20  # logits
COOLEST, HOTTEST = 0.01, 100.0  # range of a fitted temperature


@torch.no_grad()
def rejection_scores(head: EBVHead, x: Tensor) -> Tensor:
    """Return how much each row looks like one of the classes: larger is more.

    The largest cosine times the fourth root of the length that the embedding had before it was
    normalised: on texts the cosine alone is as good, on images the length is what tells most
    (see the guide). Removed labels do not count.

    Parameters
    ----------
    head
        A trained head.
    x
        Features, the last axis ``head.in_features`` long.

    Returns
    -------
    Tensor
        One score per row, without bounds, the shape of ``x`` without its last axis.

    Examples
    --------
    >>> from growlabels.classes import Codebook
    >>> rejection_scores(EBVHead(4, Codebook.for_classes(9)), torch.ones(2, 4)).shape
    torch.Size([2])
    """
    UsageError.require_instance("head", head, EBVHead)
    cosine = head.predict_topk(x, 1)[0][..., 0] * head.tau
    return cosine * head.project(x).norm(dim=-1) ** 0.25


def fit_temperature(logits: ArrayLike, y: ArrayLike) -> float:
    """Return the temperature that fits held-out rows best: divide the logits by it.

    It minimises the mean negative log-likelihood of the labels under
    ``softmax(logits / temperature)``, which is convex in 1 / temperature, so the root of its
    derivative is the only minimum (Guo et al., "On Calibration of Modern Neural Networks",
    ICML 2017). Of n rows each gives 1 / (n + 2) of its label to the strongest other class
    (Platt, "Probabilistic Outputs for Support Vector Machines", 1999): a few rows that are all
    right are no proof that the next is. The order of the classes stays as it is.

    Parameters
    ----------
    logits
        ``(rows, classes)``, of rows that were not trained on.
    y
        The right class of each row, a column number.

    Returns
    -------
    float
        From .01 to 100, a limit being returned where the minimum is beyond it.

    Raises
    ------
    UsageError
        There are no rows, or shapes do not fit.
    DataError
        A logit is not finite, or a label out of range.

    Examples
    --------
    >>> rows = np.log([[0.9, 0.1]] * 1000)
    >>> round(fit_temperature(rows, [0] * 900 + [1] * 100), 2)
    1.0
    >>> round(fit_temperature(3 * rows, [0] * 900 + [1] * 100), 2)
    3.01
    """
    values, target = _numbers("logits", logits).copy(), np.asarray(y)  # a copy, to work in
    if values.ndim != 2 or target.shape != values.shape[:1] or values.size == 0:
        raise UsageError(
            "logits must have shape (rows, classes), y (rows,), with at least one row; they have "
            f"{values.shape} and {target.shape}"
        )
    if not np.isfinite(values).all():
        raise DataError(f"logits must be finite, row {np.argwhere(~np.isfinite(values))[0][0]}")
    whole = target.dtype.kind in "iu"
    wrong = (target < 0) | (target >= values.shape[1]) if whole else np.ones(target.shape, bool)
    if wrong.any():
        was = target[wrong][0] if whole else target.dtype
        raise DataError(f"y must be column numbers below {values.shape[1]}, it was {was}")
    below = np.subtract(values, values.max(1, keepdims=True), out=values)
    own = _smoothed(below, target)
    low, high = 1 / HOTTEST, 1 / COOLEST
    if _mean_logit(below, low) >= own:
        return HOTTEST
    if _mean_logit(below, high) <= own:
        return COOLEST
    span = math.log(low), math.log(high)
    return math.exp(-brentq(lambda log: _mean_logit(below, math.exp(log)) - own, *span, xtol=1e-12))


def _numbers(name: str, values: Any) -> NDArray[np.float64]:
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{name} must be numbers: {error}") from error


def _smoothed(logits: NDArray[np.float64], target: NDArray[np.int64]) -> float:
    """Mean logit of the labels, a little of each with the strongest other class."""
    rows = np.arange(len(target))
    own = logits[rows, target]
    if logits.shape[1] == 1:
        return float(own.mean())
    first, second = np.argpartition(-logits, 1, axis=1)[:, :2].T
    other = logits[rows, np.where(first == target, second, first)]
    return float((own + (other - own) / (len(target) + 2)).mean())


def conformal_threshold(scores: ArrayLike, false_rejection: float = 0.05) -> float:
    """Return a threshold below which a row is rejected, with a guaranteed rate of false ones.

    Split conformal prediction (Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random
    World", 2005): with n held-out scores of known rows the threshold is the k-th smallest,
    ``k = floor(false_rejection (n + 1))``. A further known row that is exchangeable with these
    scores strictly below it with probability at most ``false_rejection``, for every n and every
    distribution; without ties with at least ``false_rejection - 1 / (n + 1)``. The probability
    is over the draw of the held-out rows as well: a particular threshold may be somewhat off.

    Parameters
    ----------
    scores
        Of held-out rows of known classes, larger for surer; see :func:`rejection_scores`.
    false_rejection
        Share of known rows that may be rejected, above 0 and below 1.

    Raises
    ------
    UsageError
        ``false_rejection`` is out of range, or there are too few rows for it.
    DataError
        A score is NaN.

    Examples
    --------
    >>> conformal_threshold(range(1, 100), false_rejection=0.1)
    10.0
    """
    values: NDArray[np.float64] = np.sort(_numbers("scores", scores).ravel())
    if not 0 < number_of(false_rejection) < 1:
        raise UsageError.parameter(
            "false_rejection", "must be above 0 and below 1", false_rejection
        )
    if np.isnan(values).any():
        raise DataError("scores must be numbers, one is NaN")
    # The smallest excess forgives products like 0.1 * 10 that come out below 1.
    k = math.floor(false_rejection * (len(values) + 1) * (1 + 1e-12))
    if k == 0:
        raise UsageError.parameter(
            "scores",
            f"must be at least {math.ceil(1 / false_rejection) - 1} for a false-rejection rate "
            f"of {false_rejection}",
            len(values),
            "hold more rows back or allow more rejections",
        )
    return float(values[k - 1])


def _mean_logit(below: NDArray[np.float64], inverse: float) -> float:
    """Mean over the rows of the logit expected under the softmax at a temperature."""
    total = 0.0
    step = max(1, AT_ONCE // below.shape[1])
    for start in range(0, len(below), step):
        part = below[start : start + step]
        weights = np.exp(part * inverse)
        total += float((np.einsum("ij,ij->i", weights, part) / weights.sum(1)).sum())
    return total / len(below)
