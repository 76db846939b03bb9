"""The labels of EBVClassifier: their columns, new ones, retired ones."""

from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length, check_is_fitted
from torch import nn

from growlabels.base.errors import DataError
from growlabels.classes.classifier.temperature import MOST, temperature_of
from growlabels.classes.classifier.training import TrainingRows
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.head import EBVHead
from growlabels.classes.inputs.labels import (
    Columns,
    array_of,
    as_labels,
    check_kind,
    distinct,
    joined_type,
)
from growlabels.classes.inputs.trunks import Inputs


class Labelled:
    """Adds ``classes_``, :meth:`remove_classes` and :meth:`score` to a classifier.

    The codebook keeps labels in the order in which they came; ``classes_`` shows them sorted.
    """

    codebook_: Codebook
    head_: EBVHead
    trunk_: nn.Module
    label_type_: np.dtype[Any]
    temperature_: float
    held_back_: TrainingRows
    predict: Callable[[Any], NDArray[Any]]
    _undo_threshold: Callable[[], None]

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels in the order of the columns of :meth:`predict_proba`."""
        return self._columns().labels

    def remove_classes(self, labels: Iterable[Any]) -> Self:
        """Retire labels: they are never predicted again, and rows of them are not learned.

        The others keep their vectors. ``codebook_.add_labels`` brings a retired label back.

        Raises
        ------
        DataError
            A label was not learned.

        Examples
        --------
        >>> from growlabels.classes import EBVClassifier
        >>> rows, labels = np.eye(3).repeat(4, 0), ["a", "b", "c"] * 4
        >>> model = EBVClassifier(epochs=1, hidden=8).fit(rows, sorted(labels))
        >>> model.remove_classes(["b"]).classes_
        array(['a', 'c'], dtype='<U1')
        """
        check_is_fitted(self)
        gone = self._listed("labels", labels)
        self.codebook_.remove_labels(gone)
        self._undo_threshold()
        self._columns()
        return self

    def _keep_back(self, rows: TrainingRows) -> Self:
        """Keep rows that were not learned, at most 500, and fit the temperature on them."""
        self.held_back_ = rows.take(np.arange(min(MOST, len(rows.targets))))
        if len(rows.targets):
            parts = self.held_back_, self._columns()
            self.temperature_ = temperature_of(self.trunk_, self.head_, *parts)
        return self

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of rows whose predicted label is the right one, weighted or not."""
        found, labels = self.predict(X), as_labels(y)
        check_kind("y", labels, self.classes_)
        check_consistent_length(found, labels, sample_weight)
        weights: Any = sample_weight
        return float(np.average(found == labels, weights=weights))

    def _columns(self) -> Columns:
        """Return the columns of the classes that there are, made anew where those changed."""
        if "head_" not in vars(self):
            raise AttributeError("the classifier is not fitted: it has no classes yet")
        labels, count = self.codebook_.labels, self.head_.num_classes
        state = count, tuple(labels.removed)
        if getattr(self, "_ordered", (None,))[0] != state:
            self._ordered = state, Columns.of(labels, count, self.label_type_)
        return self._ordered[1]

    def _listed(self, name: str, labels: Any) -> list[Any]:
        """Return labels that an argument lists, of the kind of the classes that there are."""
        found = as_labels(labels, name)
        if hasattr(self, "head_"):
            check_kind(name, found, self.classes_)
        return found.tolist()

    def _new_labels(self, labels: NDArray[Any], known: list[Any]) -> list[Any]:
        """Return the labels of rows and of a list that are new, sorted, and their type too."""
        check_kind("y", labels, array_of([self.codebook_.labels[0]], self.label_type_))
        every = as_labels([*known, *labels.tolist()])
        own = set(self.codebook_.labels)
        added = [label for label in distinct(every)[0] if label not in own]
        self.label_type_ = joined_type(self.codebook_.labels, self.label_type_, every)
        return added

    def _targets(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        found, place = distinct(labels)
        index, own = [], self.codebook_.labels
        for number, label in enumerate(found):
            if label not in own:
                row = int(np.flatnonzero(place == number)[0])
                way = (
                    "is retired; leave the row out, or bring it back with codebook_.add_labels"
                    if label in set(own)
                    else "was never learned; learn it with partial_fit first"
                )
                raise DataError(f"y[{row}]: label {label!r} {way}")
            index.append(own.index(label))
        return np.array(index, np.int64)[place]

    def _still_known(
        self, kept: tuple[Inputs, NDArray[np.int64]]
    ) -> tuple[Inputs, NDArray[np.int64]]:
        """Return the rows kept for replay without those of retired labels."""
        inputs, targets = kept
        gone = self.codebook_.labels.removed
        if not gone:
            return inputs, targets
        places = np.flatnonzero(~np.isin(targets, gone))
        return inputs.take(places), targets[places]
