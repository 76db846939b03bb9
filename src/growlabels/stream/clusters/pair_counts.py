"""Which labels occur together: decayed counts of the pairs that do, and of no others.

A row with c labels costs c(c-1)/2 + c additions, however many labels there are.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError, number_of
from growlabels.stream.numeric.numba import compiled

_EMPTY = np.int64(-1)
_MOST = 2**31 - 1
_RESCALE = 1e12  # the weight of a new row grows; counts are scaled back before this


@compiled()
def _slot(keys, key):
    """Return where a key is in the table, or the free slot where it belongs."""
    mask = keys.size - 1
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64(mixed >> np.uint64(20)) & mask
    while keys[slot] != key and keys[slot] != -1:
        slot = (slot + 1) & mask
    return slot


@compiled()
def _bad_row(indptr, indices):
    """Return the first row whose labels do not ascend from 0 to the largest index; -1: none."""
    for row in range(indptr.size - 1):
        last = -1
        for at in range(indptr[row], indptr[row + 1]):
            if indices[at] <= last or indices[at] > _MOST:
                return row
            last = indices[at]
    return -1


@compiled()
def _start(row, classes):
    """Choose the first class of pairs of a sampled row: splitmix64 of the row's number."""
    mixed = np.uint64(row) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64((mixed ^ (mixed >> np.uint64(31))) % np.uint64(classes))


@compiled()
def _add_pair(keys, values, size, first, second, weight):
    low, high = min(first, second), max(first, second)
    slot = _slot(keys, (low << 32) | high)
    if keys[slot] == -1:
        keys[slot] = (low << 32) | high
        values[slot] = 0.0
        size[0] += 1
    values[slot] += weight


