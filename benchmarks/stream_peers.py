"""Name the models that the stream benchmarks compare."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from river import base, tree

from growlabels.stream import BinaryRelevance
from growlabels.stream.evaluate.metrics import present
from growlabels.stream.evaluate.peers import MODELS, VowpalWabbit


class ISOUPTree(base.MultiLabelClassifier):
    """Train River's iSOUP tree on labels as targets 0 and 1; predict a label from 1/2 on."""

    def __init__(self) -> None:
        self._tree = tree.ISOUPTreeRegressor()
        self._labels: dict[Hashable, bool] = {}

    def learn_one(self, x: Mapping[Any, Any], y: Mapping[Any, bool] | Iterable[Any]) -> None:
        """Learn one row; a known label that ``y`` does not contain is negative."""
        true = present(y)
        for label in y:
            self._labels.setdefault(label, False)
        self._tree.learn_one(dict(x), {label: float(label in true) for label in self._labels})

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Any, bool]:
        """Predict all labels seen so far."""
        found = self._values(x)
        return {label: found.get(label, 0.0) >= 0.5 for label in self._labels}

    def predict_topk_one(self, x: Mapping[Any, Any], k: int = 5) -> list[tuple[Hashable, float]]:
        """Return the ``k`` labels with the highest predicted targets, and these targets."""
        return sorted(self._values(x).items(), key=lambda item: -item[1])[:k]

    def _values(self, x: Mapping[Any, Any]) -> Mapping[Any, float]:
        return self._tree.predict_one(dict(x)) or {}


PEERS: Mapping[str, tuple[str, Callable[[int], Any]]] = {
    **{name: MODELS[name] for name in ("ihomer", "paper", "br-logistic")},
    "br-hoeffding": (
        "BR Hoeffding tree (River)",
        lambda labels: BinaryRelevance(tree.HoeffdingTreeClassifier()),
    ),
    "isoup": ("iSOUP tree (River)", lambda labels: ISOUPTree()),
    "vw": MODELS["vw"],
    "vw-l2": ("VW -l 2", lambda labels: VowpalWabbit(labels, "-l 2")),
    "vw-coin": ("VW --coin", lambda labels: VowpalWabbit(labels, "--coin")),
    "vw-ftrl": ("VW --ftrl", lambda labels: VowpalWabbit(labels, "--ftrl")),
    "majority": MODELS["majority"],
}
"""Name -> title, and a function that makes the model for a number of labels."""
