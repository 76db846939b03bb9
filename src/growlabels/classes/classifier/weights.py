"""Weights of rows: those given with the rows times those of their classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_sample_weight

from growlabels.base.errors import DataError, UsageError


def row_weights(
    model: Any,
    X: Any,
    labels: NDArray[Any],
    targets: NDArray[np.int64],
    sample_weight: Any,
) -> NDArray[np.float64] | None:
    """Return one weight per row, of mean 1 over the rows that count; None where all are equal.

    Parameters
    ----------
    model
        The classifier; its ``class_weight`` is read.
    X, labels, targets
        Rows, their labels, and the labels' places.
    sample_weight
        As given to ``fit``.
    """
    if sample_weight is None and model.class_weight is None:
        return None
    weights = np.ones(len(targets))
    if sample_weight is not None:
        weights = _check_sample_weight(
            sample_weight, labels, dtype=np.float64, ensure_non_negative=True
        )
    weights = weights * _of_classes(model.class_weight, labels, targets)
    if not weights.any():
        raise DataError("every row has weight 0; nothing would be learned")
    return weights / weights[weights > 0].mean()


def _of_classes(
    wish: Any, labels: NDArray[Any], targets: NDArray[np.int64]
) -> NDArray[np.float64] | float:
    if wish is None:
        return 1.0
    if isinstance(wish, Mapping):
        for label, weight in wish.items():
            if not (isinstance(weight, int | float | np.number) and 0 <= weight < np.inf):
                raise UsageError.parameter(
                    f"class_weight[{label!r}]", "must be a finite number of at least 0", weight
                )
        return np.array([float(wish.get(label, 1.0)) for label in labels.tolist()])
    if not (isinstance(wish, str) and wish == "balanced"):
        raise UsageError.parameter("class_weight", "must be a dict, 'balanced' or None", wish)
    _, place, counts = np.unique(targets, return_inverse=True, return_counts=True)
    return len(targets) / (len(counts) * counts[place])
