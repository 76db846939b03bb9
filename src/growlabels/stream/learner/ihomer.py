"""IHOMER: an online learner of many labels, one pass, predict then learn."""

import math
import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base

from growlabels.base.errors import UsageError, is_whole, number_of
from growlabels.stream.clusters.choice import new_clusterer
from growlabels.stream.clusters.event import Event
from growlabels.stream.experts.engine import Engine
from growlabels.stream.label_tree.engine import LargeEngine
from growlabels.stream.learner.explain import Explanation, explain
from growlabels.stream.learner.hierarchy import LabelNode, build_hierarchy
from growlabels.stream.learner.named_engine import Choices, Named, like
from growlabels.stream.learner.snapshot import damaged, load_snapshot, save_snapshot
from growlabels.stream.paper.engine import PaperEngine
from growlabels.stream.rows.array_rows import ArrayRows
from growlabels.stream.rows.inputs import Inputs
from growlabels.stream.rows.names import Index, IndexedCells
from growlabels.stream.rows.tables import read_labels, read_table

PRESETS = "default", "paper"


class IHOMER(Named, base.MultiLabelClassifier):
    """Online learner of many labels that appear, vanish, return and drift.

    Eight experts give a log odds per label: two linear models, three votes of nearest rows, the
    label's recent and its longer frequency and, where rows are dense, a sum of curves, one a
    feature, which knows thresholds. A logistic stack, one weight per expert for all
    labels, mixes them; a decoder then chooses the likeliest whole label set, known or new. Its
    counts of label sets, labels and rows, the longer frequency among them, fade with a half-life
    of 1,000 rows. When ADWIN sees the loss rise, the experts and these counts start again from
    the last 100 rows; the weights of the stack stay. Beside that,
    labels are grouped into clusters that occur together, changed only on evidence: see
    :meth:`hierarchy` and :attr:`events`.

    With very many labels a probabilistic label tree takes over from experts and decoder, at the
    row that brings label number ``tree_above`` + 1, or more features times labels than
    ``max_bytes`` allows the linear models (an eighth, at 16 bytes each), or whose cells the
    window has no room for under ``max_bytes``. It learns the rows of
    the window again and goes on from there, for good. It has no label-set decoder: it chooses
    the labels above the threshold that was best for F1.

    Every row costs the same and no row is kept but those of the window. All of it is
    deterministic, and the same to the bit whether rows come one by one or many at a time. A
    feature that is missing is the same as one that is zero; a label that is missing is false.
    Rows with under 25 % of their features are treated as sparse (text), without being told.

    Parameters
    ----------
    seed
        Taken for the sake of one interface; nothing in this learner is random.
    window
        Rows that the nearest rows are searched in, from 100 to ``max_bytes`` / 128.
    recent
        Half-life, in rows, of a label's recent frequency.
    drift
        Chance of a false alarm of ADWIN, in (0, 1); None: never start again.
    max_sets
        Label sets remembered, at least four times ``window``; the rarer half goes when the
        table is full.
    check_every
        Rows between two looks at the clusters of labels; under the label tree at least half
        of the rows so far, and at the 1,024 most frequent pairs alone.
    tree_above
        Labels up to which each label has models of its own; 0: the label tree from the start.
    max_bytes
        Most bytes of all models and tables, the window of rows included, at least 2**25. The
        names of labels and features, some 200 bytes for each, come on top.
    preset
        ``"default"``: the experts above. ``"paper"``: the system of the paper and nothing else,
        a multi-label Hoeffding tree per cluster with two levels of drift; for comparison.
        There are label frequencies, linear models and nearest rows in its leaves;
        ``recent``, ``max_sets`` and ``tree_above`` have no effect, and ``max_bytes`` stops the
        trees from splitting (event ``"full"``) but bounds neither their roots nor the window.
    clusterer
        ``"linkage"``, ``"odac"`` (the divisive-agglomerative rule of the paper) or
        ``"random"`` (clusters of the sizes that linkage finds, of labels drawn with ``seed``).
    inputs
        How the columns of a row become features, such as which ones hold text. They are saved
        with the model. None (the default): every feature of a row is a number.

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
        _check_whole("seed", seed, 0)
        _check_whole("window", window, 100)
        _check_whole("max_sets", max_sets, 1)
        if max_sets < 4 * window:
            raise UsageError.parameter(
                "max_sets", f"must be at least 4 * window = {4 * window}", max_sets
            )
        _check_whole("check_every", check_every, 1)
        _check_whole("tree_above", tree_above, 0)
        _check_whole("max_bytes", max_bytes, 2**25)
        if not number_of(recent) > 0:
            raise UsageError.parameter("recent", "must be a number of rows above 0", recent)
        if drift is not None and not 0 < number_of(drift) < 1:
            raise UsageError.parameter("drift", "must be between 0 and 1, or None", drift)
        UsageError.require_choice("preset", preset, PRESETS)
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
        if inputs is not None:
            UsageError.require_instance("inputs", inputs, Inputs)
        self.inputs = inputs
        partition = new_clusterer(clusterer, seed)
        if preset == "paper":
            self._engine = PaperEngine(window, drift or 0.0, check_every, partition, max_bytes)
        else:
            if window > max_bytes // 128:
                raise UsageError.parameter(
                    "window", f"must be at most max_bytes / 128 = {max_bytes // 128} rows", window
                )
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

    @property
    def labels_(self) -> list[Hashable]:
        """Labels mentioned so far, true or false, in order of appearance."""
        return list(self._labels)

    @property
    def n_rows(self) -> int:
        """Rows learned so far."""
        return self._engine.rows

    @property
    def n_bytes(self) -> int:
        """Bytes of all models and tables now; at most ``max_bytes`` by the default preset."""
        return self._engine.n_bytes

    @property
    def events(self) -> list[Event]:
        """What happened to the clusters, and alarms of drift, with the evidence; oldest first."""
        names = list(self._positive.of)
        return [event.named(names) for event in self._engine.events]

    @property
    def clusters(self) -> list[tuple[Hashable, ...]]:
        """Clusters of labels that occur together, two labels or more each."""
        names = list(self._positive.of)
        return [tuple(names[i] for i in c) for c in self._engine.partition.clusters]

    def hierarchy(self) -> LabelNode:
        """Return the tree of the labels that have occurred: clusters, inside and above them."""
        names = list(self._positive.of)
        engine = self._engine
        return build_hierarchy(engine.partition, engine.pairs, lambda i: names[i])

    def explain_one(self, x: Mapping[Any, Any], k: int = 5) -> Explanation:
        """Say what each expert adds to the ``k`` likeliest labels, and which set was taken.

        >>> model = IHOMER()
        >>> for i in range(50):
        ...     model.learn_one({"a": float(i % 2)}, {"odd", "any"} if i % 2 else {"any"})
        >>> why = model.explain_one({"a": 1.0})
        >>> sorted(why.chosen), why.times_seen, why.labels[0].label
        (['any', 'odd'], 25, 'any')
        """
        _check_whole("k", k, 1)
        return explain(self._engine, self._row(x), list(self._positive.of), k)

    def learn_one(self, x: Mapping[Any, Any], y: Any) -> None:
        """Learn one row.

        Parameters
        ----------
        x
            Feature name -> finite number.
        y
            Label -> truth value, or a set of the true labels. Labels are any hashable values.

        Raises
        ------
        DataError
            A value is not what it must be; nothing was learned.
        """
        mentioned, true = read_labels(y)
        features = self._features.read_row(self._numbers(x), learn=True)
        self._learn(features, self._positive.read_names(true), mentioned, keep=False)

    def predict_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[Hashable, bool]:
        """Return, for each known label, whether it belongs to the likeliest label set."""
        answer = self._labels.copy()  # several times as fast as a new dict
        answer.update(dict.fromkeys(self.predict_labels_one(x), True))
        return answer

    def predict_proba_one(
        self, x: Mapping[Any, Any], **kwargs: Any
    ) -> dict[Hashable, dict[bool, float]]:
        """Return label -> {False: 1 - p, True: p}, p the probability of the label by itself.

        :meth:`predict_one` chooses whole sets and leans to the better F1, so it may choose a
        label of p < 1/2 and leave out one of p > 1/2.
        """
        p = self._engine.probabilities(self._row(x))[0, self._columns()]
        pairs = zip(self._labels, (1 - p).tolist(), p.tolist(), strict=True)
        return {label: {False: no, True: yes} for label, no, yes in pairs}

    def predict_topk_one(self, x: Mapping[Any, Any], k: int = 5) -> list[tuple[Hashable, float]]:
        """Return the ``k`` most probable labels with their probabilities, the best first.

        Fewer where fewer labels are known; under the label tree those alone that were true
        before, and the search opens few of its nodes. Of equally
        probable ones the first seen comes first.

        >>> model = IHOMER()
        >>> for i in range(50):
        ...     model.learn_one({"a": float(i % 2)}, {"odd", "any"} if i % 2 else {"any"})
        >>> [label for label, p in model.predict_topk_one({"a": 0.0}, k=1)]
        ['any']
        """
        _check_whole("k", k, 1)
        rows = self._row(x)
        if isinstance(self._engine, LargeEngine):
            likeliest, chances = (found[0].tolist() for found in self._engine.topk(rows, k))
            found = zip(likeliest, chances, strict=True)
            return [(self._positive.names[i - 1], p) for i, p in found if i > 0]
        p = self._engine.probabilities(rows)[0, self._columns()]
        names = list(self._labels)
        return [(names[i], float(p[i])) for i in np.argsort(-p, kind="stable")[:k]]

    def partial_fit(self, X: Any, y: Any, classes: Iterable[Hashable] | None = None) -> "IHOMER":
        """Learn rows as :meth:`learn_many` does, in the manner of scikit-learn.

        Parameters
        ----------
        X, y
            As :meth:`learn_many` takes them.
        classes
            Names of the columns of y where it is an array; 0, 1, ... by default. Unlike in
            scikit-learn they may differ from call to call.
        """
        if isinstance(classes, str):
            raise UsageError.parameter("classes", "must be names, one a column of y", classes)
        if classes is not None:
            y = ArrayRows(X, y, None, list(classes)).tables[1]
        self.learn_many(X, y)
        return self

    def learn_many(self, X: Any, y: Any) -> None:
        """Learn rows in their order; the same, to the bit, as a loop of :meth:`learn_one`.

        Parameters
        ----------
        X
            (rows, features): array, DataFrame or SciPy sparse matrix of finite numbers. With
            ``inputs`` a DataFrame may also hold columns of text.
        y
            (rows, labels): array, DataFrame or SciPy sparse matrix of 0 and 1. Columns are
            named by the DataFrame, else 0, 1, ...

        Raises
        ------
        DataError
            A cell or a row is not what it must be; nothing was learned.
        UsageError
            X and y differ in their number of rows, or are not tables.
        """
        self._learn(*self._read(X, y), keep=False)

    def prequential_many(self, X: Any, y: Any) -> Choices:
        """Predict each row, then learn it; return the predictions made before learning.

        The same, to the bit, as a loop of :meth:`predict_one` and :meth:`learn_one`. Takes what
        :meth:`learn_many` takes and returns what :meth:`predict_many` returns.
        """
        chosen = self._learn(*self._read(X, y), keep=True)
        return like(X, chosen[:, self._columns()])

    def predict_many(self, X: Any) -> Choices:
        """Choose label sets: (rows, labels) bool, columns in the order of :attr:`labels_`.

        A CSR array where ``X`` is sparse.
        """
        chosen = self._engine.choices(self._rows(self._table(X)))
        return like(X, chosen[:, self._columns()])

    def predict_proba_many(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each label by itself: (rows, labels), as ``labels_``."""
        return self._engine.probabilities(self._rows(self._table(X)))[:, self._columns()]

    def save(self, path: str | os.PathLike[str], compress: bool = True) -> None:
        """Write everything to one file of arrays and JSON; whole or not at all.

        Labels and feature names must be strings, numbers, booleans, None or tuples of these.
        Without ``compress`` the file is larger and written in a tenth of the time.
        """
        UsageError.require_path("path", path)
        save_snapshot(
            Path(path),
            self._get_params() | {"inputs": self.inputs and self.inputs.to_json()},
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
        """Read what :meth:`save` wrote; the model goes on exactly as the saved one would.

        Raises
        ------
        RunError
            The file is damaged, or was written by another version of the format.
        """
        UsageError.require_path("path", path)
        params, fill, names = load_snapshot(Path(path))
        try:
            inputs = params.pop("inputs", None)
            model = cls(**params, inputs=inputs and Inputs(**inputs))
            model._engine = fill(model._engine)
            model._features = Index(0, names["features"])
            model._positive = Index(1, names["positive"])
            model._labels = dict.fromkeys(names["labels"], False)
            if not model._labels.keys() >= set(names["positive"]):
                raise ValueError("names has labels that were true but were not mentioned")
        except Exception as error:  # parts that do not fit each other
            raise damaged(Path(path), error) from error
        return model

    def _read(
        self, X: Any, y: Any
    ) -> tuple[IndexedCells, tuple[NDArray[np.int64], NDArray[np.int64]], Sequence[Hashable]]:
        """Read rows to learn; names are entered if nothing is wrong."""
        features, labels = self._table(X), read_table(y, "y")
        rows = features.start.size - 1, labels.start.size - 1
        if rows[0] != rows[1]:
            raise UsageError(
                f"X has {rows[0]} rows and y has {rows[1]}; give one row of labels for each row"
            )
        cells = self._features.read(features, learn=True)
        return cells, self._positive.read(labels, learn=True)[:2], labels.names


def _check_whole(name: str, value: object, least: int) -> None:
    if not is_whole(value, least):
        raise UsageError.parameter(name, f"must be a whole number of at least {least}", value)
    if value >= 2**62:
        raise UsageError.parameter(name, "must be below 2**62", value)
