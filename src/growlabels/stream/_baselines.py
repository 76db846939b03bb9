"""What to hold a stream learner against: the most frequent label set, and River's."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from river import base, linear_model, multioutput, preprocessing

from growlabels.stream._metrics import present


class MajorityLabels(base.MultiLabelClassifier):
    """Predicts the most frequent label set so far; of equally frequent ones the first seen.

    Examples
    --------
    >>> model = MajorityLabels()
    >>> for labels in ({"a"}, {"b"}, {"b"}):
    ...     model.learn_one({}, labels)
    >>> model.predict_one({})
    {'a': False, 'b': True}
    """

    def __init__(self) -> None:
        self._sets: Counter[frozenset[Hashable]] = Counter()
        self._best: frozenset[Hashable] = frozenset()
        self._labels: dict[Hashable, bool] = {}

    def learn_one(self, x: Mapping[Any, Any], y: Mapping[Any, bool] | Iterable[Any]) -> None:
        """Count the label set of a row."""
        labels = present(y)
        self._sets[labels] += 1
        if self._sets[labels] > self._sets[self._best]:
            self._best = labels
        for label in y:
            self._labels.setdefault(label, False)

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Any, bool]:
        """Return the majority set; the features have no effect."""
        return {label: label in self._best for label in self._labels}

    def _chosen_one(self, x: Mapping[Any, Any]) -> frozenset[Hashable]:
        return self._best


class BinaryRelevance(base.MultiLabelClassifier):
    """One River classifier per label behind one standard scaler, as River documents it.

    A label that a row does not name is negative in that row, from its first occurrence on.

    Parameters
    ----------
    classifier
        The River classifier; logistic regression by default.

    Examples
    --------
    >>> model = BinaryRelevance()
    >>> for i in range(40):
    ...     model.learn_one({"a": float(i % 2)}, {"odd"} if i % 2 else {"even"})
    >>> model.predict_one({"a": 1.0})
    {'even': False, 'odd': True}
    """

    def __init__(self, classifier: base.Classifier | None = None) -> None:
        self.classifier = classifier
        single = linear_model.LogisticRegression() if classifier is None else classifier
        self._model = preprocessing.StandardScaler() | multioutput.PerOutputClassifier(single)
        self._labels: dict[Hashable, bool] = {}

    def learn_one(self, x: Mapping[Any, Any], y: Mapping[Any, bool] | Iterable[Any]) -> None:
        """Learn one row."""
        if not (isinstance(y, Mapping) and y.keys() >= self._labels.keys()):
            named = y if isinstance(y, Mapping) else dict.fromkeys(present(y), True)
            y = {**self._labels, **named}
        for label in y:
            self._labels.setdefault(label, False)
        self._model.learn_one(dict(x), dict(y))

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Any, bool]:
        """Predict all labels seen so far."""
        return self._model.predict_one(dict(x))

    def predict_proba_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Any, Any]:
        """Return label -> {False: 1 - p, True: p} of the labels seen so far."""
        return self._model.predict_proba_one(dict(x))
