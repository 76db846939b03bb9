"""What IHOMER stands on: names to indices and back, and the engine in force."""

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from growlabels.stream._engine import Engine, Rows
from growlabels.stream._features import Cells, Index
from growlabels.stream._large_engine import LargeEngine, outgrow, outgrown_at
from growlabels.stream._paper import PaperEngine

Choices = NDArray[np.bool_] | sparse.csr_array


class Named:
    """An engine, which knows indices alone, behind the names of features and labels."""

    tree_above: int
    max_bytes: int
    _engine: Engine | LargeEngine | PaperEngine
    _features: Index
    _positive: Index
    _labels: dict[Hashable, None]

    def _learn(
        self, features: Cells, labels: Cells, mentioned: Iterable[Hashable], keep: bool
    ) -> Choices:
        x_index, x_value = self._features.read(features, learn=True)
        y_index, _ = self._positive.read(labels, learn=True)
        if features.start.size > 1:
            self._labels.update(dict.fromkeys(mentioned))
        rows = Rows(features.start, x_index, x_value, labels.start, y_index)
        if not isinstance(self._engine, Engine):
            return self._engine.learn(rows, keep)
        at = outgrown_at(self._engine, rows, self.tree_above, self.max_bytes)
        if at == rows.x_start.size - 1:
            return self._engine.learn(rows, keep)
        self._engine, chosen = outgrow(self._engine, rows, at, self.max_bytes, keep)
        return chosen

    def _rows(self, features: Cells) -> Rows:
        """Index rows to predict; nothing is entered."""
        x_index, x_value = self._features.read(features, learn=False)
        nothing = np.zeros(features.start.size, np.int64)
        return Rows(features.start, x_index, x_value, nothing, np.zeros(0, np.int64))

    def _columns(self) -> NDArray[np.int64]:
        """Give each known label's index; 0 where it was never true."""
        get = self._positive.of.get
        return np.fromiter((get(name, 0) for name in self._labels), np.int64, len(self._labels))
