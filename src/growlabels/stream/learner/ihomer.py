"""Define IHOMER, an online learner of many labels."""

import math
import os
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base

from growlabels.base.errors import UsageError, number_of
from growlabels.stream.clusters.choice import new_clusterer
from growlabels.stream.clusters.event import Event
from growlabels.stream.experts.engine import Engine
from growlabels.stream.label_tree.engine import LargeEngine
from growlabels.stream.learner.explain import Explanation, explain
from growlabels.stream.learner.hierarchy import LabelNode, build_hierarchy
from growlabels.stream.learner.named_engine import Choices, Named, like
from growlabels.stream.learner.settings import check_settings, check_whole
from growlabels.stream.learner.snapshot import damaged, load_snapshot, save_snapshot
from growlabels.stream.learner.weights import Weights
from growlabels.stream.paper.engine import PaperEngine
from growlabels.stream.rows.array_rows import ArrayRows
from growlabels.stream.rows.inputs import Inputs
from growlabels.stream.rows.names import Index
from growlabels.stream.rows.tables import read_labels


class IHOMER(Named, base.MultiLabelClassifier):
    """Learn many labels online while they appear, vanish, return and drift.

    Eight experts estimate the log odds of each label: two linear models, three votes of nearest
    neighbours, the label's recent frequency, its longer frequency and, for dense rows, an
    additive model with one curve per feature. A logistic stack with one weight per expert
    combines the log odds. A decoder then predicts the most probable label set, which may be a
    new combination. Its counts of label sets, labels and rows decay with a half-life of 1,000
    rows.

    ADWIN monitors the loss. At an alarm, the experts and these counts restart from the last 100
    rows, and the weights of the stack stay. Labels that occur together are also grouped into
    clusters, which change only on evidence; see :meth:`hierarchy` and :attr:`events`.

    With very many labels, a probabilistic label tree replaces the experts and the decoder for
    good. This happens at the first of three rows: the row with label number ``tree_above`` + 1,
    the row at which the linear models would exceed an eighth of ``max_bytes`` (16 bytes for each
    pair of a feature and a label), and the row at which the window would exceed ``max_bytes``.
    The tree first learns the rows of the window. It predicts the labels whose probability exceeds
    the threshold with the best F1 so far.

    Only the rows of the window are stored, and the cost of a row does not grow with their number.
    The learner is deterministic, and single rows and batches give identical results. A missing
    feature equals a feature of 0; a missing label is false. Rows with less than 25 % of their
    features are treated as sparse, as is usual for text.

    Parameters
    ----------
    seed
        Seed of ``clusterer="random"``, a whole number of at least 0; default 0. The learner
        itself is deterministic.
    window
        Number of recent rows searched for nearest neighbours, from 100 to ``max_bytes`` / 128;
        default 1,000.
    recent
        Half-life of a label's recent frequency in rows, above 0; default 5.
    drift
        Probability of a false alarm of ADWIN, in (0, 1); default 0.0005. With None, the learner
        never restarts.
    max_sets
        Largest number of label sets in the table, at least four times ``window``; default
        20,000. When the table is full, the rarer half is dropped.
    check_every
        Number of rows between two checks of the clusters, at least 1; default 200. With the
        label tree, each interval is at least half of the rows so far, and a check uses only the
        1,024 most frequent pairs.
    tree_above
        Largest number of labels for the experts, at least 0; default 1,000. With 0, the label
        tree is used from the first row.
    max_bytes
        Largest size of all models and tables in bytes, including the window, at least 2**25;
        default 1.25 GiB. The names of labels and features are not included; each takes about
        200 bytes.
    preset
        ``"default"``: the system above. ``"paper"``: the system of the paper alone, for
        comparison: one multi-label Hoeffding tree per cluster, with two levels of drift
        detection. Its leaves contain label frequencies, linear models and nearest neighbours.
        With it, ``recent``, ``max_sets`` and ``tree_above`` have no effect. ``max_bytes`` stops
        the trees from splitting (event ``"full"``), but does not limit their roots and the
        window.
    clusterer
        ``"linkage"`` (the default), ``"odac"`` (the divisive-agglomerative rule of the paper) or
        ``"random"`` (random clusters with the sizes that linkage finds, for comparison).
    inputs
        Description of how the columns of a row become features, for example which ones contain
        text. It is saved with the model. With None, the default, each feature of a row is a
        number.

    References
    ----------
    Neves, Lourenço, Cano and Marreiros, "Online hierarchical partitioning of the output space
    in extreme multi-label data stream", ECAI 2025. The partition follows its idea; the learner
    does not follow its trees.

    Examples
    --------
    >>> model = IHOMER()
    >>> for i in range(50):
    ...     model.learn_one({"a": float(i % 2), "b": 1.0}, {"odd", "any"} if i % 2 else {"any"})
    >>> model.predict_one({"a": 1.0, "b": 1.0})
    {'any': True, 'odd': True}
    >>> model.predict_one({"a": 0.0, "b": 1.0})
    {'any': True, 'odd': False}
    """

    def __init__(
        self,
        seed: int = 0,
        window: int = 1000,
        recent: float = 5.0,
        drift: float | None = 0.0005,
        max_sets: int = 20_000,
        check_every: int = 200,
        tree_above: int = 1000,
        max_bytes: int = 5 * 2**28,
        preset: str = "default",
        clusterer: str = "linkage",
        inputs: Inputs | None = None,
    ) -> None:
        self.seed = seed
        self.window = window
        self.recent = recent
        self.drift = drift
        self.max_sets = max_sets
        self.check_every = check_every
        self.tree_above = tree_above
        self.max_bytes = max_bytes
        self.preset = preset
        self.clusterer = clusterer
        self.inputs = inputs
        check_settings(self)
        partition = new_clusterer(clusterer, seed)
        if preset == "paper":
            self._engine = PaperEngine(window, drift or 0.0, check_every, partition, max_bytes)
        else:
            self._engine = Engine(
                window,
                math.pow(2.0, -1.0 / number_of(recent)),
                drift or 0.0,
                max_sets,
                check_every,
                max_bytes,
            )
            self._engine.structure.partition = partition
        self._features = Index(0)
        self._positive = Index(1)
        self._labels = {}
        self._weights = Weights()

    @property
    def labels_(self) -> list[Hashable]:
        """Return all labels so far, true or false, in the order of their first row."""
        return list(self._labels)

    @property
    def n_rows(self) -> int:
        """Return the number of rows learned."""
        return self._engine.rows

    @property
    def n_bytes(self) -> int:
        """Return the size of all models and tables in bytes, at most ``max_bytes`` by default."""
        return self._engine.n_bytes

    @property
    def events(self) -> list[Event]:
        """Return the changes of the clusters and the drift alarms, the oldest first."""
        names = list(self._positive.of)
        features = self._features.names
        return [event.named(names, features) for event in self._engine.events]

    @property
    def clusters(self) -> list[tuple[Hashable, ...]]:
        """Return the clusters of labels that occur together, each with two or more labels."""
        names = list(self._positive.of)
        return [tuple(names[i] for i in c) for c in self._engine.partition.clusters]

    def hierarchy(self) -> LabelNode:
        """Return the hierarchy of all labels that have been true, with their clusters."""
        names = list(self._positive.of)
        engine = self._engine
        return build_hierarchy(engine.partition, engine.pairs, lambda i: names[i])

    def explain_one(self, x: Mapping[Any, Any], k: int = 5) -> Explanation:
        """Explain a prediction: the contribution of each expert to the ``k`` most probable labels.

        ``k`` is a whole number of at least 1; default 5. The explanation also contains all
        predicted labels.

        Examples
        --------
        >>> model = IHOMER()
        >>> for i in range(50):
        ...     model.learn_one({"a": float(i % 2)}, {"odd", "any"} if i % 2 else {"any"})
        >>> why = model.explain_one({"a": 1.0})
        >>> sorted(why.chosen), why.times_seen, why.labels[0].label
        (['any', 'odd'], 25, 'any')
        """
        check_whole("k", k, 1)
        return explain(self._engine, self._row(x), list(self._positive.of), k)

    def learn_one(self, x: Mapping[Any, Any], y: Any, w: float = 1.0) -> None:
        """Learn one row.

        Parameters
        ----------
        x
            Feature name -> finite number.
        y
            Label -> truth value, or a set of the true labels. Labels are any hashable values. A
            label whose value is None is not known: the prediction stands in for it.
        w
            Weight, from 0 to 10,000; 2 is the row twice. Fractions are carried to later rows.

        Raises
        ------
        DataError
            A value is not what it must be; nothing was learned.
        """
        numbers, times = self._numbers(x), 1
        if w != 1:  # whatever is wrong raises before the weight is used up
            self._features.read_row(numbers, learn=read_labels(self._completed(x, y)) is None)
            times = self._weights.times(w, "w")
        for _ in range(times):
            mentioned, true = read_labels(self._completed(x, y))
            features = self._features.read_row(numbers, learn=True)
            self._learn(features, self._positive.read_names(true), mentioned, keep=False)

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Hashable, bool]:
        """Return, for each known label, whether it is in the predicted label set."""
        answer = self._labels.copy()  # a copy is several times faster than a new dict
        answer.update(dict.fromkeys(self.predict_labels_one(x), True))
        return answer

    def predict_proba_one(
        self, x: Mapping[Any, Any], **kwargs: Any
    ) -> dict[Hashable, dict[bool, float]]:
        """Return label -> {False: 1 - p, True: p}, with the label's marginal probability p.

        :meth:`predict_one` predicts whole sets with regard to F1. It can therefore predict a
        label with p < 1/2 and omit a label with p > 1/2.
        """
        p = self._engine.probabilities(self._row(x))[0, self._columns()]
        pairs = zip(self._labels, (1 - p).tolist(), p.tolist(), strict=True)
        return {label: {False: no, True: yes} for label, no, yes in pairs}

    def predict_topk_one(self, x: Mapping[Any, Any], k: int = 5) -> list[tuple[Hashable, float]]:
        """Return the ``k`` most probable labels with their probabilities, in descending order.

        ``k`` is a whole number of at least 1; default 5. If fewer labels are known, all are
        returned. With the label tree, only labels seen as true are returned, and the search is
        approximate. Among equally probable labels, the first seen comes first.

        Examples
        --------
        >>> model = IHOMER()
        >>> for i in range(50):
        ...     model.learn_one({"a": float(i % 2)}, {"odd", "any"} if i % 2 else {"any"})
        >>> [label for label, p in model.predict_topk_one({"a": 0.0}, k=1)]
        ['any']
        """
        check_whole("k", k, 1)
        rows = self._row(x)
        if isinstance(self._engine, LargeEngine):
            likeliest, chances = (found[0].tolist() for found in self._engine.topk(rows, k))
            found = zip(likeliest, chances, strict=True)
            return [(self._positive.names[i - 1], p) for i, p in found if i > 0]
        p = self._engine.probabilities(rows)[0, self._columns()]
        names = list(self._labels)
        return [(names[i], float(p[i])) for i in np.argsort(-p, kind="stable")[:k]]

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Iterable[Hashable] | None = None,
        sample_weight: Any = None,
    ) -> "IHOMER":
        """Learn rows as :meth:`learn_many` does, with the interface of scikit-learn.

        Parameters
        ----------
        X, y, sample_weight
            As :meth:`learn_many` takes them.
        classes
            Names of the columns of y where it is an array; 0, 1, ... by default. Unlike in
            scikit-learn they may differ from call to call.
        """
        if isinstance(classes, str):
            raise UsageError.parameter(
                "classes", "must be names, one for each column of y", classes
            )
        if classes is not None:
            y = ArrayRows(X, y, None, list(classes)).tables[1]
        self.learn_many(X, y, sample_weight)
        return self

    def learn_many(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        """Learn rows in their order; the result equals that of a loop of :meth:`learn_one`.

        Parameters
        ----------
        X
            (rows, features): array, DataFrame or SciPy sparse matrix of finite numbers. With
            ``inputs`` a DataFrame may also hold columns of text.
        y
            (rows, labels): array, DataFrame or SciPy sparse matrix of 0 and 1. Columns are
            named by the DataFrame, else 0, 1, ...
        sample_weight
            (rows,): weight of each row, the ``w`` of :meth:`learn_one`. None: 1 for all rows.

        Raises
        ------
        DataError
            A cell or a row is not what it must be; nothing was learned.
        UsageError
            X and y differ in their number of rows, or are not tables.
        """
        self._learn(*self._read(X, y, sample_weight), keep=False)

    def prequential_many(self, X: Any, y: Any) -> Choices:
        """Predict each row, then learn it; return the predictions.

        The result equals that of a loop of :meth:`predict_one` and :meth:`learn_one`. The
        arguments are those of :meth:`learn_many`, and the return value is that of
        :meth:`predict_many`.
        """
        chosen = self._learn(*self._read(X, y), keep=True)
        return like(X, chosen[:, self._columns()])

    def predict_many(self, X: Any) -> Choices:
        """Predict label sets as a bool array of shape (rows, labels).

        The columns are in the order of :attr:`labels_`. If ``X`` is sparse, the result is a CSR
        array.
        """
        chosen = self._engine.choices(self._rows(self._table(X)))
        return like(X, chosen[:, self._columns()])

    def predict_proba_many(self, X: Any) -> NDArray[np.float64]:
        """Return marginal probabilities of shape (rows, labels), in the order of ``labels_``."""
        return self._engine.probabilities(self._rows(self._table(X)))[:, self._columns()]

    def save(self, path: str | os.PathLike[str], compress: bool = True) -> None:
        """Save the model to one file of arrays and JSON, atomically.

        Labels and feature names must be strings, numbers, booleans, None or tuples of these.
        ``compress`` (default True) makes the file smaller; without it, saving takes a tenth of
        the time.
        """
        UsageError.require_path("path", path)
        save_snapshot(
            Path(path),
            self._get_params()
            | {"inputs": self.inputs and self.inputs.to_json(), "owed": self._weights.owed},
            self._engine,
            {
                "features": self._features.of,
                "positive": self._positive.of,
                "labels": self._labels,
            },
            compress,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "IHOMER":
        """Load a model from :meth:`save`; it continues exactly as the saved one would.

        Raises
        ------
        RunError
            If the file is damaged, or if it has another version of the format.
        """
        UsageError.require_path("path", path)
        params, fill, names = load_snapshot(Path(path))
        try:
            inputs, owed = params.pop("inputs", None), float(params.pop("owed", 0.0))
            if not 0.0 <= owed < 1.0:
                raise ValueError(f"owed is {owed}")
            model = cls(**params, inputs=inputs and Inputs(**inputs))
            model._engine = fill(model._engine)
            model._weights.owed = owed
            model._features = Index(0, names["features"])
            model._positive = Index(1, names["positive"])
            model._labels = dict.fromkeys(names["labels"], False)
            if not model._labels.keys() >= set(names["positive"]):
                raise ValueError("names has labels that were true but are missing from labels")
        except Exception as error:  # the parts are inconsistent
            raise damaged(Path(path), error) from error
        return model
