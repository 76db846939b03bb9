"""Classes that arrive in any order, are retired, and rows whose scale shows only later."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import get_scorer, log_loss, roc_auc_score, top_k_accuracy_score
from sklearn.model_selection import cross_val_predict

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import EBVClassifier

NAMES = np.array(["mango", "pear", "zucchini", "apple", "banana"])
QUICK = {"hidden": 64, "dim": 64, "epochs": 15}


def rows(count: int, seed: int, classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, count)
    return 4 * np.eye(classes)[y] + random.normal(size=(count, classes)), y


@pytest.fixture
def grown() -> EBVClassifier:
    x, y = rows(500, 0)
    model = EBVClassifier(**QUICK).fit(x[y < 3], NAMES[y[y < 3]])
    return model.partial_fit(x, NAMES[y])


def test_scorers_and_calibrators_of_scikit_learn_read_classes_that_came_out_of_order(
    grown: EBVClassifier,
) -> None:
    x, y = rows(400, 1)
    labels = NAMES[y]
    assert grown.classes_.tolist() == sorted(NAMES)
    assert list(grown.codebook_.labels) == ["mango", "pear", "zucchini", "apple", "banana"]
    shares = grown.predict_proba(x)
    right = shares[np.arange(400), np.searchsorted(grown.classes_, labels)]
    assert np.isclose(get_scorer("neg_log_loss")(grown, x, labels), np.log(right).mean())
    assert np.isclose(log_loss(labels, shares), -np.log(right).mean())
    expected = roc_auc_score(labels, shares, multi_class="ovr")
    assert get_scorer("roc_auc_ovr")(grown, x, labels) == expected > 0.95
    top = top_k_accuracy_score(labels, shares, k=2)
    assert get_scorer("top_k_accuracy")(grown, x, labels) == top > 0.95
    accuracy = grown.score(x, labels)
    assert accuracy > 0.9
    assert (grown.predict_topk(x, 1)[0][:, 0] == grown.predict(x)).all()
    assert (grown.classes_[shares.argmax(1)] == grown.predict(x)).all()
    for method in ("sigmoid", "isotonic", "temperature"):
        calibrated = CalibratedClassifierCV(FrozenEstimator(grown), method=method)
        calibrated.fit(x[:200], labels[:200])
        assert calibrated.score(x[200:], labels[200:]) > 0.9
    found = cross_val_predict(grown, x, labels, cv=3, method="predict_proba")
    assert (np.sort(NAMES)[found.argmax(1)] == labels).mean() > 0.9
    grown.calibrate(x, labels)
    assert grown.predict_proba(x).argmax(1).tolist() == shares.argmax(1).tolist()


def test_a_retired_class_is_never_predicted_and_learning_goes_on(
    grown: EBVClassifier, tmp_path
) -> None:
    x, y = rows(300, 1)
    labels, kept = NAMES[y], NAMES[y] != "pear"
    assert "pear" in grown.predict(x)
    twin = EBVClassifier(**QUICK).fit(x, labels)
    twin.codebook_.remove_labels(["pear"])
    grown.remove_classes(["pear"])
    for model in (grown, twin):
        for _ in range(2):
            assert model.classes_.tolist() == ["apple", "banana", "mango", "zucchini"]
            assert "pear" not in model.predict(x)
            assert "pear" not in model.predict_topk(x, 4)[0]
            np.testing.assert_allclose(model.predict_proba(x).sum(1), 1)
            assert model.score(x[kept], labels[kept]) > 0.9
            model.calibrate(x[kept], labels[kept])
            model.partial_fit(x[kept], labels[kept])
    row = int(np.flatnonzero(~kept)[0])
    with pytest.raises(DataError, match=rf"y\[{row}\]: label 'pear' is retired; leave the row out"):
        grown.partial_fit(x, labels)
    grown.partial_fit(x[kept], labels[kept], classes=sorted(NAMES))
    assert "pear" not in grown.classes_
    grown.save(tmp_path / "m")
    loaded = EBVClassifier.load(tmp_path / "m")
    assert loaded.classes_.tolist() == grown.classes_.tolist()
    assert (loaded.predict_proba(x) == grown.predict_proba(x)).all()
    grown.codebook_.add_labels(["pear"])
    assert grown.partial_fit(x, labels).score(x, labels) > 0.9
    with pytest.raises(DataError, match="label 'plum' was never added"):
        grown.remove_classes(["plum"])


@pytest.mark.parametrize(
    "labels",
    [
        [9007199254740993, 9007199254740995, 9007199254740997],
        [2**63 + 1, 2**63 + 3, 2**63 + 5],
        [-(2**80), 0, 2**80],
        [("a", 1), ("a", 2), ("b", 1)],
        [False, True, True],
    ],
    ids=["int64", "uint64", "wider", "tuples", "booleans"],
)
def test_labels_come_back_as_they_were_given(labels: list, tmp_path) -> None:
    x, y = rows(150, 0, 3)
    given = [labels[i] for i in y]
    model = EBVClassifier(**QUICK).partial_fit(x, given, classes=sorted(set(labels)))
    assert model.classes_.tolist() == sorted(set(labels))
    assert set(map(type, model.predict(x).tolist())) == {type(labels[0])}
    assert model.score(x, given) > 0.9
    model.partial_fit(x, given).save(tmp_path / "m")
    loaded = EBVClassifier.load(tmp_path / "m")
    assert loaded.classes_.dtype == model.classes_.dtype
    assert loaded.classes_.tolist() == model.classes_.tolist()
    assert loaded.predict(x).tolist() == model.predict(x).tolist()


def test_labels_of_another_kind_are_refused() -> None:
    x, y = rows(60, 0, 3)
    model = EBVClassifier(**QUICK).fit(x, y)
    for other in (y.astype(str), y > 0, [("a", int(i)) for i in y]):
        for call in (model.partial_fit, model.score, model.calibrate):
            with pytest.raises(UsageError, match="y must hold labels like those of fit, numbers"):
                call(x, other)
    with pytest.raises(DataError, match="y mixes strings and whole numbers"):
        EBVClassifier(**QUICK).partial_fit(x, y, classes=["0", "1", "2"])
    for call in (EBVClassifier().fit, EBVClassifier().partial_fit):
        with pytest.raises(UsageError, match="it was of type set"):
            call(x, set(y.tolist()))
    with pytest.raises(UsageError, match=r"classes must be a list .* type set"):
        EBVClassifier().partial_fit(x, y, classes={0, 1, 2})  # type: ignore[arg-type]


def stream(first: int, scale: float, off: int = 0) -> EBVClassifier:
    """Learn a stream in which one column tells the class and a wide one does not."""
    random = np.random.default_rng(1)
    x = random.normal(size=(1100, 3)) * [scale, 1, 1]
    x[:off, 0] = 0
    y = np.where(x[:, 1] > 0, "up", "down")
    model = EBVClassifier(seed=0, hidden=64, dim=64)
    model.partial_fit(x[:first], y[:first], classes=["up", "down"])
    for start in range(first, 800, 100):
        model.partial_fit(x[start : start + 100], y[start : start + 100])
    model.result = model.score(x[800:], y[800:])  # type: ignore[attr-defined]
    return model


@pytest.mark.parametrize(("first", "off"), [(1, 0), (2, 0), (200, 200)])
def test_standardising_follows_the_stream(first: int, off: int) -> None:
    model = stream(first, 1e5, off)
    assert model.result > 0.85  # type: ignore[attr-defined]
    assert model.reader_.deviation[0] > 1e4  # type: ignore[union-attr]
