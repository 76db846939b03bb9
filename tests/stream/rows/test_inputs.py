"""Rows as people have them become features, and the model that was trained so serves so."""

from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import base
from sklearn.base import clone

from growlabels.base.errors import DataError, UsageError
from growlabels.stream import IHOMER, Inputs
from growlabels.stream.rows.text import BUCKETS, count_features

TITLES = [
    ("merge two data frames", {"pandas"}),
    ("ggplot axis labels", {"r"}),
    ("merge data in ggplot", {"pandas", "r"}),
]
INPUTS = Inputs(text=("title",), drop=("id",), labels=("tags",))


def row(number: int) -> dict[str, object]:
    title, tags = TITLES[number % 3]
    return {"title": title, "id": f"row {number}", "n": number % 2, "tags": sorted(tags)}


def trained(rows: int = 60) -> IHOMER:
    model = IHOMER(inputs=INPUTS)
    for number in range(rows):
        model.learn_one(row(number), TITLES[number % 3][1])
    return model


def test_a_saved_model_takes_the_rows_that_it_was_trained_on(tmp_path: Path) -> None:
    model = trained()
    model.save(tmp_path / "model.zip")
    loaded = IHOMER.load(tmp_path / "model.zip")
    assert loaded.inputs == INPUTS
    for number in range(3):
        asked = row(number)
        assert loaded.predict_one(asked) == model.predict_one(asked)
        assert {k for k, there in loaded.predict_one(asked).items() if there} == TITLES[number][1]
    assert loaded.predict_one({"title": "ggplots"})["r"]  # shares character n-grams


def test_features_may_be_passed_again_and_hold_no_other_column() -> None:
    found = INPUTS.features(row(1))
    assert INPUTS.features(found) is found
    assert found["n"] == 1
    assert all(name == "n" or str(name).startswith("title #") for name in found)
    assert INPUTS.features({"title": None, "n": None}) == {}
    assert INPUTS.features({"n": 2.0}) == {"n": 2.0}


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_a_frame_of_texts_gives_the_bits_of_single_rows(frame: type) -> None:
    table = frame([{k: v for k, v in row(i).items() if k != "tags"} for i in range(60)])
    truth = [[label in TITLES[i % 3][1] for label in ("pandas", "r")] for i in range(60)]
    many = IHOMER(inputs=INPUTS)
    many.learn_many(table, pd.DataFrame(truth, columns=["pandas", "r"]))
    one = IHOMER(inputs=INPUTS)
    for number in range(60):
        one.learn_one(row(number), dict(zip(("pandas", "r"), truth[number], strict=True)))
    asked = [{"title": "merge ggplot axis", "n": 1}, {"title": "frames", "n": 0}]
    together = many.predict_proba_many(frame(asked))
    for place, single in enumerate(asked):
        chances = one.predict_proba_one(single)
        assert together[place].tolist() == [chances["pandas"][True], chances["r"][True]]


@given(st.text(), st.sampled_from(["ngrams", "words"]))
def test_every_text_has_bounded_counts(text: str, kind: str) -> None:
    found = count_features("t", text, kind)  # type: ignore[arg-type]
    assert all(int(name.removeprefix("t #")) < BUCKETS for name in found)
    assert all(count >= 1 for count in found.values())
    assert count_features("t", text.upper().lower(), kind) == count_features(  # type: ignore[arg-type]
        "t",
        text.upper(),
        kind,  # type: ignore[arg-type]
    )


def test_the_words_are_among_the_ngrams() -> None:
    words, ngrams = (count_features("t", "data data frame", k) for k in ("words", "ngrams"))
    assert words.items() <= ngrams.items()
    assert sorted(words.values()) == [1, 2]


def test_copies_keep_the_inputs() -> None:
    model = trained(3)
    assert model.clone().inputs == INPUTS
    assert isinstance(clone(model), base.MultiLabelClassifier)
    assert clone(model).inputs == INPUTS
    assert clone(model).n_rows == 0


def test_wrong_inputs_are_one_sentence() -> None:
    with pytest.raises(UsageError, match="column 'a' is named twice in the inputs"):
        Inputs(text=("a",), drop=("a",))
    with pytest.raises(UsageError, match="text must be a sequence of column names"):
        Inputs(text="title")
    with pytest.raises(UsageError, match="text_features must be"):
        Inputs(text_features="letters")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="text 'title' must be a string, it was int: 3"):
        trained(1).predict_one({"title": 3})
