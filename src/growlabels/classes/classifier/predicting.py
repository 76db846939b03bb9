"""How EBVClassifier predicts: by search alone where that is enough, by all logits where not."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from growlabels.base.errors import UsageError, is_whole
from growlabels.classes.heads.head import EBVHead
from growlabels.classes.inputs.choice import Reader, reader_of
from growlabels.classes.inputs.labels import Columns
from growlabels.classes.inputs.readers import ArrayReader
from growlabels.classes.inputs.trunks import Inputs
from growlabels.classes.products.class_vectors import exact_topk
from growlabels.classes.products.compiled_vectors import MANY_CLASSES

LOGITS = 1 << 24  # at most this many in memory


class Predicting:
    """Adds :meth:`predict`, :meth:`predict_proba` and :meth:`predict_topk` to a classifier.

    The classifier gives ``_inputs(X)``, the rows as its network reads them.
    """

    trunk_: nn.Module
    head_: EBVHead
    reader_: Reader
    temperature_: float
    device: str
    _inputs: Callable[[Any], Inputs]
    _columns: Callable[[], Columns]

    def _make_reader(self, rows: Any) -> Reader:
        """Take the measure of the rows of a fit."""
        return reader_of(rows, self)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most likely label of each row; ties go to the one that was learned first."""
        best = torch.cat(list(self._outputs(X, _best)))
        columns = self._columns()
        return columns.labels[columns.column[best.numpy()]]

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class: ``(rows, classes)``, columns as ``classes_``."""
        parts = [torch.softmax(logits.double(), 1) for logits in self._logits(X)]
        return torch.cat(parts).numpy()

    def predict_topk(
        self, X: Any, k: int | None = None
    ) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the ``k`` most likely labels of each row, best first, and their probabilities.

        By default five, or all where there are fewer. Ties go to the label that comes first in
        ``classes_``.
        """
        check_is_fitted(self)
        classes = self._columns().labels
        most = len(classes)
        k = min(5, most) if k is None else k
        if not (is_whole(k, 1) and k <= most):
            raise UsageError.parameter("k", f"must be from 1 to {most}, the number of classes", k)
        labels, shares = [], []
        for logits in self._logits(X):
            values, index = exact_topk(logits, k)
            labels.append(index)
            shares.append(torch.exp((values - logits.logsumexp(1, keepdim=True)).double()))
        return classes[torch.cat(labels).numpy()], torch.cat(shares).numpy()

    def _logits(self, X: Any) -> Iterator[Tensor]:
        """Yield logits in the order of ``classes_``, divided by the fitted temperature."""
        for logits in self._outputs(X, lambda head, x: head(x)):
            yield self._columns().in_order(logits) / self.temperature_

    @torch.no_grad()
    def _outputs(self, X: Any, of: Callable[[EBVHead, Tensor], Tensor]) -> Iterator[Tensor]:
        """Yield ``of(head, features)``, batch after batch, on the CPU.

        Arrays go through in float64, so that a row's result does not depend on its batch; with
        many classes only the trunk does, since the kernels of the head are for float32.
        """
        check_is_fitted(self)
        inputs, trunk, head = self._inputs(X), self.trunk_, self.head_
        if isinstance(self.reader_, ArrayReader):
            trunk = copy.deepcopy(trunk).double()
        many = head.num_classes >= MANY_CLASSES
        step = min(self.reader_.rows_at_once, max(1, LOGITS // head.num_classes))
        for start in range(0, len(inputs), step):
            rows = np.arange(start, min(start + step, len(inputs)))
            batch = [part.to(self.device) for part in inputs.batch(rows)]
            features = trunk(*batch)
            yield of(head, features.float() if many else features).cpu()


def _best(head: EBVHead, x: Tensor) -> Tensor:
    if head.codebook.labels.removed:
        return head.predict_topk(x, 1)[1][:, 0]
    return head.vectors.topk(head.embed(x), 1)[1][:, 0]
