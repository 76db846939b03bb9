"""Count which labels occur together; only pairs that occur are stored.

A row with c labels costs c(c-1)/2 + c additions, whatever the total number of labels.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError, number_of
from growlabels.stream.clusters.pair_table import EMPTY, MOST, add_rows, bad_row, insert_all


class PairCounts:
    """Count labels and pairs of labels with exponential decay, in a table of bounded size.

    Parameters
    ----------
    half_life
        Number of rows after which a row has half its weight, above 0. With None, the default,
        rows keep their weight.
    max_pairs
        Largest number of pairs in the table, at least 16; default 1,000,000. When the table is
        full, the less frequent half is dropped; see :attr:`undercount`.
    row_pairs
        Largest number of pairs that one row adds, at least 1; default 2,048. A row with more
        pairs adds a sample of about this size, reweighted so that expected counts are unbiased.

    Attributes
    ----------
    max_links
        Largest number of pairs that :meth:`significant` keeps, the most frequent first; with
        None, the default, it keeps all.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = PairCounts()
    >>> for labels in ([0, 1], [0, 1], [0, 1], [2]):
    ...     pairs.learn(np.array(labels))
    >>> [array.tolist() for array in pairs.pairs()]
    [[0], [1], [3.0]]
    >>> pairs.jaccard(kappa=0.0)
    array([1.])
    """

    def __init__(
        self, half_life: float | None = None, max_pairs: int = 1_000_000, row_pairs: int = 2048
    ) -> None:
        if half_life is not None and not number_of(half_life) > 0:
            raise UsageError.parameter("half_life", "must be above 0 rows, or None", half_life)
        UsageError.require_whole("max_pairs", max_pairs, 16)
        UsageError.require_whole("row_pairs", row_pairs)
        self.half_life = half_life
        self.max_pairs: int = int(max_pairs)
        self.row_pairs: int = int(row_pairs)
        self.max_links: int | None = None
        self._growth = 1.0 if half_life is None else 2.0 ** (1.0 / number_of(half_life))
        self._keys = np.full(64, EMPTY)
        self._values = np.zeros(64)
        self._size = np.zeros(1, np.int64)
        self._limit = min(32, self.max_pairs)
        self._counts = np.zeros(64)
        self._labels = 0
        self._scalars = np.array([1.0, 0.0, 0.0, 0.0])
        self._in_order: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None

    def learn(self, labels: NDArray[np.int64]) -> None:
        """Add one row, given as its ascending label indices; see :meth:`learn_rows`."""
        labels = np.asarray(labels)
        self.learn_rows(np.array([0, labels.size], np.int64), labels)

    def learn_rows(self, indptr: NDArray[np.int64], indices: NDArray[np.int64]) -> None:
        """Add the rows of a CSR matrix; the counts equal those of :meth:`learn` row by row.

        Parameters
        ----------
        indptr
            Array of shape (rows + 1,), ascending from 0. Row r holds the labels
            ``indices[indptr[r]:indptr[r + 1]]``.
        indices
            Label indices, whole numbers from 0 to 2**31 - 1, ascending within a row. Memory is
            proportional to the largest index.

        Raises
        ------
        DataError
            If a row's labels are unsorted, repeated or out of range; no row is learned.
        UsageError
            If an array is not one-dimensional and of whole numbers, or if ``indptr`` does not
            fit ``indices``.
        """
        indptr, indices = _whole("indptr", indptr), _whole("indices", indices)
        if not (indptr.size and indptr[0] == 0 and indptr[-1] <= indices.size) or (
            (indptr[1:] < indptr[:-1]).any()
        ):
            raise UsageError(
                f"indptr must ascend from 0 to at most {indices.size}, the number of indices; "
                "pass the indptr and indices of one CSR matrix"
            )
        if (bad := bad_row(indptr, indices)) >= 0:
            labels = indices[indptr[bad] : indptr[bad + 1]]
            raise DataError(
                f"row {bad} (counting from 0): label indices must ascend from 0 to at most {MOST} "
                f"without repeats, got {_shown(labels)}; sort them and drop the repeats"
            )
        if indptr[-1]:
            self._labels = max(self._labels, int(indices[: indptr[-1]].max()) + 1)
            self._cover()
        row, fits = 0, False
        while True:
            self._in_order = None
            row = add_rows(
                indptr, indices, row, fits, self._keys, self._values, self._counts, self._scalars,
                self._size, self._limit, self._growth, self.row_pairs,
            )  # fmt: skip
            if row == indptr.size - 1:
                return
            self._make_space(int(indptr[row + 1] - indptr[row]))
            fits = True

    def restart(self) -> None:
        """Reset all counts to 0; the labels stay known."""
        self._counts[:] = 0.0
        self._scalars[:3] = 1.0, 0.0, 0.0
        self._rebuild(np.zeros(0, np.int64), np.zeros(0), 0)

    @property
    def n_bytes(self) -> int:
        """Return the size of the arrays in bytes."""
        return self._keys.nbytes + self._values.nbytes + self._counts.nbytes

    @property
    def n(self) -> float:
        """Return the decayed number of rows."""
        return float(self._scalars[1] / self._newest)

    @property
    def counts(self) -> NDArray[np.float64]:
        """Return the decayed number of rows with each label, by label index."""
        return self._counts[: self._labels] / self._newest

    @property
    def undercount(self) -> float:
        """Return by how much a pair's count can be too low because pairs were dropped.

        A pair that is missing from the table has a true count of at most this value. No count
        is too high, apart from rows that were sampled. The value is 0 until the table is full
        for the first time.
        """
        return float(self._scalars[2] / self._newest)

    @property
    def _newest(self) -> float:
        """Return the weight of the last row."""
        return float(self._scalars[0]) / self._growth

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return arrays (a, b, decayed number of rows with both), a < b, sorted by (a, b)."""
        keys, values = self._sorted()
        return keys >> 32, keys & 0xFFFFFFFF, values / self._newest

    def jaccard(self, kappa: float = 1.0) -> NDArray[np.float64]:
        """Return n_ab / (n_a + n_b - n_ab + kappa) for each pair of :meth:`pairs`, in [0, 1].

        ``kappa`` adds that many rows with only one of the two labels; it shrinks the index of
        rare labels. It is at least 0; default 1.
        """
        a, b, both = self.pairs()
        counts = self.counts
        return both / (np.maximum(counts[a] + counts[b] - both, both) + kappa)

    def chance(self) -> NDArray[np.float64]:
        """Return the Jaccard index that each pair of :meth:`pairs` would have by chance.

        Independent labels with these counts would occur together in n_a n_b / n rows.
        """
        a, b, _ = self.pairs()
        counts = self.counts
        both = counts[a] * counts[b] / max(self.n, 1e-300)
        return both / np.maximum(counts[a] + counts[b] - both, 1e-300)

    def significant(self, z: float = 3.0) -> NDArray[np.bool_]:
        """Return which pairs of :meth:`pairs` occur together more often than by chance.

        The lower bound of the Wilson interval for the Jaccard index must exceed
        :meth:`chance`. ``z`` is the half-width of the interval in standard errors, at least 0;
        default 3.
        """
        a, b, both = self.pairs()
        counts = self.counts
        union = np.maximum(counts[a] + counts[b] - both, both)
        share = both / np.maximum(union, 1e-300)
        middle = share + z * z / (2 * union)
        width = z * np.sqrt(share * (1 - share) / union + (z / (2 * union)) ** 2)
        lower = (middle - width) / (1 + z * z / union)
        kept = lower > self.chance()
        if self.max_links is not None and np.count_nonzero(kept) > self.max_links:
            links = np.flatnonzero(kept)
            kept[links[np.argsort(-both[links], kind="stable")[self.max_links :]]] = False
        return kept

    def arrays(self) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
        """Return the whole state as plain arrays, for saving."""
        keys, values = self._sorted()
        half_life = math.inf if self.half_life is None else self.half_life
        return {
            "keys": keys.copy(),
            "values": values.copy(),
            "counts": self._counts[: self._labels].copy(),
            "scalars": self._scalars.copy(),
            "half_life": np.array([half_life]),
            "limits": np.array([self.max_pairs, self.row_pairs]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "PairCounts":
        """Rebuild counts from :meth:`arrays`; they continue exactly as the original would."""
        half_life = float(arrays["half_life"][0])
        max_pairs, row_pairs = (int(limit) for limit in arrays["limits"])
        made = cls(None if math.isinf(half_life) else half_life, max_pairs, row_pairs)
        made._counts = np.array(arrays["counts"], np.float64)
        made._labels = made._counts.size
        made._scalars = np.array(arrays["scalars"], np.float64)
        keys = np.array(arrays["keys"], np.int64)
        made._rebuild(keys, np.array(arrays["values"], np.float64), keys.size)
        return made

    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the keys and values of the table, sorted by key."""
        if self._in_order is None:
            used = np.flatnonzero(self._keys != EMPTY)
            used = used[np.argsort(self._keys[used])]
            self._in_order = self._keys[used], self._values[used]
        return self._in_order

    def _cover(self) -> None:
        """Grow the array of label counts to the number of labels."""
        if self._labels > self._counts.size:
            grown = np.zeros(max(self._labels, 2 * self._counts.size))
            grown[: self._counts.size] = self._counts
            self._counts = grown

    def _make_space(self, labels: int) -> None:
        """Grow the table up to its limit; at the limit, drop the less frequent half."""
        pairs = labels * (labels - 1) // 2
        needed = max(min(pairs, self.row_pairs), min(pairs, labels))
        keys, values = self._sorted()
        if keys.size + needed > self.max_pairs and keys.size:
            order = np.argsort(values, kind="stable")  # among equal counts, drop the smaller pair
            dropped, kept = np.split(order, [max(keys.size - self.max_pairs // 2, 0)])
            if dropped.size:
                self._scalars[2] += values[dropped[-1]]
                keys, values = keys[kept], values[kept]
        self._rebuild(keys, values, keys.size + needed)

    def _rebuild(self, keys: NDArray[np.int64], values: NDArray[np.float64], space: int) -> None:
        """Make a new table with these pairs and space for at least ``space`` pairs."""
        capacity = 2 << max(int(space).bit_length(), 5)
        self._keys = np.full(capacity, EMPTY)
        self._values = np.zeros(capacity)
        insert_all(keys, values, self._keys, self._values)
        self._size[0] = keys.size
        self._in_order = None
        self._limit = min(capacity // 2, self.max_pairs)


def _whole(name: str, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the values as a one-dimensional array of whole numbers."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise UsageError(
            f"{name} must be a one-dimensional array of whole numbers, got dtype {array.dtype} "
            f"and shape {array.shape}; convert it"
        )
    return np.ascontiguousarray(array, np.int64)


def _shown(labels: NDArray[np.int64]) -> str:
    """Return the first six labels as text."""
    return str(labels[:6].tolist())[:-1] + (", ...]" if labels.size > 6 else "]")
