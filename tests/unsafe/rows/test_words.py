"""Hashed TF-IDF against scikit-learn's."""

import tracemalloc

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from growlabels.unsafe.rows.words import InverseFrequencies, TextCounts, count_words

WORDS = ["eval", "code", "json", "load", "return", "value", "naïve", "列表", "a", "__x__"]
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), min_size=1)


def cosines(pool: list[str], targets: list[str]) -> np.ndarray:
    frequencies = InverseFrequencies()
    counted = count_words(pool)
    frequencies.add(counted)
    return frequencies.cosines(counted, count_words(targets))


@settings(deadline=None, max_examples=40)
@given(texts, texts)
def test_cosines_equal_those_of_scikit_learn(pool: list[str], targets: list[str]) -> None:
    """Where every word is known: an unknown word has an unseen word's weight here, none there."""
    pool = [*pool, " ".join(WORDS)]
    vectorizer = TfidfVectorizer(sublinear_tf=True).fit(pool)
    expected = vectorizer.transform(pool) @ vectorizer.transform(targets).T
    np.testing.assert_allclose(cosines(pool, targets), expected.toarray(), atol=1e-6)


def test_words_are_counted_per_text() -> None:
    counted = count_words(["one two two", "", "two"])
    assert counted.offsets.tolist() == [0, 2, 2, 3]
    assert sorted(counted.counts.tolist()) == [1, 1, 2]


def test_text_without_words_is_like_nothing() -> None:
    assert cosines(["", "word"], ["", "word"]).tolist() == [[0.0, 0.0], [0.0, 1.0]]


def test_frequencies_add_up_over_shards() -> None:
    pool, targets = ["eval code", "load json", "eval value"], ["eval json"]
    split = InverseFrequencies()
    for text in pool:
        split.add(count_words([text]))
    whole = InverseFrequencies()
    whole.add(count_words(pool))
    counted, wanted = count_words(pool), count_words(targets)
    np.testing.assert_array_equal(split.cosines(counted, wanted), whole.cosines(counted, wanted))


def test_memory_does_not_grow_with_the_vocabulary_times_the_targets() -> None:
    texts = [f"word{i} eval" for i in range(300)]
    tracemalloc.start()
    cosines(texts, texts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * (300 * 300 + 5 * 2**20)


def test_no_texts() -> None:
    assert isinstance(count_words([]), TextCounts)
    assert len(count_words([])) == 0
