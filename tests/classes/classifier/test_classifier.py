"""EBVClassifier: scikit-learn's contract, texts, growth, determinism, errors."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import EBVClassifier

QUICK = {"hidden": 64, "dim": 64, "epochs": 12, "batch_size": 16}
TEXT = {"hidden": 32, "embedding": 16, "buckets": 512, "dim": 64, "epochs": 40}
WORDS = {
    "red": ["crimson shade", "scarlet tone", "crimson tone", "scarlet shade"],
    "blue": ["azure shade", "navy tone", "azure tone", "navy shade"],
}


# Every check that scikit-learn has for a classifier of arrays, with a smaller network.
# Minibatches are drawn from the rows, so a weight of 2 is not the same as a row that stands twice.
@parametrize_with_checks(
    [EBVClassifier(**QUICK)],
    expected_failed_checks=lambda _: {
        f"check_sample_weight_equivalence_on_{kind}_data": "training is stochastic"
        for kind in ("dense", "sparse")
    },
)
def test_scikit_learn_checks(estimator: EBVClassifier, check) -> None:
    check(estimator)


def test_its_tags_say_what_it_reads() -> None:
    read = get_tags(EBVClassifier()).input_tags
    assert read.two_d_array and read.string and read.three_d_array and read.allow_nan
    assert read.sparse and not read.positive_only and not read.pairwise


def texts() -> tuple[list[str], list[str]]:
    return [t for group in WORDS.values() for t in group], [w for w in WORDS for _ in range(4)]


def blobs(classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    centers = np.random.default_rng(1).normal(size=(classes, 6)) * 4
    x, y, *_ = make_blobs(classes * 12, centers=centers, random_state=seed)
    return x, y


@pytest.fixture(scope="module")
def on_texts() -> EBVClassifier:
    return EBVClassifier(**TEXT).fit(*texts())


@pytest.mark.parametrize("kind", [list, np.array, lambda x: np.array(x, dtype=object)])
def test_texts_in_any_sequence(kind, on_texts: EBVClassifier) -> None:
    x, y = texts()
    assert on_texts.predict(kind(["a crimson one", "an azure one"])).tolist() == ["red", "blue"]
    other = EBVClassifier(**TEXT).fit(kind(x), kind(y))
    assert other.predict(kind(x)).tolist() == on_texts.predict(x).tolist()


def test_a_series_of_strings() -> None:
    pandas = pytest.importorskip("pandas")
    x, y = texts()
    model = EBVClassifier(**TEXT).fit(pandas.Series(x), pandas.Series(y))
    assert model.predict(pandas.Series(x)).tolist() == y


def test_probabilities_and_topk_agree() -> None:
    x, y = blobs(10)
    model = EBVClassifier(**QUICK).fit(x, y)
    shares = model.predict_proba(x)
    np.testing.assert_allclose(shares.sum(1), 1)
    labels, top = model.predict_topk(x, 3)
    order = np.argsort(-shares, axis=1, kind="stable")[:, :3]
    assert (labels == model.classes_[order]).all()
    np.testing.assert_allclose(top, np.take_along_axis(shares, order, 1))
    assert (model.predict(x) == labels[:, 0]).all()
    with pytest.raises(
        UsageError, match="k must be from 1 to 10, the number of classes, it was 11"
    ):
        model.predict_topk(x, 11)
    with pytest.raises(UsageError, match="it was '2'"):
        model.predict_topk(x, "2")  # type: ignore[arg-type]
    assert model.predict_topk(x)[0].shape == (len(x), 5)
    assert EBVClassifier(**QUICK).fit(x, y > 4).predict_topk(x)[0].shape == (len(x), 2)


def test_same_seed_same_model_and_no_global_state_is_touched() -> None:
    x, y = blobs(4)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    one = EBVClassifier(**QUICK).fit(x, y).predict_proba(x)
    two = EBVClassifier(**QUICK).fit(x, y).predict_proba(x)
    other = EBVClassifier(**QUICK, seed=1).fit(x, y).predict_proba(x)
    assert (one == two).all()
    assert not (one == other).all()
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002


def test_new_classes_arrive_later() -> None:
    x, y = blobs(12)
    old = y < 8
    model = EBVClassifier(**QUICK | {"epochs": 30}).fit(x[old], y[old])
    scale, vectors = model.head_.scale, model.codebook_.vectors(range(8))
    for _ in range(5):
        model.partial_fit(x[~old], y[~old])
    assert model.classes_.tolist() == list(range(12))
    assert model.predict_proba(x).shape == (len(x), 12)
    assert (model.codebook_.vectors(range(8)) == vectors).all()
    assert model.head_.scale >= scale
    assert model.score(x[~old], y[~old]) > 0.9
    assert model.score(x[old], y[old]) > 0.7


def test_labels_come_in_any_order_after_the_first_fit() -> None:
    x, y = blobs(3)
    names = np.array(["m", "z", "a"])[y]
    model = EBVClassifier(**QUICK).fit(x[names != "a"], names[names != "a"])
    model.partial_fit(x[names == "a"], names[names == "a"])
    assert model.classes_.tolist() == ["a", "m", "z"]
    assert list(model.codebook_.labels) == ["m", "z", "a"]


def test_first_partial_fit_makes_room_for_classes() -> None:
    x, y = blobs(3)
    model = EBVClassifier(**QUICK).partial_fit(x[y < 2], y[y < 2], classes=[0, 1, 2, 3])
    assert model.classes_.tolist() == [0, 1, 2, 3]
    assert model.predict_proba(x).shape == (len(x), 4)


def test_replay_keeps_some_rows_of_each_class() -> None:
    x, y = blobs(5)
    model = EBVClassifier(**QUICK, replay=3).fit(x, y)
    inputs, targets = model.replay_
    assert len(inputs) == 15
    assert np.bincount(targets).tolist() == [3] * 5
    model.partial_fit(x[:12], y[:12])
    assert np.bincount(model.replay_[1]).tolist() == [3] * 5
    assert len(EBVClassifier(**QUICK, replay=0).fit(x, y).replay_[1]) == 0


def test_one_row_may_be_learned(on_texts: EBVClassifier) -> None:
    model = clone(on_texts).set_params(replay=0).fit(*texts())
    model.partial_fit(["emerald tone"], ["green"])
    assert model.classes_.tolist() == ["blue", "green", "red"]


def test_pickle_and_parameters(on_texts: EBVClassifier) -> None:
    x, _ = texts()
    again = pickle.loads(pickle.dumps(on_texts))  # noqa: S301
    assert (again.predict_proba(x) == on_texts.predict_proba(x)).all()
    assert clone(on_texts).get_params() == on_texts.get_params()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"hidden": 0}, "hidden must be a whole number of at least 1, it was 0"),
        ({"epochs": -1}, "epochs must be a whole number of at least 1 or None, it was -1"),
        ({"lr": 0.0}, "lr must be a finite number above 0, it was 0.0"),
        ({"lr": "a"}, "lr must be a finite number above 0, it was 'a'"),
        ({"weight_decay": -1}, "weight_decay must be a finite number of at least 0, it was -1"),
        ({"device": "abacus"}, "device must be one that torch finds here, it was 'abacus'"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, it was 1.0"),
        ({"margin": -1.0}, "margin must be from 0"),
        ({"dim": 0}, "dim must be a whole number of at least 1"),
    ],
)
def test_wrong_settings(settings: dict, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        EBVClassifier(**settings).fit(*blobs(3))


def test_wrong_rows(on_texts: EBVClassifier) -> None:
    x, y = blobs(3)
    on_arrays = EBVClassifier(**QUICK).fit(x, y)
    with pytest.raises(UsageError, match="X holds strings, the model was fitted on an array"):
        on_arrays.predict(["a"])
    with pytest.raises(UsageError, match="X holds numbers, the model was fitted on strings"):
        on_texts.predict(x)
    with pytest.raises(DataError, match="holds no rows"):
        on_texts.predict([])
    with pytest.raises(DataError, match=r"X\[0\] must be a string, it was None"):
        on_texts.predict([None])
    with pytest.raises(UsageError, match="X must be a list of texts, it was a single one"):
        on_texts.predict("a crimson one")
    with pytest.raises(UsageError, match="X must be rows in order, it was a set; give a list"):
        EBVClassifier().fit({"a", "b"}, [0, 1])
    with pytest.raises(UsageError, match="X must be rows in order, it was a dict"):
        EBVClassifier().fit({"a": [1, 2]}, [0, 1])
    for odd in (None, float("nan"), b"b"):
        with pytest.raises(DataError, match=r"X\[1\] must be a string, it was .* of type"):
            EBVClassifier(**TEXT).fit(["a", odd, "c"], [0, 1, 0])
    for missing in (None, float("nan"), np.datetime64("NaT")):
        with pytest.raises(DataError, match=r"y\[2\] is missing"):
            EBVClassifier(**TEXT).fit(["a", "b", "c"], ["x", "y", missing])
        with pytest.raises(DataError, match=r"y\[0\] is missing"):
            on_texts.calibrate(["a"] * 60, [missing] * 60)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        EBVClassifier(**TEXT).fit(["a", "b"], ["x"])
    with pytest.raises(UsageError, match="y must hold labels like those of fit"):
        on_arrays.partial_fit(x, y.astype(str))


def test_progress_reaches_the_end() -> None:
    seen = []
    EBVClassifier(**QUICK).fit(*blobs(3), progress=lambda *call: seen.append(call))
    assert seen[-1][1] == seen[-1][2] == len(seen)


def test_missing_values_are_read_and_told_apart() -> None:
    x, y = blobs(3)
    x[::4, 1], x[:, 5] = np.nan, np.nan
    model = EBVClassifier(**QUICK).fit(x, y)
    assert model.score(x, y) > 0.9
    gone = np.array([[np.nan] * 6])
    assert np.isfinite(model.predict_proba(gone)).all()
    with pytest.raises(ValueError, match="infinity"):
        model.predict(np.full((1, 6), np.inf))
    silent_gap = EBVClassifier(**QUICK).fit(*blobs(2)).predict_proba(gone)
    assert np.isfinite(silent_gap).all()  # no column missed a value in the fit


def test_that_a_value_is_missing_can_be_the_cue() -> None:
    x = np.random.default_rng(0).normal(size=(80, 2))
    y = np.arange(80) % 2
    x[y == 1, 0] = np.nan
    model = EBVClassifier(**QUICK).fit(x, y)
    assert model.score(x, y) == 1.0
