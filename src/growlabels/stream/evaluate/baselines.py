"""Define the baselines: the most frequent label set, and one River classifier per label."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from river import base, linear_model, multioutput, preprocessing

from growlabels.base.errors import UsageError
from growlabels.base.labels import LabelMap
from growlabels.stream.evaluate.metrics import present
from growlabels.stream.rows.tables import own_order


class MajorityLabels(base.MultiLabelClassifier):
    """Predict the most frequent label set so far; among equally frequent ones, the first.

    For precision at k, it ranks single labels by their frequency.

    Examples
    --------
    >>> from growlabels.stream import MajorityLabels
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
        self._ranked: list[Hashable] = []
        self._place: dict[Hashable, int] = {}
        self._count: Counter[Hashable] = Counter()
        self._begin: dict[int, int] = {}  # count -> place of the first label with this count

    def learn_one(self, x: Mapping[Any, Any], y: Mapping[Any, bool] | Iterable[Any]) -> None:
        """Count the label set of a row."""
        labels = present(y)
        self._sets[labels] += 1
        if self._sets[labels] > self._sets[self._best]:
            self._best = labels
        for label in y:
            self._labels.setdefault(label, False)
        for label in sorted(labels, key=own_order):
            self._rank(label)

    def _rank(self, label: Hashable) -> None:
        """Count a label; swap it with the first of the equally frequent labels."""
        count, ranked, place = self._count[label], self._ranked, self._place
        if not count:
            place[label] = self._begin[0] = len(ranked)
            ranked.append(label)
        old, new = place[label], self._begin[count]
        ranked[old], ranked[new] = ranked[new], label
        place[ranked[old]], place[label] = old, new
        self._begin[count] = new + 1
        if not new or self._count[ranked[new - 1]] != count + 1:
            self._begin[count + 1] = new
        self._count[label] = count + 1

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value, from which :meth:`from_json` continues."""
        names = list(self._labels)
        place = {name: i for i, name in enumerate(names)}

        def places(labels: Iterable[Hashable]) -> list[int]:
            return sorted(place[label] for label in labels)

        return {
            "names": LabelMap(names).to_json(),
            "sets": [[places(labels), count] for labels, count in self._sets.items()],
            "best": places(self._best),
            "ranked": [[place[label], self._count[label]] for label in self._ranked],
            "begin": list(self._begin.items()),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "MajorityLabels":
        """Rebuild a model from :meth:`to_json`.

        Examples
        --------
        >>> model = MajorityLabels()
        >>> model.learn_one({}, {"a"})
        >>> MajorityLabels.from_json(model.to_json()).predict_one({})
        {'a': True}
        """
        made = cls()
        names = list(LabelMap.from_json(value["names"]))
        made._labels = dict.fromkeys(names, False)
        for places, count in value["sets"]:
            made._sets[frozenset(names[place] for place in places)] = count
        made._best = frozenset(names[place] for place in value["best"])
        made._ranked = [names[place] for place, _ in value["ranked"]]
        made._place = {name: i for i, name in enumerate(made._ranked)}
        made._count = Counter({names[place]: count for place, count in value["ranked"]})
        made._begin = dict(value["begin"])
        return made

    def predict_topk_one(self, x: Mapping[Any, Any], k: int = 5) -> list[tuple[Hashable, float]]:
        """Return the ``k`` most frequent labels, each with its share of rows."""
        rows = self._sets.total()
        return [(label, self._count[label] / rows) for label in self._ranked[:k]]

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Any, bool]:
        """Return label -> whether it is in the most frequent set; the features have no effect."""
        return {label: label in self._best for label in self._labels}

    def predict_labels_one(self, x: Mapping[Any, Any]) -> frozenset[Hashable]:
        """Return the most frequent label set; the features have no effect."""
        return self._best


class BinaryRelevance(base.MultiLabelClassifier):
    """Train one River classifier per label, behind a common standard scaler.

    From its first occurrence on, a label is negative in every row that does not contain it.

    Parameters
    ----------
    classifier
        Classifier of River, copied for each label; with None, the default, logistic regression.

    Examples
    --------
    >>> from growlabels.stream import BinaryRelevance
    >>> model = BinaryRelevance()
    >>> for i in range(40):
    ...     model.learn_one({"a": float(i % 2)}, {"odd"} if i % 2 else {"even"})
    >>> model.predict_one({"a": 1.0})
    {'even': False, 'odd': True}
    """

    def __init__(self, classifier: base.Classifier | None = None) -> None:
        self.classifier = classifier
        if classifier is not None:
            way_out = "pass a River classifier"
            UsageError.require_instance("classifier", classifier, base.Classifier, way_out)
        single = linear_model.LogisticRegression() if classifier is None else classifier
        self._model = preprocessing.StandardScaler() | multioutput.PerOutputClassifier(single)
        self._labels: dict[Hashable, bool] = {}

    def learn_one(self, x: Mapping[Any, Any], y: Mapping[Any, bool] | Iterable[Any]) -> None:
        """Learn one row; a known label that ``y`` does not contain is negative."""
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
        """Return label -> {False: 1 - p, True: p} for all labels seen so far."""
        return self._model.predict_proba_one(dict(x))


MAJORITY = "majority set"
