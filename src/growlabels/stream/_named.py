"""What IHOMER stands on: names to indices and back, and the engine in force."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from growlabels.stream._engine import Engine, Rows
from growlabels.stream._features import Cells
from growlabels.stream._index import Index, IndexedCells
from growlabels.stream._large_engine import LargeEngine, learn_or_outgrow
from growlabels.stream._owned import owned
from growlabels.stream._paper import PaperEngine

Choices = NDArray[np.bool_] | sparse.csr_array


class Named:
    """An engine, which knows indices alone, behind the names of features and labels."""

    tree_above: int
    _engine: Engine | LargeEngine | PaperEngine
    _features: Index
    _positive: Index
    _labels: dict[Hashable, bool]
    """All labels so far, each False: what :meth:`predict_one` starts from."""
    _last_columns: tuple[tuple[int, int], NDArray[np.int64]] = (0, 1), np.zeros(0, np.int64)

    def __setstate__(self, state: dict[str, Any]) -> None:
        state["_engine"] = owned(state["_engine"])
        self.__dict__.update(state)

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

    def _rows(self, features: Cells) -> Rows:
        """Index rows to predict; nothing is entered."""
        return self._unlabelled(self._features.read(features, learn=False))

    def _row(self, x: Mapping[Any, Any]) -> Rows:
        """Index one row to predict; nothing is entered."""
        return self._unlabelled(self._features.read_row(x, learn=False))

    def _unlabelled(self, features: IndexedCells) -> Rows:
        nothing = np.zeros(features[0].size, np.int64)
        return Rows(*features, nothing, nothing[:0])

    def _chosen_one(self, x: Mapping[Any, Any]) -> list[Hashable]:
        """Return the labels of the likeliest set alone, of however many there are."""
        chosen = self._engine.choices(self._row(x))
        dense = isinstance(chosen, np.ndarray)
        places = np.flatnonzero(chosen[0]) if dense else chosen.indices
        return [self._positive.names[place - 1] for place in places.tolist()]

    def _columns(self) -> NDArray[np.int64]:
        """Give each known label's index; 0 where it was never true."""
        known = len(self._labels), len(self._positive)
        if self._last_columns[0] != known:
            index = [self._positive.of.get(name, 0) for name in self._labels]
            self._last_columns = known, np.array(index, np.int64)
        return self._last_columns[1]
