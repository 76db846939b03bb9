"""IHOMER: one row or many, one order or another, the same model to the bit."""

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone as clone_of_sklearn

from growlabels.base.errors import DataError, UsageError
from growlabels.datasets import load_yeast
from growlabels.stream import IHOMER, ArrayRows, Inputs, MultiLabelMetrics


def made_rows(rows: int, features: int, density: float, seed: int) -> tuple:
    """Rows whose labels depend on features; with labels that come late and vanish."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, features)) * (rng.random((rows, features)) < density)
    Y = X @ rng.normal(size=(features, 7)) > 0.4
    Y[: rows // 2, 5] = False
    Y[rows // 3 :, 4] = False
    Y[:, 6] = False
    return X, Y


def dicts(X: np.ndarray, Y: np.ndarray) -> Iterator[tuple[dict, dict]]:
    for x, y in zip(X.tolist(), Y.tolist(), strict=True):
        yield dict(enumerate(x)), dict(enumerate(y))


def same_state(one: IHOMER, other: IHOMER, X: np.ndarray) -> bool:
    return (
        one.labels_ == other.labels_
        and one.events == other.events
        and one.clusters == other.clusters
        and np.array_equal(one.predict_proba_many(X), other.predict_proba_many(X))
        and np.array_equal(one.predict_many(X), other.predict_many(X))
    )


@pytest.mark.parametrize(("density", "features"), [(1.0, 9), (0.1, 40), (1.0, 530), (0.3, 30)])
def test_many_rows_equal_one_row_at_a_time(density: float, features: int) -> None:
    X, Y = made_rows(260, features, density, 1)
    loop, whole, parts = (IHOMER(window=120, check_every=30) for _ in range(3))
    before = []
    for x, y in dicts(X, Y):
        before.append([loop.predict_one(x).get(label, False) for label in range(7)])
        loop.learn_one(x, y)
    assert np.array_equal(whole.prequential_many(X, Y), before)
    for begin in range(0, 260, 37):
        parts.learn_many(X[begin : begin + 37], Y[begin : begin + 37])
    assert same_state(loop, whole, X)
    assert same_state(loop, parts, X)


def test_every_table_and_dict_gives_the_same_model() -> None:
    X, Y = made_rows(150, 20, 0.5, 2)
    reference, frame, csr, sets = IHOMER(), IHOMER(), IHOMER(), IHOMER()
    reference.learn_many(X, Y)
    frame.learn_many(pd.DataFrame(X), pd.DataFrame(Y))
    assert csr.prequential_many(sparse.csc_array(X), sparse.csr_matrix(Y)).format == "csr"
    for x, y in zip(X.tolist(), Y, strict=True):
        row = {j: value for j, value in reversed(list(enumerate(x))) if value != 0}
        sets.learn_one(row, set(np.flatnonzero(y).tolist()))
    assert same_state(reference, frame, X)
    assert same_state(reference, csr, X)
    columns = [reference.labels_.index(label) for label in sets.labels_]
    assert np.array_equal(reference.predict_proba_many(X)[:, columns], sets.predict_proba_many(X))


def test_frames_of_polars_and_of_the_interchange_protocol() -> None:
    X, Y = made_rows(60, 4, 1.0, 2)
    names, labels = list("abcd"), [f"l{i}" for i in range(7)]
    frames = pd.DataFrame(X, columns=names), pd.DataFrame(Y, columns=labels)
    reference = IHOMER()
    reference.learn_many(*frames)
    for form in (polars.DataFrame, pyarrow.Table.from_pandas):
        other = IHOMER()
        other.learn_many(form(frames[0]), form(frames[1]))
        assert other.labels_ == labels
        told = other.predict_many(form(frames[0]))
        assert np.array_equal(told, reference.predict_many(frames[0]))
        rows = ArrayRows(form(frames[0]), form(frames[1]))
        assert (rows.feature_names, rows.label_names) == (names, labels)
    missing = polars.DataFrame({"a": [1.0, None]})
    with pytest.raises(DataError, match=r"row 1 .*feature 'a' must be a finite number"):
        IHOMER().learn_many(missing, [[0], [1]])
    words = polars.DataFrame({"a": ["x", "y"]})
    with pytest.raises(DataError, match=r"row 0 .*column 'a' must be a number, it was 'x'"):
        IHOMER().learn_many(words, [[0], [1]])


def test_the_most_probable_labels_are_those_of_the_probabilities() -> None:
    X, Y = made_rows(120, 5, 1.0, 8)
    model = IHOMER()
    assert model.predict_topk_one({0: 1.0}) == []
    model.learn_many(X, Y)
    for x in X[:20].tolist():
        row = dict(enumerate(x))
        p = {label: both[True] for label, both in model.predict_proba_one(row).items()}
        ranked = sorted(p.items(), key=lambda pair: -pair[1])
        assert model.predict_topk_one(row, 3) == ranked[:3]
        assert model.predict_topk_one(row, 99) == ranked
    with pytest.raises(UsageError, match="k must be a whole number of at least 1"):
        model.predict_topk_one({}, 0)


def test_partial_fit_is_learn_many_with_named_labels() -> None:
    X, Y = made_rows(80, 5, 1.0, 9)
    fitted, learned = IHOMER(), IHOMER()
    assert fitted.partial_fit(X[:50], Y[:50], classes=list("abcdefg")) is fitted
    fitted.partial_fit(X[50:], Y[50:], list("abcdefg"))
    learned.learn_many(X, pd.DataFrame(Y, columns=list("abcdefg")))
    assert same_state(fitted, learned, X)
    assert IHOMER().partial_fit(sparse.csr_array(X), sparse.csr_array(Y)).labels_ == list(range(7))
    with pytest.raises(DataError, match="labels has 1 names for 7 columns"):
        fitted.partial_fit(X, Y, ["a"])


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_names_and_their_order_have_no_effect(data: st.DataObject) -> None:
    names = st.sampled_from(["a", "b", "c", 3, ("d", 1)])
    rows = data.draw(
        st.lists(st.tuples(st.dictionaries(names, st.floats(-9, 9)), st.sets(names)), max_size=25)
    )
    one, other = IHOMER(), IHOMER()
    for x, y in rows:
        one.learn_one(x, {label: label in y for label in y})
        shuffled = data.draw(st.permutations(list(x.items())))
        other.learn_one(dict(shuffled), set(data.draw(st.permutations(list(y)))))
        assert one.predict_proba_one(x) == other.predict_proba_one(dict(shuffled))


def test_predicting_changes_nothing_and_unknown_features_are_welcome() -> None:
    X, Y = made_rows(80, 6, 1.0, 3)
    one, other = IHOMER(), IHOMER()
    assert one.predict_one({"a": 1.0}) == {}
    for x, y in dicts(X, Y):
        one.predict_proba_one({**x, "new": 3.0, ("x",): -1})
        one.predict_one({})
        one.learn_one(x, y)
        other.learn_one(x, y)
    assert same_state(one, other, X)


def test_labels_appear_vanish_and_return() -> None:
    model = IHOMER()
    for i in range(300):
        wanted = {"even"} if i % 2 == 0 else {"odd"}
        if i < 100 or i >= 200:
            wanted |= {"guest"}
        model.learn_one({"a": float(i % 2), "b": 1.0}, wanted)
        if i == 199:
            assert model.predict_one({"a": 0.0, "b": 1.0}) == {
                "even": True, "odd": False, "guest": False,
            }  # fmt: skip
    assert model.predict_one({"a": 1.0, "b": 1.0}) == {"even": False, "odd": True, "guest": True}


def test_a_label_that_was_never_true_changes_nothing() -> None:
    X, Y = made_rows(120, 6, 1.0, 4)
    one, other = IHOMER(), IHOMER()
    one.learn_many(X, Y)
    other.learn_many(X, Y[:, :6])
    assert np.array_equal(one.predict_many(X)[:, :6], other.predict_many(X))
    assert not one.predict_many(X)[:, 6].any()
    assert (one.predict_proba_many(X)[:, 6] < 0.5).all()


def test_pickle_and_clone() -> None:
    X, Y = made_rows(90, 8, 1.0, 5)
    model = IHOMER(window=100, drift=None)
    model.learn_many(X, Y)
    copy = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    for each in (model, copy):
        each.learn_many(X, Y)
    assert same_state(model, copy, X)
    clone = model.clone()
    assert clone.n_rows == 0
    assert (clone.window, clone.drift) == (100, None)


def test_clones_of_scikit_learn_and_river_have_all_parameters_and_no_rows() -> None:
    settings: dict[str, Any] = {
        "seed": 3, "window": 150, "recent": 7.5, "drift": None, "max_sets": 900,
        "check_every": 50, "tree_above": 40, "max_bytes": 2**26, "preset": "paper",
        "clusterer": "odac", "inputs": Inputs(text=("title",)),
    }  # fmt: skip
    model = IHOMER(**settings)
    model.learn_one({"a": 1.0}, {"b"})
    for made in (clone_of_sklearn(model), model.clone()):
        assert {name: getattr(made, name) for name in settings} == settings
        assert made.n_rows == 0 and made.labels_ == []
    changed = model.clone({"window": 200})
    assert (changed.window, changed.check_every, model.window) == (200, 50, 150)


def test_drift_starts_the_experts_again() -> None:
    X, Y = made_rows(1200, 6, 1.0, 6)
    Y = Y[:, :4] | (X[:, :4] > 1)
    Y[600:] = ~Y[600:]
    model, stubborn = IHOMER(), IHOMER(drift=None)
    model.learn_many(X, Y)
    stubborn.learn_many(X, Y)
    assert not any(event.kind == "drift" for event in stubborn.events)
    alarms = [event for event in model.events if event.kind == "drift"]
    assert len(alarms) >= 1
    assert all(600 < event.row < 760 and event.statistic > event.bound for event in alarms)


with np.errstate(over="ignore"):  # infinity where a long double is a double
    BEYOND = np.ldexp(np.longdouble(1), 2000)
BAD_ROWS = [
    ({"a": float("nan")}, {"x"}, "feature 'a' must be a finite number, it was nan"),
    ({"a": 1.0, "b": "2"}, {"x"}, "feature 'b' must be a finite number, it was '2'"),
    ({"a": None}, {"x"}, "feature 'a' must be a finite number"),
    ({"a": 10**400}, {"x"}, "feature 'a' must be a finite number"),
    ({"a": np.complex64(1)}, {"x"}, "feature 'a' must be a finite number"),
    ({"a": 1.0}, {"x": np.complex64(1)}, "label 'x' must be True or False"),
    ([1.0], {"x"}, "must be a dict of name -> number"),
    ({"a": 1.0}, "x", "put a single label into a set"),
    ({"a": 1.0}, {"x": 2}, "label 'x' must be True or False, it was 2"),
    ({"a": 1.0}, [["x"]], "a label must be hashable"),
    ({"a": 1.0}, {float("nan")}, "the name of a label must equal itself, it was nan"),
    ({"a": 1.0}, {float("nan"): True}, "the name of a label must equal itself"),
    ({float("nan"): 1.0, "new": 2.0}, {"x"}, "the name of a feature must equal itself"),
    ({"a": np.timedelta64(1)}, {"x"}, "feature 'a' must be a finite number"),
    ({"a": BEYOND}, {"x"}, "feature 'a' must be a finite number"),
    ({"a": 1.0}, np.array([1, 0]), "give arrays to learn_many"),
]


@pytest.mark.parametrize(("x", "y", "message"), BAD_ROWS)
def test_a_bad_row_is_named_and_loses_nothing(x: object, y: object, message: str) -> None:
    model, untouched = IHOMER(), IHOMER()
    for each in (model, untouched):
        each.learn_one({"a": 1.0, "b": 2.0}, {"x", "y"})
    with pytest.raises(DataError, match=r"^[^\n]*$") as raised:
        model.learn_one(x, y)  # pyright: ignore[reportArgumentType]
    assert message in str(raised.value) and len(str(raised.value)) < 200
    assert model.predict_proba_one({"a": 1.0}) == untouched.predict_proba_one({"a": 1.0})
    assert model.labels_ == untouched.labels_


def _beyond() -> sparse.csr_array:
    """Make a matrix whose indices point beyond its columns, as a careless builder may."""
    matrix = sparse.csr_array([[1.0], [2.0]])
    matrix.indices[1] = 7
    return matrix


class _WantsGradient:
    """As a tensor of torch that requires its gradient."""

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


BAD_TABLES = [
    ([[1.0, np.nan], [1.0, 2.0]], [[0], [1]], DataError, "row 0 (counting from 0): feature 1"),
    ([[1.0], [np.inf]], [[0], [1]], DataError, "row 1 (counting from 0): feature 0"),
    ([[1.0], [2.0, 3.0]], [[0], [1]], DataError, "X row 1 (counting from 0) has 2 values"),
    ([["1"], ["2"]], [[0], [1]], DataError, "column 0 must be a number, it was '1'"),
    ([[np.complex64(1)], [None]], [[0], [1]], DataError, "row 0 (counting from 0): column 0"),
    ([[1.0, 1.0], [1.0, "z"]], [[0], [1]], DataError, "X row 1 (counting from 0): column 1 must"),
    ([[1.0], [np.timedelta64(1)]], [[0], [1]], DataError, "X row 1"),
    (np.full((2, 1), BEYOND), [[0], [1]], DataError, "must be a finite number"),
    (np.ma.masked_array([[1.0], [2.0]], [[0], [1]]), [[0], [1]], DataError, "X has masked cells"),
    (sparse.csr_array([[1j], [2j]]), [[0], [1]], UsageError, "its dtype was complex128"),
    (sparse.coo_array([1.0, 2.0]), [[0], [1]], UsageError, "X must have two dimensions"),
    (_beyond(), [[0], [1]], UsageError, "X is no sound sparse matrix"),
    ([[1.0], [2.0]], pd.DataFrame([[0], [1]], columns=[float("nan")]), DataError, "of a label"),
    (_WantsGradient(), [[0], [1]], UsageError, "X cannot be read as an array (Can't call"),
    ([[1.0], [2.0]], [[0], [2]], DataError, "row 1 (counting from 0): label 0 must be 0 or 1"),
    ([[1.0], [2.0]], [[0]], UsageError, "X has 2 rows and y has 1"),
    ([1.0, 2.0], [[0], [1]], UsageError, "X must have two dimensions"),
]


@pytest.mark.parametrize(("X", "Y", "kind", "message"), BAD_TABLES)
def test_a_bad_table_is_named_and_loses_nothing(
    X: object, Y: object, kind: type[Exception], message: str
) -> None:
    model = IHOMER()
    with pytest.raises(kind) as raised:
        model.learn_many(X, Y)
    assert message in str(raised.value)
    assert model.labels_ == []
    assert model.n_rows == 0


@pytest.mark.parametrize(
    "setting",
    [
        *({"window": value} for value in (5, 1000.0, "1000", None, True)),
        *({"recent": value} for value in (0, float("nan"), "5", True)),
        *({"drift": value} for value in (2.0, "0.1")),
        *({"max_sets": value} for value in (9, 1e6)),
        *({"check_every": value} for value in (0, 2.5)),
        *({"seed": value} for value in (-1, "1", None)),
        *({"clusterer": value} for value in ("none", [])),
        {"max_sets": 10**20},
    ],
)
def test_bad_parameters(setting: dict) -> None:
    with pytest.raises(UsageError, match=next(iter(setting))):
        IHOMER(**setting)


def test_wrong_names_and_counts() -> None:
    model = IHOMER()
    wrong = ("ab", "must be names"), ([["a"], ["b"]], "must be hashable"), (["a", "a"], "'a' twice")
    for classes, told in wrong:
        with pytest.raises(UsageError, match=told):
            model.partial_fit([[1.0]], [[0, 1]], classes)
    with pytest.raises(UsageError, match="k must be a whole number of at least 1, it was 'x'"):
        model.explain_one({"a": 1}, k="x")  # pyright: ignore[reportArgumentType]
    assert model.n_rows == 0 and model.labels_ == []


def test_a_full_table_of_label_sets_keeps_the_frequent_ones() -> None:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(900, 3))
    Y = rng.random((900, 12)) < 0.5
    Y[::3] = np.arange(12) == 2
    model, parts = IHOMER(window=100, max_sets=400), IHOMER(window=100, max_sets=400)
    model.learn_many(X, Y)
    for begin in range(0, 900, 111):
        parts.learn_many(X[begin : begin + 111], Y[begin : begin + 111])
    assert same_state(model, parts, X)
    assert model.predict_one({0: 0.0})[2]


def test_yeast_in_file_order() -> None:
    X, Y, _, _ = load_yeast()
    model = IHOMER()
    chosen = model.prequential_many(X, Y)
    metrics = MultiLabelMetrics()
    for truth, guess in zip(Y, chosen, strict=True):
        metrics.update(set(np.flatnonzero(truth).tolist()), set(np.flatnonzero(guess).tolist()))
    exact = (chosen == Y).all(axis=1).mean()
    tp, wrong = (chosen & Y).sum(axis=0), (chosen ^ Y).sum(axis=0)
    assert exact >= 0.20
    assert 2 * tp.sum() / (2 * tp + wrong).sum() >= 0.64
    assert (2 * tp / (2 * tp + wrong)).mean() >= 0.41
    assert len(model.clusters) > 2
    assert set(model.hierarchy().labels) == set(range(14))


@pytest.mark.parametrize("far", [1e3, 1e6, 1e9])
def test_features_that_vary_little_about_a_large_mean_are_learned(far: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    Y = X > 0
    chosen = IHOMER().prequential_many(X + far, Y)
    assert (chosen[200:] == Y[200:]).mean() > 0.9
