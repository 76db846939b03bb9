"""The language identification task: its size, its split, its seed."""

import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.demo.data.language_names import (
    LanguageNames,
    _is_test,
    _kept_names,
    _without_copies,
    load_language_names,
)


@pytest.fixture(scope="module")
def data() -> LanguageNames:
    return load_language_names(seed=0)


def test_size_with_the_cldr_of_babel_2_14_and_later(data: LanguageNames) -> None:
    babel = pytest.importorskip("babel")
    assert len(data.train_texts) == len(data.train_labels)
    assert len(data.test_texts) == len(data.test_labels)
    assert len(data.codes) == len(data.languages) == len(set(data.codes))
    if not babel.__version__.startswith("2.18"):
        pytest.skip("the exact counts belong to the CLDR of babel 2.18")
    assert len(data.codes) == 198
    assert data.n_names == 157_511
    assert (len(data.train_texts), len(data.test_texts)) == (42_212, 10_151)


def test_every_class_is_in_both_parts(data: LanguageNames) -> None:
    everything = np.arange(len(data.codes))
    assert np.array_equal(np.unique(data.train_labels), everything)
    assert np.array_equal(np.unique(data.test_labels), everything)


def test_same_seed_same_texts_other_seed_other_texts(data: LanguageNames) -> None:
    again, other = load_language_names(seed=0), load_language_names(seed=1)
    assert again.train_texts == data.train_texts and again.test_texts == data.test_texts
    assert other.train_texts != data.train_texts
    assert np.array_equal(other.train_labels, data.train_labels)


def test_texts_use_each_name_of_their_own_part_once() -> None:
    data = load_language_names(seed=3, join=1)
    names = _kept_names()
    for held_out, texts in ((False, data.train_texts), (True, data.test_texts)):
        expected = [
            name
            for code in data.codes
            for concept, name in names[code].items()
            if _is_test(concept) == held_out
        ]
        assert sorted(texts) == sorted(expected)


def test_copies_are_left_out_and_the_plain_locale_is_kept() -> None:
    names = {("t", str(i)): f"name {i}" for i in range(10)}
    half = {**dict(list(names.items())[:5]), **{("t", f"x{i}"): "x" for i in range(5)}}
    kept = _without_copies({"zz_Latn": dict(names), "zz": dict(names), "yy": half})
    assert sorted(kept) == ["yy", "zz"]


@pytest.mark.parametrize("join", [0, -1, 1.5, True])
def test_bad_join(join: object) -> None:
    with pytest.raises(UsageError, match="join must be a whole number from 1 on"):
        load_language_names(join=join)  # type: ignore[arg-type]