@compiled()
def _add_rows(
    indptr, indices, begin, roomy, keys, values, counts, scalars, size, limit, growth, row_pairs
):
    """Add rows from ``begin`` on; return the first row that finds no room in the table.

    ``roomy`` says that room was made for the row ``begin``, even above the limit.
    ``scalars`` holds the weight of the next row, the weighted number of rows, the error bound
    and the number of rows seen; all but the last share one scale.
    """
    for row in range(begin, indptr.size - 1):
        labels = indices[indptr[row] : indptr[row + 1]]
        c = labels.size
        exact = c * (c - 1) // 2
        needed = max(min(exact, row_pairs), min(exact, c))
        if needed and size[0] + needed > limit and not (roomy and row == begin):
            return row
        weight = scalars[0]
        for label in labels:
            counts[label] += weight
        if exact <= row_pairs:
            for i in range(c):
                for j in range(i + 1, c):
                    _add_pair(keys, values, size, labels[i], labels[j], weight)
        else:  # classes of pairs by circular distance; some of them, each weighted up
            classes = c // 2
            taken = max(1, row_pairs // c)
            start = _start(np.int64(scalars[3]), classes)
            for step in range(taken):
                distance = 1 + (start + step) % classes
                ends = c // 2 if 2 * distance == c else c
                for i in range(ends):
                    other = labels[(i + distance) % c]
                    _add_pair(keys, values, size, labels[i], other, weight * classes / taken)
        scalars[1] += weight
        scalars[3] += 1.0
        scalars[0] = weight * growth
        if scalars[0] > _RESCALE:
            scale = 1.0 / scalars[0]
            for k in range(values.size):
                values[k] *= scale
            for k in range(counts.size):
                counts[k] *= scale
            for k in range(3):
                scalars[k] *= scale
    return indptr.size - 1


@compiled()
def _insert_all(keys, values, table_keys, table_values):
    for i in range(keys.size):
        slot = _slot(table_keys, keys[i])
        table_keys[slot] = keys[i]
        table_values[slot] = values[i]


class PairCounts:
    """Decayed counts of labels and of pairs of labels, in a table of bounded size.

    Parameters
    ----------
    half_life
        Rows after which a row counts half; None: rows never fade.
    max_pairs
        Pairs kept, at least 16. When there are more, the weaker half is dropped; see
        :attr:`undercount`.
    row_pairs
        A row with more pairs than this adds a sample of about so many, each weighted up so
        that expected counts stay right.

    Attributes
    ----------
    max_links
        Pairs that may be significant, the most frequent first; None: all.

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
        self.max_pairs = int(max_pairs)
        self.row_pairs = int(row_pairs)
        self.max_links: int | None = None
        self._growth = 1.0 if half_life is None else 2.0 ** (1.0 / number_of(half_life))
        self._keys = np.full(64, _EMPTY)
        self._values = np.zeros(64)
        self._size = np.zeros(1, np.int64)
        self._limit = min(32, self.max_pairs)
        self._counts = np.zeros(64)
        self._labels = 0
        self._scalars = np.array([1.0, 0.0, 0.0, 0.0])
        self._in_order: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None

    def learn(self, labels: NDArray[np.int64]) -> None:
        """Add one row, given as its label indices; see :meth:`learn_rows`."""
        labels = np.asarray(labels)
        self.learn_rows(np.array([0, labels.size], np.int64), labels)

    def learn_rows(self, indptr: NDArray[np.int64], indices: NDArray[np.int64]) -> None:
        """Add the rows of a CSR matrix; the same, to the bit, as :meth:`learn` row by row.

        Parameters
        ----------
        indptr, indices
            Row r holds the label indices ``indices[indptr[r]:indptr[r + 1]]``, ascending, from
            0 to 2**31 - 1; a count is kept for each index up to the largest.

        Raises
        ------
        DataError
            A row's labels are not such; nothing was learned.
        UsageError
            These are no arrays of whole numbers, or ``indptr`` does not fit ``indices``.
        """
        indptr, indices = _whole("indptr", indptr), _whole("indices", indices)
        if not (indptr.size and indptr[0] == 0 and indptr[-1] <= indices.size) or (
            (indptr[1:] < indptr[:-1]).any()
        ):
            raise UsageError(
                f"indptr must rise from 0 to at most the {indices.size} indices, it does not; "
                "pass indptr and indices of one CSR matrix"
            )
        if (bad := _bad_row(indptr, indices)) >= 0:
            labels = indices[indptr[bad] : indptr[bad + 1]]
            raise DataError(
                f"row {bad} (counting from 0): label indices must ascend from 0 to at most {_MOST} "
                f"without repeats, they were {_shown(labels)}; sort them and drop repeats"
            )
        if indptr[-1]:
            self._labels = max(self._labels, int(indices[: indptr[-1]].max()) + 1)
            self._cover()
        row, roomy = 0, False
        while True:
            self._in_order = None
            row = _add_rows(
                indptr, indices, row, roomy, self._keys, self._values, self._counts, self._scalars,
                self._size, self._limit, self._growth, self.row_pairs,
            )  # fmt: skip
            if row == indptr.size - 1:
                return
            self._make_room(int(indptr[row + 1] - indptr[row]))
            roomy = True

    def restart(self) -> None:
        """Forget all rows, but not which labels there are."""
        self._counts[:] = 0.0
        self._scalars[:3] = 1.0, 0.0, 0.0
        self._rebuild(np.zeros(0, np.int64), np.zeros(0), 0)

    @property
    def n_bytes(self) -> int:
        """Bytes of its arrays."""
        return self._keys.nbytes + self._values.nbytes + self._counts.nbytes

    @property
    def n(self) -> float:
        """Number of rows, decayed."""
        return float(self._scalars[1] / self._newest)

    @property
    def counts(self) -> NDArray[np.float64]:
        """Rows that carry each label, decayed: one figure per label index."""
        return self._counts[: self._labels] / self._newest

    @property
    def undercount(self) -> float:
        """How much lower than the truth a pair's count can be, because pairs were dropped.

        No count is too high (rows that were sampled apart); a pair that is not in the table
        has a true count of at most this. 0 until the table was full for the first time.
        """
        return float(self._scalars[2] / self._newest)

    @property
    def _newest(self) -> float:
        return float(self._scalars[0]) / self._growth

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return (a, b, rows that carry both, decayed), a < b, in the order of (a, b)."""
        keys, values = self._sorted()
        return keys >> 32, keys & 0xFFFFFFFF, values / self._newest

    def jaccard(self, kappa: float = 1.0) -> NDArray[np.float64]:
        """Return n_ab / (n_a + n_b - n_ab + kappa) for each pair of :meth:`pairs`, in [0, 1].

        ``kappa`` rows that carry one label of the two shrink the figure of rare labels.
        """
        a, b, both = self.pairs()
        counts = self.counts
        return both / (np.maximum(counts[a] + counts[b] - both, both) + kappa)

    def chance(self) -> NDArray[np.float64]:
        """Return the Jaccard index each pair of :meth:`pairs` would have by chance.

        That is for independent labels with these counts: n_a n_b / n rows would carry both.
        """
        a, b, _ = self.pairs()
        counts = self.counts
        both = counts[a] * counts[b] / max(self.n, 1e-300)
        return both / np.maximum(counts[a] + counts[b] - both, 1e-300)

    def significant(self, z: float = 3.0) -> NDArray[np.bool_]:
        """Say which pairs of :meth:`pairs` occur together more often than chance explains.

        The lower end of Wilson's interval, ``z`` standard errors wide, for the Jaccard index
        must exceed :meth:`chance`.
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
        """Give the whole state as plain arrays, for saving."""
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
        """Rebuild from :meth:`arrays`; goes on exactly as the original would."""
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
        if self._in_order is None:
            used = np.flatnonzero(self._keys != _EMPTY)
            used = used[np.argsort(self._keys[used])]
            self._in_order = self._keys[used], self._values[used]
        return self._in_order

    def _cover(self) -> None:
        if self._labels > self._counts.size:
            grown = np.zeros(max(self._labels, 2 * self._counts.size))
            grown[: self._counts.size] = self._counts
            self._counts = grown

    def _make_room(self, labels: int) -> None:
        """Grow the table up to its limit; at the limit, drop the weaker half of the pairs."""
        pairs = labels * (labels - 1) // 2
        needed = max(min(pairs, self.row_pairs), min(pairs, labels))
        keys, values = self._sorted()
        if keys.size + needed > self.max_pairs and keys.size:
            order = np.argsort(values, kind="stable")  # equal counts: the smaller pair goes
            dropped, kept = np.split(order, [max(keys.size - self.max_pairs // 2, 0)])
            if dropped.size:
                self._scalars[2] += values[dropped[-1]]
                keys, values = keys[kept], values[kept]
        self._rebuild(keys, values, keys.size + needed)

    def _rebuild(self, keys: NDArray[np.int64], values: NDArray[np.float64], room: int) -> None:
        capacity = 2 << max(int(room).bit_length(), 5)
        self._keys = np.full(capacity, _EMPTY)
        self._values = np.zeros(capacity)
        _insert_all(keys, values, self._keys, self._values)
        self._size[0] = keys.size
        self._in_order = None
        self._limit = min(capacity // 2, self.max_pairs)


def _whole(name: str, values: NDArray[np.int64]) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise UsageError(
            f"{name} must be one row of whole numbers, it was of dtype {array.dtype} and shape "
            f"{array.shape}; convert it"
        )
    return np.ascontiguousarray(array, np.int64)


def _shown(labels: NDArray[np.int64]) -> str:
    return str(labels[:6].tolist())[:-1] + (", ...]" if labels.size > 6 else "]")
