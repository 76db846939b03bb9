"""Text as hashed word counts, and the cosine of their TF-IDF weights.

Each row's counts are kept, the document frequencies come from the whole pool, so that new
targets are compared with every row without its text and without a fitted vocabulary.
"""

import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

WORDS = 2**20
"""Size of the hashed vocabulary; two frequent words share a place about once in ten thousand."""


@dataclass(frozen=True)
class TextCounts:
    """Word counts of some texts, one after the other.

    Attributes
    ----------
    words
        Hashed word of every entry, ascending within a text.
    counts
        How often it occurs in the text, at least 1.
    offsets
        Text ``i`` has the entries ``offsets[i]:offsets[i + 1]``.
    """

    words: Int[np.ndarray, " entries"]
    counts: Int[np.ndarray, " entries"]
    offsets: Int[np.ndarray, " texts_and_one"]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def count_words(texts: Iterable[str]) -> TextCounts:
    """Count the words (two or more letters, digits or underscores, lower case) of each text.

    >>> count_words(["run eval, run"]).counts.tolist()
    [1, 2]
    """
    from sklearn.feature_extraction.text import CountVectorizer

    split = CountVectorizer().build_analyzer()
    words: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    offsets = [0]
    for text in texts:
        found = Counter(zlib.crc32(word.encode()) % WORDS for word in split(text))
        order = sorted(found)
        words.append(np.array(order, np.int32))
        counts.append(np.array([found[word] for word in order], np.int32))
        offsets.append(offsets[-1] + len(order))
    empty = [np.empty(0, np.int32)]
    return TextCounts(
        np.concatenate(words or empty), np.concatenate(counts or empty), np.array(offsets, np.int64)
    )


class InverseFrequencies:
    """Document frequencies of a pool, and the weights that follow from them.

    A word in ``df`` of ``n`` texts weighs ``log((1 + n) / (1 + df)) + 1``, times
    ``1 + log(count)``; each text has unit length.
    """

    def __init__(self) -> None:
        self._frequency = np.zeros(WORDS, np.int64)
        self._texts = 0

    def add(self, texts: TextCounts) -> None:
        """Count the texts of one shard."""
        self._frequency += np.bincount(texts.words, minlength=WORDS)
        self._texts += len(texts)

    def weights(self, texts: TextCounts) -> Float[np.ndarray, " entries"]:
        """Return the TF-IDF weight of every entry; each text has unit length."""
        inverse = np.log((1 + self._texts) / (1 + self._frequency[texts.words])) + 1
        weight = (1 + np.log(texts.counts)) * inverse
        owner = np.repeat(np.arange(len(texts)), np.diff(texts.offsets))
        norm = np.sqrt(np.bincount(owner, weight**2, minlength=len(texts)))
        return weight / norm[owner]

    def cosines(self, rows: TextCounts, targets: TextCounts) -> Float[np.ndarray, "rows targets"]:
        """Return the cosine of every row with every target, from 0 to 1."""
        owner = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))
        weight, wanted = self.weights(rows), self.weights(targets)
        target = np.zeros(WORDS, np.float32)
        result = np.zeros((len(rows), len(targets)))
        for index, (start, end) in enumerate(pairwise(targets.offsets)):
            words = targets.words[start:end]
            target[words] = wanted[start:end]
            result[:, index] = np.bincount(owner, weight * target[rows.words], minlength=len(rows))
            target[words] = 0
        return result
