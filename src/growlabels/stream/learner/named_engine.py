"""What IHOMER stands on: names to indices and back, and the engine in force."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from growlabels.base.errors import UsageError
from growlabels.stream.experts.engine import Engine
from growlabels.stream.experts.state import FEATURES, LABELS
from growlabels.stream.label_tree.engine import CELL_BYTES, LargeEngine
from growlabels.stream.learner.snapshot import owned
from growlabels.stream.learner.turns import Guarded
from growlabels.stream.learner.weights import Weights
from growlabels.stream.numeric.rows import Rows
from growlabels.stream.paper.engine import PaperEngine
from growlabels.stream.rows.inputs import Inputs
from growlabels.stream.rows.names import Index, IndexedCells
from growlabels.stream.rows.tables import Cells, frame_rows, read_table

Choices = NDArray[np.bool_] | sparse.csr_array


class Named(Guarded):
    """An engine, which knows indices alone, behind the names of features and labels."""

    completes_labels = True
    """A row to learn may have labels whose truth value is None: not known."""
    tree_above: int
    _engine: Engine | LargeEngine | PaperEngine
    _features: Index
    _positive: Index
    inputs: Inputs | None
    _weights: Weights
    _labels: dict[Hashable, bool]
    """All labels so far, each with False; :meth:`predict_one` copies it."""
    _last_columns: tuple[tuple[int, int], NDArray[np.int64]] = (0, 1), np.zeros(0, np.int64)

    def __setstate__(self, state: dict[str, Any]) -> None:
        state["_engine"] = owned(state["_engine"])
        self.__dict__.update(state)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor, for :func:`sklearn.base.clone`.

        Examples
        --------
        >>> from sklearn.base import clone
        >>> from growlabels.stream import IHOMER
        >>> clone(IHOMER(window=200)).window
        200
        """
        return self._get_params()  # pyright: ignore[reportAttributeAccessIssue]

    def _learn(
        self,
        features: IndexedCells,
        labels: tuple[NDArray[np.int64], NDArray[np.int64]],
        mentioned: Iterable[Hashable],
        keep: bool,
    ) -> Choices:
        rows = Rows(*features, *labels)
        if rows.x_start.size > 1:
            self._labels.update(dict.fromkeys(mentioned, False))
        if not isinstance(self._engine, Engine):
            return self._engine.learn(rows, keep)
        self._engine, chosen = learn_or_outgrow(self._engine, rows, self.tree_above, keep)
        return chosen

    def _read(
        self, X: Any, y: Any, weights: Any = None
    ) -> tuple[IndexedCells, tuple[NDArray[np.int64], NDArray[np.int64]], Sequence[Hashable]]:
        """Read rows to learn; new names are added only if all rows are valid."""
        features, labels = self._table(X), read_table(y, "y")
        rows = features.start.size - 1, labels.start.size - 1
        if rows[0] != rows[1]:
            raise UsageError(
                f"X has {rows[0]} rows and y has {rows[1]}; pass one row of labels for each row"
            )
        if rows[0]:
            self._refuse_unnamed(labels.names)
        if weights is not None:
            times = self._weights.all_times(weights, rows[0])
            features, labels = features.repeated(times), labels.repeated(times)
        cells = self._features.read(features, learn=True)
        return cells, self._positive.read(labels, learn=True)[:2], labels.names

    def _rows(self, features: Cells) -> Rows:
        """Convert features to rows without labels; no name is added."""
        return self._unlabelled(self._features.read(features, learn=False))

    def _row(self, x: Mapping[Any, Any]) -> Rows:
        """Index one row to predict; nothing is entered."""
        return self._unlabelled(self._features.read_row(self._numbers(x), learn=False))

    def has_feature(self, name: Hashable) -> bool:
        """Return whether a row that was learned had a value other than zero for this feature."""
        return name in self._features.of

    def _completed(self, x: Mapping[Any, Any], y: Any) -> Any:
        """Replace labels that are not known by what is predicted for them.

        A prediction that is learned as the truth changes little, and the label set of the row
        stays whole for the experts that count sets.
        """
        if not isinstance(y, Mapping) or None not in y.values():
            return y
        chosen = set(self.predict_labels_one(x))
        return {label: label in chosen if t is None else t for label, t in y.items()}

    def _numbers(self, x: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Return the features of a row as numbers."""
        return x if self.inputs is None else self.inputs.features(x)

    def _table(self, X: Any) -> Cells:
        """Return the features of a table as numbers."""
        columns = getattr(X, "columns", ())
        if self.inputs is None or self.inputs.named.isdisjoint(columns):
            cells = read_table(X, "X")
        else:
            cells = self.inputs.cells(frame_rows(X))
        self._refuse_unknown(cells.names)
        return cells

    def _refuse_unnamed(self, labels: Sequence[Hashable]) -> None:
        """Raise where labels are columns without names, and those of the model have names."""
        known = self._positive.of
        if not isinstance(labels, range) or not known or not labels:
            return
        if not any(name in known for name in labels):
            want = ", ".join(map(repr, list(known)[:5]))
            raise UsageError(
                f"y has no column names, and the model's labels have ({want}, ...); give a "
                "DataFrame whose columns have these names"
            )

    def _refuse_unknown(self, names: Sequence[Hashable]) -> None:
        """Raise where no column of a table is a feature that the model has learned.

        Single rows may have any names, as in every model of River: the words of a text, say.
        """
        known = self._features.of
        if known and len(names) and not any(name in known for name in names):
            have, want = (", ".join(map(repr, list(some)[:5])) for some in (names, known))
            raise UsageError(
                f"X has none of the model's {len(known):,} features ({want}, ...): it has "
                f"{have}; give the features under the names that the model was trained with"
            )

    def _unlabelled(self, features: IndexedCells) -> Rows:
        """Return rows without labels."""
        nothing = np.zeros(features[0].size, np.int64)
        return Rows(*features, nothing, nothing[:0])

    def predict_labels_one(self, x: Mapping[Any, Any]) -> list[Hashable]:
        """Return only the labels in the predicted set, which is fast with many labels."""
        chosen = self._engine.choices(self._row(x))
        dense = isinstance(chosen, np.ndarray)
        places = np.flatnonzero(chosen[0]) if dense else chosen.indices
        return [self._positive.names[place - 1] for place in places.tolist()]

    def _columns(self) -> NDArray[np.int64]:
        """Return the index of each known label; 0 if it was never true."""
        known = len(self._labels), len(self._positive)
        if self._last_columns[0] != known:
            index = [self._positive.of.get(name, 0) for name in self._labels]
            self._last_columns = known, np.array(index, np.int64)
        return self._last_columns[1]


def outgrown_at(engine: Engine, rows: Rows, most_labels: int, max_bytes: int) -> int:
    """Return the first row with more labels or linear weights than the experts can hold."""
    known = engine.experts.totals
    feature, label = rows.largest()
    most = max(int(known[LABELS]) - 1, label)
    widest = max(int(known[FEATURES]), feature + 1)
    if most <= most_labels and widest * most * CELL_BYTES <= max_bytes // 8:
        return rows.x_start.size - 1
    features = _running_most(rows.x_start, rows.x_index, int(known[FEATURES]) - 1) + 1
    labels = _running_most(rows.y_start, rows.y_index, int(known[LABELS]) - 1)
    large = (labels > most_labels) | (features * labels * CELL_BYTES > max_bytes // 8)
    return int(np.argmax(large)) if large.any() else large.size


def _running_most(
    start: NDArray[np.int64], index: NDArray[np.int64], least: int
) -> NDArray[np.int64]:
    """Return the largest index up to each row; indices ascend within a row."""
    filled = np.diff(start) > 0
    most = np.full(start.size - 1, least)
    most[filled] = index[start[1:][filled] - 1]
    return np.maximum.accumulate(np.maximum(most, least))


def learn_or_outgrow(
    engine: Engine, rows: Rows, most_labels: int, keep: bool
) -> tuple[Engine | LargeEngine, NDArray[np.bool_] | sparse.csr_array]:
    """Learn rows with the experts, and with the label tree from the first row that needs it.

    Returns the current engine and the predictions. The experts predict the first row of the tree,
    because its labels are not known before.
    """
    total, first = rows.x_start.size - 1, engine.rows
    at = outgrown_at(engine, rows, most_labels, engine.max_bytes)
    before = engine.learn(rows.part(0, at), keep)
    at = engine.rows - first
    if at == total:
        return engine, before
    asked = rows.part(at, at + 1)._replace(y_start=np.zeros(2, np.int64), y_index=rows.y_index[:0])
    last = engine.choices(asked)
    large = LargeEngine.after(engine, engine.max_bytes)
    after = large.learn(rows.part(at, total), keep)
    if not keep:
        return large, after
    parts = [sparse.csr_array(part) for part in (before, last)] + [after[1:]]
    width = after.shape[1]
    wide = [
        sparse.csr_array(
            (part.data, part.indices, part.indptr), shape=(part.indptr.size - 1, width)
        )
        for part in parts
    ]
    return large, sparse.csr_array(sparse.vstack(wide, format="csr"))


def like(X: Any, chosen: Choices) -> Choices:
    """Return the predictions as a sparse array if X is sparse, else as a dense array."""
    if sparse.issparse(X):
        return sparse.csr_array(chosen)
    return chosen if isinstance(chosen, np.ndarray) else chosen.toarray()
