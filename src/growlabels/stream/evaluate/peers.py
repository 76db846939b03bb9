"""Wrap Vowpal Wabbit in River's interface, and make the models of the command line by name."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from river import base

from growlabels.base.errors import DataError, MissingExtraError, UsageError
from growlabels.stream.evaluate.baselines import MAJORITY, BinaryRelevance, MajorityLabels
from growlabels.stream.evaluate.metrics import present


class VowpalWabbit(base.MultiLabelClassifier):
    """Train Vowpal Wabbit's online one-against-all classifier (``--multilabel_oaa``).

    The model requires the package ``vowpalwabbit`` (extra ``bench``). Vowpal Wabbit learns
    nothing from a row without labels, so such a row gets an additional class.

    Parameters
    ----------
    labels
        Largest number of labels in the stream, at least 1; default 100. Vowpal Wabbit must know
        it before the first row.
    arguments
        Further arguments of Vowpal Wabbit's command line; default ``"-l 0.5"``.
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
                f"the rows have more than {self.labels} labels, the limit of this VowpalWabbit; "
                "set labels to a larger number"
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
        """Convert one row to an example of Vowpal Wabbit."""
        get = self._features.setdefault
        cells = [f"{get(name, len(self._features))}:{value}" for name, value in x.items() if value]
        parsed = self._workspace.parse(f"{classes} |f {' '.join(cells)}")
        return parsed[0] if isinstance(parsed, list) else parsed


def _ihomer(preset: str) -> Any:
    """Make an IHOMER; it is imported only here because the learner imports this folder."""
    from growlabels.stream.learner.ihomer import IHOMER

    return IHOMER(preset=preset)


MODELS: Mapping[str, tuple[str, Callable[[int], Any]]] = {
    "ihomer": ("iHOMER", lambda labels: _ihomer("default")),
    "paper": ("iHOMER, the paper alone", lambda labels: _ihomer("paper")),
    "br-logistic": ("BR logistic (River)", lambda labels: BinaryRelevance()),
    "vw": ("VW -l 0.5", lambda labels: VowpalWabbit(labels, "-l 0.5")),
    "majority": (MAJORITY, lambda labels: MajorityLabels()),
}
"""Name on the command line -> title, and a function that makes it for a number of labels."""
