"""Hashed n-grams against a loop over characters."""

import re
import zlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.classes.inputs.ngrams import _mix, hash_ngrams, hash_words

MASK = (1 << 64) - 1


def slow_mix(key: int) -> int:
    key = ((key ^ (key >> 31)) * 0x9E3779B97F4A7C15) & MASK
    return ((key ^ (key >> 29)) * 0xD6E8FEB86659FD93) & MASK


def slow_bag(text: str, buckets: int, shortest: int, longest: int) -> list[int]:
    marked = f"\x02{text.lower()}\x03"
    bag = []
    for n in range(shortest, longest + 1):
        for start in range(len(marked) - n + 1):
            key = 0
            for character in marked[start : start + n]:
                key = slow_mix((key + ord(character)) & MASK)
            bag.append(slow_mix((key + n) & MASK) % buckets)
    return bag


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.text(max_size=8), min_size=1, max_size=5),
    st.sampled_from([1, 7, 32_768]),
    st.integers(1, 2),
    st.integers(2, 5),
)
def test_equals_the_loop(texts: list[str], buckets: int, shortest: int, longest: int) -> None:
    bags = hash_ngrams(texts, buckets, shortest, longest)
    for i, text in enumerate(texts):
        bag = bags.buckets[bags.starts[i] : bags.starts[i + 1]]
        assert bag.tolist() == slow_bag(text, buckets, shortest, longest)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=6), min_size=1, max_size=6), st.data())
def test_picked_rows_are_the_bags_of_these_texts(texts: list[str], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=8))
    picked = hash_ngrams(texts).take(np.array(rows, np.int64))
    fresh = hash_ngrams([texts[i] for i in rows]) if rows else picked
    assert len(picked) == len(rows)
    assert (picked.buckets == fresh.buckets).all()
    assert (picked.starts == fresh.starts).all()


def test_surrogates_and_long_scripts() -> None:
    assert len(hash_ngrams(["\ud800", "語言", "👩‍👩‍👧"])) == 3


def test_mixing_spreads_neighbours() -> None:
    low = _mix(np.arange(100_000, dtype=np.uint64)) % np.uint64(64)
    counts = np.bincount(low.astype(np.int64), minlength=64)
    assert counts.min() > 1300
    assert counts.max() < 1850


def slow_words(text: str, buckets: int, longest: int) -> list[int]:
    words = re.findall(r"\w+", text.lower())
    bag = []
    for n in range(1, longest + 1):
        for start in range(len(words) - n + 1):
            gram = " ".join(words[start : start + n]).encode("utf-8", "surrogatepass")
            bag.append(slow_mix((zlib.crc32(gram) + (1 << 40)) & MASK) % buckets)
    return bag


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("aB c_1é\n", max_size=12), min_size=1, max_size=5), st.integers(1, 3))
def test_words_equal_the_loop_alone_and_beside_characters(texts: list[str], longest: int) -> None:
    words, characters = hash_words(texts, 999, longest), hash_ngrams(texts, 999)
    both = characters.beside(words)
    for i, text in enumerate(texts):
        bag = words.buckets[words.starts[i] : words.starts[i + 1]].tolist()
        assert bag == slow_words(text, 999, longest)
        joined = both.buckets[both.starts[i] : both.starts[i + 1]].tolist()
        assert joined == slow_bag(text, 999, 1, 4) + bag
