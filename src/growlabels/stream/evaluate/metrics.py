"""Score predicted label sets on streams in which labels appear and vanish.

A label that is missing from a prediction counts as not predicted. A label that is missing from the
truth counts as absent, so predicting it is an error.
"""

import math
from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError, is_whole
from growlabels.base.labels import LabelMap
from growlabels.stream.rows.array_rows import as_matrix

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    BoolRows = NDArray[np.bool_] | csr_matrix

LabelSet = Mapping[Any, Any] | Iterable[Any]

SCORES = {
    "exact_match": "share of rows with a completely correct label set; 0 to 1, higher is better",
    "micro_f1": "F1 over all (row, label) decisions; 0 to 1, higher is better",
    "macro_f1": "mean F1 over labels, so rare labels count as much as frequent ones; 0 to 1, "
    "higher is better",
    "jaccard": "mean over rows of |true and predicted| / |true or predicted|; 0 to 1, higher is "
    "better",
    "hamming": "share of wrong (row, label) decisions; 0 to 1, lower is better",
}
"""Name of each score -> its meaning."""


@dataclass(frozen=True)
class LabelScore:
    """Hold the score of one label.

    Attributes
    ----------
    tp
        Number of rows in which the label was true and predicted.
    fp
        Number of rows in which the label was predicted but not true.
    fn
        Number of rows in which the label was true but not predicted.

    Examples
    --------
    >>> score = LabelScore(tp=3, fp=1, fn=0)
    >>> score.precision, score.recall
    (0.75, 1.0)
    """

    tp: int
    fp: int
    fn: int

    @property
    def precision(self) -> float:
        """Return the share of correct predictions of the label; 0 without predictions."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Return the share of the label's occurrences that were predicted; 0 without any."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall; 0 if either is 0."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)


class MultiLabelMetrics:
    """Compute multi-label scores over all rows or over a sliding window.

    The scores are exact match, micro F1, macro F1, Jaccard index, Hamming loss and precision at k.
    Macro F1 and Hamming loss cover the labels that were true or predicted in the scored rows.
    Without rows, every score is 0; without labels, F1 is 0.

    Parameters
    ----------
    window
        Number of most recent rows to score, at least 1; with None, the default, all rows.
    at
        Values of k, each at least 1, for precision at k; by default none. It requires ``ranked``
        at each update.

    Examples
    --------
    >>> from growlabels.stream import MultiLabelMetrics
    >>> metrics = MultiLabelMetrics()
    >>> metrics.update({"a": True, "b": False}, {"a": True})
    >>> metrics.update({"a"}, {"a": True, "zzz": True})
    >>> metrics.exact_match, metrics.micro_f1, metrics.macro_f1
    (0.5, 0.8, 0.5)
    >>> metrics.per_label()["zzz"]
    LabelScore(tp=0, fp=1, fn=0)
    """

    def __init__(self, window: int | None = None, at: Sequence[int] = ()) -> None:
        if window is not None and not is_whole(window, 1):
            raise UsageError.parameter("window", "must be at least 1 row, or None", window)
        if (
            not isinstance(at, Sequence)
            or isinstance(at, str | bytes)
            or (not all(is_whole(k, 1) for k in at))
        ):
            raise UsageError.parameter("at", "must be a list of whole numbers, each at least 1", at)
        self.window = window
        self.at: tuple[int, ...] = tuple(dict.fromkeys(at))
        self.n_rows: int = 0
        self._exact = 0
        self._jaccard = 0.0
        self._tp = self._fp = self._fn = 0
        self._labels: dict[Hashable, list[int]] = {}
        self._rows: deque[tuple[frozenset[Hashable], frozenset[Hashable]]] = deque()
        self._found = [0] * len(self.at)
        self._ranks: deque[list[int]] = deque()

    @classmethod
    def from_arrays(
        cls, truth: "BoolRows", predicted: "BoolRows", labels: Sequence[Hashable] | None = None
    ) -> "MultiLabelMetrics":
        """Score whole arrays; the result equals that of updates row by row.

        Parameters
        ----------
        truth
            True labels: an array or SciPy sparse matrix of shape (rows, labels), of bool or of
            0 and 1.
        predicted
            Predicted labels, in the same form and shape.
        labels
            Names of the columns; by default 0, 1, ...

        Returns
        -------
        MultiLabelMetrics
            The scores, without a window.

        Raises
        ------
        DataError
            If the shapes differ, or if a value is neither 0 nor 1.
        """
        truth, predicted = as_matrix(truth, "truth"), as_matrix(predicted, "predicted")
        if truth.shape != predicted.shape:
            raise DataError(
                f"truth has shape {truth.shape} and predicted {predicted.shape}; "
                "pass the same rows and labels in the same order"
            )
        rows, columns = _confusion(truth, predicted)
        made = cls()
        made.n_rows = int(truth.shape[0])
        tp, wrong = rows[0], rows[1] + rows[2]
        made._exact = int(np.count_nonzero(wrong == 0))
        size = tp + wrong
        overlap = np.where(size == 0, 1.0, tp / np.maximum(size, 1))
        made._jaccard = float(np.cumsum(overlap)[-1]) if made.n_rows else 0.0
        made._tp, made._fp, made._fn = (int(part.sum()) for part in rows)
        names = range(truth.shape[1]) if labels is None else labels
        for name, counts in zip(
            names, zip(*(c.tolist() for c in columns), strict=True), strict=True
        ):
            if any(counts):
                made._labels[name] = list(counts)
        return made

    def update(self, truth: LabelSet, predicted: LabelSet, ranked: Sequence[Hashable] = ()) -> None:
        """Add one row.

        Parameters
        ----------
        truth
            True labels: a dict label -> bool, or any collection of the labels that are present.
        predicted
            Predicted labels, in the same form.
        ranked
            Labels in descending order of probability, for precision at k; all labels if there
            are fewer than k.

        Raises
        ------
        DataError
            If a label set is a single text or not a collection.
        """
        true, guess = present(truth), present(predicted)
        found = [sum(label in true for label in ranked[:k]) for k in self.at]
        self._count(true, guess, 1)
        self._jaccard += _overlap(true, guess)
        self._found = [a + b for a, b in zip(self._found, found, strict=True)]
        if self.window is not None:
            self._rows.append((true, guess))
            self._ranks.append(found)
            if len(self._rows) > self.window:
                self._count(*self._rows.popleft(), -1)
                left = self._ranks.popleft()
                self._found = [a - b for a, b in zip(self._found, left, strict=True)]

    def _count(self, true: frozenset[Hashable], guess: frozenset[Hashable], sign: int) -> None:
        """Add a row to the counts (``sign=1``), or remove it (``sign=-1``)."""
        self.n_rows += sign
        self._exact += sign * (true == guess)
        parts = true & guess, guess - true, true - guess
        self._tp += sign * len(parts[0])
        self._fp += sign * len(parts[1])
        self._fn += sign * len(parts[2])
        for place, part in enumerate(parts):
            for label in part:
                counts = self._labels.setdefault(label, [0, 0, 0])
                counts[place] += sign
                if not any(counts):
                    del self._labels[label]

    @property
    def exact_match(self) -> float:
        """Return the share of rows with a completely correct label set."""
        return _ratio(self._exact, self.n_rows)

    @property
    def micro_f1(self) -> float:
        """Return F1 over all (row, label) decisions."""
        return LabelScore(self._tp, self._fp, self._fn).f1

    @property
    def macro_f1(self) -> float:
        """Return the mean F1 over the labels that were true or predicted."""
        scores = (2 * tp / (2 * tp + fp + fn) for tp, fp, fn in self._labels.values() if tp)
        return _ratio(math.fsum(scores), len(self._labels))  # fsum does not depend on the order

    @property
    def jaccard(self) -> float:
        """Return the mean Jaccard index over rows; two empty sets have the index 1."""
        if self.window is None:
            return _ratio(self._jaccard, self.n_rows)
        return _ratio(sum(_overlap(*row) for row in self._rows), self.n_rows)

    @property
    def hamming(self) -> float:
        """Return the share of wrong (row, label) decisions."""
        return _ratio(self._fp + self._fn, self.n_rows * len(self._labels))

    @property
    def precision_at(self) -> dict[int, float]:
        """Return precision at k: the mean share of true labels among the first k ranked labels.

        A row with fewer than k true labels cannot reach 1.
        """
        pairs = zip(self.at, self._found, strict=True)
        return {k: _ratio(found, self.n_rows * k) for k, found in pairs}

    def per_label(self) -> dict[Hashable, LabelScore]:
        """Return the score of each label that was true or predicted, in the order of names."""
        names = sorted(self._labels, key=lambda label: (str(type(label)), str(label)))
        return {name: LabelScore(*self._labels[name]) for name in names}

    def as_dict(self) -> dict[str, float]:
        """Return all scores by name, with the number of rows as ``n_rows``."""
        figures = {name: getattr(self, name) for name in SCORES}
        ranked = {f"precision_at_{k}": value for k, value in self.precision_at.items()}
        return {"n_rows": self.n_rows, **figures, **ranked}

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value, from which :meth:`from_json` continues exactly.

        Labels must be strings, numbers, booleans, None or tuples of these.

        Examples
        --------

        >>> metrics = MultiLabelMetrics(window=2)
        >>> metrics.update({"a"}, {"a", "b"})
        >>> MultiLabelMetrics.from_json(metrics.to_json()).per_label()["b"]
        LabelScore(tp=0, fp=1, fn=0)
        """
        counted = sorted(self._labels.items(), key=lambda item: (str(type(item[0])), str(item[0])))
        names = [name for name, _ in counted]  # every label in a row is counted
        place = {name: i for i, name in enumerate(names)}
        return {
            "window": self.window,
            "at": self.at,
            "counts": [self.n_rows, self._exact, self._jaccard, self._tp, self._fp, self._fn],
            "names": LabelMap(names).to_json(),
            "labels": [counts for _, counts in counted],
            "rows": [[sorted(map(place.__getitem__, part)) for part in row] for row in self._rows],
            "found": self._found,
            "ranks": list(self._ranks),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "MultiLabelMetrics":
        """Rebuild metrics from :meth:`to_json`."""
        made = cls(value["window"], value["at"])
        made.n_rows, made._exact, made._jaccard, made._tp, made._fp, made._fn = value["counts"]
        names = list(LabelMap.from_json(value["names"]))
        made._labels = {n: list(c) for n, c in zip(names, value["labels"], strict=True)}
        for row in value["rows"]:
            true, guess = (frozenset(names[place] for place in part) for part in row)
            made._rows.append((true, guess))
        made._found, made._ranks = list(value["found"]), deque(value["ranks"])
        return made

    def __repr__(self) -> str:
        figures = ", ".join(f"{name}={getattr(self, name):.3f}" for name in SCORES)
        return f"{type(self).__name__}(n_rows={self.n_rows}, {figures})"


def present(labels: LabelSet) -> frozenset[Hashable]:
    """Return the labels that are present: the true keys of a mapping, or the members of a set.

    Examples
    --------
    >>> sorted(present({"a": True, "b": False})), sorted(present(["c"]))
    (['a'], ['c'])
    """
    if isinstance(labels, Mapping):
        return frozenset(label for label, there in labels.items() if there)
    if isinstance(labels, str | bytes) or not isinstance(labels, Iterable):
        raise DataError(
            f"a label set must be a mapping label -> bool or a collection, got {labels!r}; "
            f"for a single label, pass [{labels!r}]"
        )
    return frozenset(labels)


def _overlap(true: frozenset[Hashable], guess: frozenset[Hashable]) -> float:
    """Return the Jaccard index of two label sets."""
    either = len(true | guess)
    return len(true & guess) / either if either else 1.0


def _ratio(part: float, whole: float) -> float:
    """Return part / whole, or 0 if the whole is 0."""
    return part / whole if whole else 0.0


def _confusion(
    truth: "BoolRows", predicted: "BoolRows"
) -> tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...]]:
    """Return the counts (tp, fp, fn) by row and by column."""
    left: Any = truth
    both = left.multiply(predicted) if hasattr(left, "multiply") else left & predicted
    sums = []
    for axis in (1, 0):
        tp, true, guessed = (
            np.asarray(matrix.astype(np.int64).sum(axis=axis)).ravel()
            for matrix in (both, left, predicted)
        )
        sums.append((tp, guessed - tp, true - tp))
    return sums[0], sums[1]
