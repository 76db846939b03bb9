"""Learners of others behind River's interface, and the models that have a name."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from river import base, tree

from growlabels.base.errors import DataError, MissingExtraError, UsageError
from growlabels.stream.evaluate.baselines import MAJORITY, BinaryRelevance, MajorityLabels
from growlabels.stream.evaluate.metrics import present


class VowpalWabbit(base.MultiLabelClassifier):
    """Vowpal Wabbit's online one-against-all for several labels (``--multilabel_oaa``).

    The package ``vowpalwabbit`` (extra ``bench``) is asked for when the model is made. A row
    without labels carries a class of its own, since Vowpal Wabbit learns nothing from a row that
    names none.

    Parameters
    ----------
    labels
        Most labels there will be; Vowpal Wabbit must know it beforehand.
    arguments
        What else its command line is given.
    """

    def __init__(self, labels: int = 100, arguments: str = "-l 0.5") -> None:
        try:
            from vowpalwabbit import Workspace
        except ModuleNotFoundError as error:
            raise MissingExtraError.of("vowpalwabbit", "bench") from error
        if labels < 1:
            raise UsageError.parameter("labels", "must be at least 1", labels)
        self.labels = labels
        self.arguments = arguments
        self._workspace = Workspace(
            f"--multilabel_oaa {labels + 1} --loss_function logistic -b 24 --quiet {arguments}"
        )
        self._features: dict[Hashable, int] = {}
        self._labels: dict[Hashable, int] = {}

    def learn_one(self, x: Mapping[Any, Any], y: Mapping[Any, bool] | Iterable[Any]) -> None:
        """Learn one row."""
        for label in y:
            self._labels.setdefault(label, len(self._labels))
        if len(self._labels) > self.labels:
            raise DataError(
                f"there are more labels than the {self.labels} that this VowpalWabbit was made "
                "for; give it a larger labels"
            )
        classes = [self._labels[label] for label in present(y)] or [self.labels]
        example = self._example(",".join(map(str, sorted(classes))), x)
        self._workspace.learn(example)
        self._workspace.finish_example(example)

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Any, bool]:
        """Predict all labels seen so far."""
        example = self._example("", x)
        predicted: Any = self._workspace.predict(example)
        chosen = set(predicted)
        self._workspace.finish_example(example)
        return {label: number in chosen for label, number in self._labels.items()}

    def _example(self, classes: str, x: Mapping[Any, Any]) -> Any:
        get = self._features.setdefault
        cells = [f"{get(name, len(self._features))}:{value}" for name, value in x.items() if value]
        parsed = self._workspace.parse(f"{classes} |f {' '.join(cells)}")
        return parsed[0] if isinstance(parsed, list) else parsed


class ISOUPTree(base.MultiLabelClassifier):
    """River's iSOUP tree on labels as targets of 0 and 1; a label is predicted from 1/2 on.

    Examples
    --------
    >>> model = ISOUPTree()
    >>> for i in range(40):
    ...     model.learn_one({"a": float(i % 2)}, {"odd": i % 2 == 1, "even": i % 2 == 0})
    >>> model.predict_one({"a": 1.0})
    {'odd': True, 'even': False}
    """

    def __init__(self) -> None:
        self._tree = tree.ISOUPTreeRegressor()
        self._labels: dict[Hashable, bool] = {}

    def learn_one(self, x: Mapping[Any, Any], y: Mapping[Any, bool] | Iterable[Any]) -> None:
        """Learn one row; a label that it does not name is negative."""
        true = present(y)
        for label in y:
            self._labels.setdefault(label, False)
        self._tree.learn_one(dict(x), {label: float(label in true) for label in self._labels})

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Any, bool]:
        """Predict all labels seen so far."""
        found = self._values(x)
        return {label: found.get(label, 0.0) >= 0.5 for label in self._labels}

    def predict_topk_one(self, x: Mapping[Any, Any], k: int = 5) -> list[tuple[Hashable, float]]:
        """Return the ``k`` labels of the highest predicted targets, with these."""
        return sorted(self._values(x).items(), key=lambda item: -item[1])[:k]

    def _values(self, x: Mapping[Any, Any]) -> Mapping[Any, float]:
        return self._tree.predict_one(dict(x)) or {}


def _ihomer(preset: str) -> Any:
    from growlabels.stream.learner.ihomer import IHOMER

    return IHOMER(preset=preset)


MODELS: Mapping[str, tuple[str, Callable[[int], Any]]] = {
    "ihomer": ("iHOMER", lambda labels: _ihomer("default")),
    "paper": ("iHOMER, the paper alone", lambda labels: _ihomer("paper")),
    "br-logistic": ("BR logistic (River)", lambda labels: BinaryRelevance()),
    "br-hoeffding": (
        "BR Hoeffding tree (River)",
        lambda labels: BinaryRelevance(tree.HoeffdingTreeClassifier()),
    ),
    "isoup": ("iSOUP tree (River)", lambda labels: ISOUPTree()),
    "vw": ("VW -l 0.5", lambda labels: VowpalWabbit(labels, "-l 0.5")),
    "vw-l2": ("VW -l 2", lambda labels: VowpalWabbit(labels, "-l 2")),
    "vw-coin": ("VW --coin", lambda labels: VowpalWabbit(labels, "--coin")),
    "vw-ftrl": ("VW --ftrl", lambda labels: VowpalWabbit(labels, "--ftrl")),
    "majority": (MAJORITY, lambda labels: MajorityLabels()),
}
"""Name on the command line -> title, and how it is made for at most so many labels."""
