"""Texts as bags of hashed n-grams of characters and words: no loop over characters."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_START, _END = "\x02", "\x03"
_WORD = re.compile(r"\w+")
_OF_WORDS = np.uint64(1 << 40)  # keeps n-grams of words apart from those of characters


@dataclass(frozen=True)
class Bags:
    """One bag of bucket numbers per row, one after the other.

    Attributes
    ----------
    buckets
        ``(entries,)`` int64, the bags of all rows.
    starts
        ``(rows + 1,)`` int64: row i owns ``buckets[starts[i]:starts[i + 1]]``.
    """

    buckets: NDArray[np.int64]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, rows: NDArray[np.int64]) -> "Bags":
        """Return the bags of some rows, in their order."""
        sizes = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], sizes.cumsum()])
        inside = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        return Bags(self.buckets[np.repeat(self.starts[rows], sizes) + inside], starts)

    @classmethod
    def empty(cls, rows: int = 0) -> "Bags":
        """Return bags without entries."""
        return cls(np.zeros(0, np.int64), np.zeros(rows + 1, np.int64))

    def joined(self, other: "Bags") -> "Bags":
        """Return these rows and then the others."""
        buckets = np.concatenate([self.buckets, other.buckets])
        return Bags(buckets, np.concatenate([self.starts, other.starts[1:] + self.starts[-1]]))

    def beside(self, other: "Bags") -> "Bags":
        """Return bags that hold, row by row, what these and the other bags hold."""
        pairs = np.arange(2 * len(self)).reshape(2, -1).T.reshape(-1)
        return Bags(self.joined(other).take(pairs).buckets, self.starts + other.starts)

    def of_column(self, name: str, buckets: int) -> "Bags":
        """Return the bags in other buckets, drawn anew for the name of a column."""
        salt = np.uint64(zlib.crc32(str(name).encode("utf-8", "surrogatepass")) << 20)
        mixed = _mix(self.buckets.astype(np.uint64) + salt) % np.uint64(buckets)
        return Bags(mixed.astype(np.int64), self.starts)


def hash_ngrams(
    texts: Sequence[str], buckets: int = 32_768, shortest: int = 1, longest: int = 4
) -> Bags:
    """Hash all n-grams of code points of each text, in lower case, with marks at both ends.

    The same on every machine. A text of any length, the empty one too, has at least the
    n-grams of its marks.

    Parameters
    ----------
    texts
        The rows.
    buckets
        How many buckets; two n-grams may share one.
    shortest, longest
        Lengths of the n-grams.

    Examples
    --------
    >>> bags = hash_ngrams(["Ab", "ab", ""], longest=2)
    >>> bags.starts.tolist(), (bags.buckets[:7] == bags.buckets[7:14]).all()
    ([0, 7, 14, 17], np.True_)
    """
    marked = [f"{_START}{text.lower()}{_END}" for text in texts]
    codes = np.frombuffer("".join(marked).encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = codes.astype(np.uint64)
    lengths = np.fromiter(map(len, marked), np.int64, len(marked))
    ends = lengths.cumsum()
    row = np.repeat(np.arange(len(marked)), lengths)
    room = ends[row] - np.arange(len(codes))  # code points from here to the end of the row
    wanted = range(shortest, longest + 1)
    counts = np.stack([np.maximum(lengths - n + 1, 0) for n in wanted], 1)
    starts = np.concatenate([[0], counts.sum(1).cumsum()])
    first = starts[:-1, None] + np.cumsum(counts, 1) - counts  # (rows, lengths of n-grams)
    result = np.empty(starts[-1], np.int64)
    place = np.arange(len(codes)) - (ends - lengths)[row]
    key = np.zeros(len(codes), np.uint64)
    for n in range(1, longest + 1):
        inner = max(0, len(codes) - n + 1)
        key[:inner] = _mix(key[:inner] + codes[n - 1 :])
        if n >= shortest:
            fits = room >= n
            at = first[row[fits], n - shortest] + place[fits]
            result[at] = (_mix(key[fits] + np.uint64(n)) % np.uint64(buckets)).astype(np.int64)
    return Bags(result, starts)


def hash_words(texts: Sequence[str], buckets: int = 32_768, longest: int = 2) -> Bags:
    """Hash all n-grams of words (runs of letters, digits and underscores) of up to ``longest``.

    In lower case, the same on every machine; a text without words has none.

    Examples
    --------
    >>> hash_words(["Good morning, all", "", "good"]).starts.tolist()
    [0, 5, 5, 6]
    """
    keys: list[int] = []
    starts = [0]
    for text in texts:
        words = [word.encode("utf-8", "surrogatepass") for word in _WORD.findall(text.lower())]
        for n in range(1, longest + 1):
            keys += [zlib.crc32(b" ".join(words[i : i + n])) for i in range(len(words) - n + 1)]
        starts.append(len(keys))
    mixed = _mix(np.array(keys, np.uint64) + _OF_WORDS) % np.uint64(buckets)
    return Bags(mixed.astype(np.int64), np.array(starts))


def _mix(key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64 bits (multiply and xor-shift, wrapping); a bijection."""
    key = (key ^ (key >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    return (key ^ (key >> np.uint64(29))) * np.uint64(0xD6E8FEB86659FD93)
