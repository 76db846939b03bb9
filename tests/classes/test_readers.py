"""What the classifier reads beside arrays: images, and n-grams of words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import EBVClassifier
from growlabels.classes.inputs.ngrams import hash_ngrams, hash_words
from growlabels.classes.inputs.readers import ArrayReader, ImageReader, TextReader

QUICK: Any = {"dim": 64, "hidden": 32, "epochs": 8, "batch_size": 16}


def bars(seed: int, channels: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures of a horizontal, a vertical or no bar, uint8."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, 90)
    images = random.integers(0, 60, (90, channels or 1, 9, 11))
    for image, kind in zip(images, y, strict=True):
        if kind == 0:
            image[:, random.integers(9)] += 190
        elif kind == 1:
            image[:, :, random.integers(11)] += 190
    images = images.astype(np.uint8)
    return (images if channels else images[:, 0]), np.array(["flat", "steep", "none"])[y]


@pytest.mark.parametrize("channels", [None, 3])
def test_images_are_learned_saved_and_added_to(tmp_path: Path, channels: int | None) -> None:
    x, y = bars(0, channels)
    old = y != "none"
    model = EBVClassifier(**QUICK).fit(x[old], y[old])
    model.partial_fit(x, y)
    fresh, labels = bars(1, channels)
    assert model.score(fresh, labels) > 0.8
    assert (model.predict(fresh.astype(float)) == model.predict(fresh)).all()
    model.calibrate(fresh, labels, false_rejection=0.1).save(tmp_path / "m")
    loaded = EBVClassifier.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict_proba(fresh), model.predict_proba(fresh))
    assert loaded.reject(fresh).dtype == bool


def test_images_of_another_size_or_broken_ones_are_refused() -> None:
    x, y = bars(0)
    model = EBVClassifier(**QUICK).fit(x, y)
    with pytest.raises(UsageError, match=r"1 x 9 x 10 .*fitted on 1 x 9 x 11"):
        model.predict(x[:, :, :10])
    with pytest.raises(UsageError, match=r"X holds no images"):
        model.predict(["a word"])
    with pytest.raises(UsageError, match="X holds no images"):
        model.predict(np.zeros((3, 99)))
    broken = x.astype(float)
    broken[7, 2, 2] = np.nan
    with pytest.raises(DataError, match=r"X\[7\] holds a non-finite pixel"):
        EBVClassifier(**QUICK).fit(broken, y)
    with pytest.raises(UsageError, match=r"channels last; give X.transpose\(0, 3, 1, 2\)"):
        EBVClassifier(**QUICK).fit(np.zeros((90, 9, 11, 3)), y)
    with pytest.raises(DataError, match="images of real numbers, its type was complex128"):
        EBVClassifier(**QUICK).fit(x + 1j, y)
    with pytest.raises(DataError, match="at least one pixel"):
        EBVClassifier(**QUICK).fit(x[:, :0], y)
    with pytest.raises(UsageError, match="X holds images, the model was fitted on strings"):
        EBVClassifier(**QUICK).fit(["a", "b"], [0, 1]).predict(x)
    with pytest.raises(UsageError, match="X holds images, the model was fitted on an array"):
        EBVClassifier(**QUICK).fit(np.eye(4), [0, 1, 0, 1]).predict(x)


@pytest.mark.parametrize("analyzer", ["word", "both"])
def test_words_tell_texts_apart(tmp_path: Path, analyzer: Any) -> None:
    random = np.random.default_rng(0)
    words = np.array(["pay", "bill", "song", "play", "now", "please", "my"])
    texts = [" ".join(random.permutation(words)) for _ in range(120)]
    y = ["pay bill" in text or "bill pay" in text for text in texts]
    model = EBVClassifier(analyzer=analyzer, buckets=4096, dim=64, epochs=20).fit(texts, y)
    assert model.score(texts, y) > 0.95
    assert model.predict(["pay bill", "", "!?"]).shape == (3,)
    words, characters = hash_words(texts[:2], 4096), hash_ngrams(texts[:2], 4096)
    expected = words if analyzer == "word" else characters.beside(words)
    assert isinstance(model.reader_, TextReader)
    assert model.reader_.bags(texts[:2]).buckets.tolist() == expected.buckets.tolist()
    model.save(tmp_path / "m")
    assert EBVClassifier.load(tmp_path / "m").reader_ == model.reader_


def test_an_unknown_analyzer_is_refused() -> None:
    with pytest.raises(UsageError, match="analyzer"):
        EBVClassifier(analyzer="phrase").fit(["a", "b"], [0, 1])  # pyright: ignore


def test_a_constant_column_is_not_divided_by_rounding() -> None:
    table = np.full((300, 2), 0.1)  # their mean is not quite .1
    table[0, 1] = np.nan
    assert ArrayReader.of(table).deviation.tolist() == [1.0, 1.0]
    images = np.full((7, 1, 5, 5), 0.1, np.float32)
    assert ImageReader.of(images).deviation.tolist() == [1.0]


def test_columns_too_large_to_be_squared_are_told() -> None:
    table = np.array([[0.0, 1e200], [1.0, -1e200]])
    with pytest.raises(DataError, match="column 1 of X is too large to be squared"):
        ArrayReader.of(table)
