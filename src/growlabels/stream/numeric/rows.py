"""Rows as sparse matrices (CSR): features and labels side by side."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Rows(NamedTuple):
    """Rows as indices: features ``x`` and labels ``y``, each as in CSR, ascending in a row."""

    x_start: NDArray[np.int64]
    x_index: NDArray[np.int64]
    x_value: NDArray[np.float64]
    y_start: NDArray[np.int64]
    y_index: NDArray[np.int64]

    def part(self, begin: int, end: int) -> "Rows":
        """Return rows ``begin`` to ``end`` - 1; cells are shared."""
        if begin == 0 and end == self.x_start.size - 1:
            return self
        return self._replace(
            x_start=self.x_start[begin : end + 1], y_start=self.y_start[begin : end + 1]
        )

    def cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the features of all rows one after another, and the labels."""
        x = self.x_index[self.x_start[0] : self.x_start[-1]]
        return x, self.y_index[self.y_start[0] : self.y_start[-1]]

    def largest(self) -> tuple[int, int]:
        """Return the largest feature (-1: none) and the largest label (0: none)."""
        x, y = self.cells()
        if self.x_start.size > 2:
            return int(x.max(initial=-1)), int(y.max(initial=0))
        return int(x[-1]) if x.size else -1, int(y[-1]) if y.size else 0


def label_rows(rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the labels of rows as CSR, counted from 0."""
    return rows.y_start - rows.y_start[0], rows.cells()[1] - 1
