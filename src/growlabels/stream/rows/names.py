"""Names of features and labels -> indices, in order of appearance.

Names that appear in the same row are ordered by their own order, so the order of a dict has no
effect.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.numeric.cells import first_rows, index_cells, sort_rows
from growlabels.stream.rows.tables import Cells, check_names, own_order, row_cells, row_items

IndexedCells = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""First cell of each row; index and value of each cell, ascending in a row."""


class Index:
    """Names -> indices from ``first`` on, in order of appearance, for ever.

    Parameters
    ----------
    first
        Index of the first name.
    names
        Names that appeared before.
    """

    def __init__(self, first: int, names: Iterable[Hashable] = ()) -> None:
        self.first = first
        self.names: list[Hashable] = list(names)
        self.of: dict[Hashable, int] = {name: first + i for i, name in enumerate(self.names)}
        self._last: tuple[Sequence[Hashable], NDArray[np.int64]] = (), np.zeros(0, np.int64)
        self._row: tuple[list[Hashable], list[Any], IndexedCells | None] = [], [], None

    def __len__(self) -> int:
        """Return the index that the next new name gets."""
        return self.first + len(self.of)

    def read_row(self, x: Mapping[Any, Any], learn: bool) -> IndexedCells:
        """Return start, index and value of the cells of one row, as :meth:`read` does.

        Most rows are predicted and then learned: the same again is not read again.
        """
        names, values = row_items(x)
        if self._row[2] is not None and names == self._row[0] and values == self._row[1]:
            return self._row[2]
        found = self.read(row_cells(names, values), learn)
        index = found[1]
        if index.size == 0 or index[-1] < len(self):  # there are no new names left in it
            self._row = names, values, found
        return found

    def read_names(self, names: list[Hashable]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return start and index of the names of one row to learn, ascending."""
        index = [self.of.get(name, -1) for name in names]
        size = len(index)
        if -1 in index:
            cells = Cells(names, np.array([0, size]), np.arange(size), np.ones(size))
            return self.read(cells, learn=True)[:2]
        return np.array([0, size]), np.array(sorted(index), np.int64)

    def read(self, cells: Cells, learn: bool) -> IndexedCells:
        """Return start of each row, and index and value of each cell, ascending within a row.

        With ``learn`` new names are entered; without it each row sees its new names under
        the indices they would get if it were learned next.
        """
        known = self._known(cells.names)
        index, unknown, ascending = index_cells(known, cells.start, cells.column)
        if unknown and learn:
            known = self._enter(cells, known)
            index, _, ascending = index_cells(known, cells.start, cells.column)
        elif unknown:
            self._number_unknown(cells, index)
            ascending = False
        if ascending:
            return cells.start, index, cells.value
        return cells.start, *sort_rows(cells.start, index, cells.value)

    def _known(self, names: Sequence[Hashable]) -> NDArray[np.int64]:
        """Give the index of each name, -1 for a new one; rows often name the same as the last."""
        if names != self._last[0]:
            known = np.array(list(map(self.of.get, names, repeat(-1))), np.int64)
            if not isinstance(names, list) or (known < 0).any():
                return known
            self._last = list(names), known
        return self._last[1]

    def _enter(self, cells: Cells, known: NDArray[np.int64]) -> NDArray[np.int64]:
        """Enter the new names, those of one row in their own order."""
        first = first_rows(known, cells.start, cells.column).tolist()
        new = [column for column, row in enumerate(first) if row >= 0]
        check_names([cells.names[column] for column in new], "feature")
        new.sort(key=lambda column: (first[column], own_order(cells.names[column])))
        known[new] = np.arange(len(self), len(self) + len(new))
        names = [cells.names[column] for column in new]
        self.of.update(zip(names, known[new].tolist(), strict=True))
        self.names.extend(names)
        return known

    def _number_unknown(self, cells: Cells, index: NDArray[np.int64]) -> None:
        """Give the unknown names of each row the indices that would be next."""
        new = np.flatnonzero(index < 0)
        column = cells.column[new]
        ordered = sorted(set(column.tolist()), key=lambda c: own_order(cells.names[c]))
        rank = np.zeros(len(cells.names), np.int64)
        rank[ordered] = np.arange(len(ordered))
        rows = np.searchsorted(cells.start, new, "right")
        order = np.lexsort((rank[column], rows))
        row_start = np.searchsorted(rows[order], rows[order])
        index[new[order]] = len(self) + np.arange(order.size) - row_start
