"""What EBVClassifier learns from held-out rows: a temperature and a threshold for rejection."""

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length, check_is_fitted
from torch import Tensor

from growlabels.base.errors import UsageError
from growlabels.classes.calibration.rejection import (
    conformal_threshold,
    fit_temperature,
    rejection_scores,
)
from growlabels.classes.heads.head import EBVHead
from growlabels.classes.inputs.labels import Columns, as_labels, check_kind

LOGITS, FEWEST = 1 << 26, 200  # what a temperature comes from: at most, and at least in rows


class Calibrated:
    """Adds :meth:`calibrate`, :meth:`reject` and :meth:`score_samples` to a classifier.

    The classifier gives ``_outputs(X, of)``, which yields ``of(head, features)`` for batches of
    rows, ``_targets(labels)``, their places in the codebook, and ``_columns()``.
    """

    head_: EBVHead
    temperature_: float
    threshold_: float | None
    _outputs: Callable[[Any, Callable[[EBVHead, Tensor], Tensor]], Iterator[Tensor]]
    _targets: Callable[[NDArray[Any]], NDArray[np.int64]]
    _columns: Callable[[], Columns]

    def calibrate(self, X: Any, y: ArrayLike, *, false_rejection: float = 0.05) -> Self:
        """Fit the temperature of the probabilities and the threshold of :meth:`reject`.

        Both hold for the model as it is: :meth:`fit` and :meth:`partial_fit` undo the threshold,
        and fit the temperature anew where they kept rows back for it. The temperature comes
        from all rows, or from so many, drawn at random, that there are at most 2^26 logits of
        them (671 rows with 100,000 classes), but from at least 200.

        Parameters
        ----------
        X, y
            Held-out rows of known classes: none that was trained on, else the temperature comes
            out too low and the threshold too high.
        false_rejection
            Share of rows of known classes that may be rejected: a guarantee of split conformal
            prediction if new rows are exchangeable with these, see :func:`conformal_threshold`.

        Raises
        ------
        UsageError
            There are fewer rows than ``1 / false_rejection - 1``.
        DataError
            A label was not learned.
        ValueError
            ``X`` and ``y`` are not equally long.
        """
        check_is_fitted(self)
        labels, columns = as_labels(y), self._columns()
        check_kind("y", labels, columns.labels)
        targets = columns.column[self._targets(labels)]
        check_consistent_length(X, targets)
        threshold = conformal_threshold(self.score_samples(X), false_rejection)
        most = max(FEWEST, LOGITS // self.head_.num_classes)
        order = np.random.default_rng(0).permutation(len(targets))
        drawn = np.isin(np.arange(len(targets)), order[:most])
        logits, seen = [], 0
        for batch in self._outputs(X, lambda head, rows: head(rows)):
            batch = columns.in_order(batch)
            logits.append(batch[torch.from_numpy(drawn[seen : seen + len(batch)])])
            seen += len(batch)
        self.temperature_ = fit_temperature(torch.cat(logits).numpy(), targets[drawn])
        self.threshold_ = threshold
        return self

    def reject(self, X: Any) -> NDArray[np.bool_]:
        """Say of each row whether it looks like none of the classes; see :meth:`calibrate`."""
        check_is_fitted(self)
        if self.threshold_ is None:
            raise UsageError(
                "the classifier has no threshold to reject by; call calibrate with held-out rows "
                "first (again after partial_fit)"
            )
        return self.score_samples(X) < self.threshold_

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Return how much each row looks like one of the classes: :func:`rejection_scores`."""
        return torch.cat(list(self._outputs(X, rejection_scores))).double().numpy()

    def _undo_threshold(self) -> None:
        self.threshold_ = None
