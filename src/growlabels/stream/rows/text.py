"""Turn a text into features: words and the character n-grams inside them, hashed."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, get_args
from zlib import crc32

TextFeatures = Literal["ngrams", "words"]
TEXT_FEATURES: tuple[TextFeatures, ...] = get_args(TextFeatures)
BUCKETS = 2**16
"""Features of one text column at most; two n-grams that share a bucket share a feature."""
GRAM_SIZES = (3, 4)
"""Lengths of the character n-grams, a space at either end of the word included."""
_WORD = re.compile(r"\w+")
_WHOLE = "="  # no n-gram starts so, since words hold letters, digits and underscores


def count_features(column: str, text: str, kind: TextFeatures) -> dict[str, float]:
    """Count the features of one text.

    Parameters
    ----------
    column
        Name of the column; the same word in two columns is two features.
    text
        Any text. Words are runs of letters, digits and underscores, in lower case.
    kind
        ``"words"`` counts words alone. ``"ngrams"`` also counts the character 3- and 4-grams
        inside each word, which match plurals, misspellings and languages without spaces.

    Returns
    -------
    dict
        Feature name -> count. Names are ``"column #bucket"``; memory is bounded by ``BUCKETS``
        names for each column, however many words occur.

    Examples
    --------
    >>> count_features("subject", "Refund? REFUND now", "words")
    {'subject #44567': 2.0, 'subject #35517': 1.0}
    """
    buckets = _word if kind == "words" else _word_and_grams
    counts: Counter[int] = Counter()
    for word in _WORD.findall(text.lower()):
        counts.update(buckets(word))
    return {f"{column} #{bucket}": float(count) for bucket, count in counts.items()}


@lru_cache(maxsize=2**16)
def _word(word: str) -> tuple[int, ...]:
    return tuple(_buckets([_WHOLE + word]))


@lru_cache(maxsize=2**16)
def _word_and_grams(word: str) -> tuple[int, ...]:
    padded = f" {word} "
    grams = {padded[i : i + size] for size in GRAM_SIZES for i in range(len(padded) - size + 1)}
    return tuple(_buckets([_WHOLE + word, *sorted(grams)]))


def _buckets(parts: Iterable[str]) -> Iterable[int]:
    return (crc32(part.encode("utf-8", "surrogatepass")) % BUCKETS for part in parts)
