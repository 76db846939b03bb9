"""Every row is scored before it is learned, by dicts and by arrays alike."""

import numpy as np
import pandas as pd
import pytest
from river import base, datasets, metrics, preprocessing
from scipy import sparse
from scipy.sparse import csr_matrix

from growlabels.base.errors import DataError, UsageError
from growlabels.datasets import load_yeast
from growlabels.stream.evaluate.baselines import BinaryRelevance, MajorityLabels
from growlabels.stream.evaluate.metrics import MultiLabelMetrics
from growlabels.stream.evaluate.prequential import compare, prequential
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.array_rows import ArrayRows


class Spy(base.MultiLabelClassifier):
    """Writes down what it is asked."""

    def __init__(self):
        self.calls = []

    def predict_one(self, x, **kwargs):
        self.calls.append(("predict", x["row"]))
        return {}

    def learn_one(self, x, y):
        self.calls.append(("learn", x["row"]))


class Unranked(base.MultiLabelClassifier):
    """Knows nothing, and gives no probabilities."""

    def predict_one(self, x, **kwargs):
        return {}

    def learn_one(self, x, y):
        pass


def test_predicts_each_row_before_learning_it():
    spy = Spy()
    scores = prequential(spy, (({"row": i}, {"a": True}) for i in range(5)), every=2)
    assert spy.calls == [(what, i) for i in range(5) for what in ("predict", "learn")]
    assert [point.row for point in scores.curve] == [2, 4, 5]
    assert (scores.n_rows, scores.exact_match, scores.micro_f1) == (5, 0.0, 0.0)


def test_models_compared_on_one_pass_score_as_each_by_itself():
    data = load_yeast()
    rows = ArrayRows(data.X, data.Y, data.feature_names, data.label_names).take(slice(0, 230))
    for given in (rows, iter(rows)):
        models = {"a": IHOMER(), "b": MajorityLabels()}
        found = compare(models, given, every=50, window=80)
        for name, make in (("a", IHOMER), ("b", MajorityLabels)):
            alone = prequential(make(), rows, every=50, window=80)
            assert [p.total for p in found[name].curve] == [p.total for p in alone.curve]
            assert [p.recent for p in found[name].curve] == [p.recent for p in alone.curve]
    with pytest.raises(UsageError, match="models is empty"):
        compare({}, rows)
    with pytest.raises(UsageError, match="models 'a' and 'b' are one object"):
        compare(dict.fromkeys("ab", IHOMER()), rows)


def test_a_live_row_is_predicted_before_the_next_is_asked_for():
    spy, calls = Spy(), []

    def live():
        for i in range(3):
            calls.append(len(spy.calls))
            yield {"row": i}, {"a"}

    compare({"spy": spy, "other": MajorityLabels()}, live())
    assert calls == [0, 2, 4]


@pytest.mark.parametrize("delay", [0, 1, 3, 9])
def test_delayed_labels_are_learned_when_they_arrive(delay):
    spy = Spy()
    prequential(spy, (({"row": i}, {"a"}) for i in range(5)), delay=delay)
    wanted = []
    for i in range(5):
        wanted += [("predict", i)] + [("learn", i - delay)] * (i >= delay)
    wanted += [("learn", i) for i in range(max(5 - delay, 0), 5)]
    assert spy.calls == wanted


def test_delay_of_arrays_and_of_pairs_is_the_same_and_costs_quality():
    data = load_yeast()
    rows = ArrayRows(data.X, data.Y, data.feature_names, data.label_names).take(slice(0, 300))
    late, pairs = prequential(IHOMER(), rows, delay=60), prequential(IHOMER(), iter(rows), delay=60)
    assert late.metrics.as_dict() == pairs.metrics.as_dict()
    assert late.micro_f1 < prequential(IHOMER(), rows).micro_f1
    plain = prequential(IHOMER(), rows, at=[1])  # row by row, but learned at once
    assert plain.micro_f1 == prequential(IHOMER(), rows).micro_f1


def test_precision_at_k_of_what_was_ranked_before_learning():
    rows = [({"f": float(i % 2)}, {"even", "all"} if i % 2 == 0 else {"all"}) for i in range(60)]
    model, twin = IHOMER(), IHOMER()
    scores = prequential(model, rows, at=[1, 2], every=30, window=10)
    found = {1: 0.0, 2: 0.0}
    for x, y in rows:
        p = {label: p[True] for label, p in twin.predict_proba_one(x).items()}
        for k in found:
            top = sorted(p, key=lambda label: -p[label])[:k]
            found[k] += len(y & set(top)) / k / len(rows)
        twin.learn_one(x, y)
    assert scores.precision_at == pytest.approx(found)
    assert scores.curve[-1].recent["precision_at_1"] == 1.0
    assert prequential(BinaryRelevance(), rows, at=[1]).precision_at[1] > 0.9


def test_precision_at_k_of_the_models_that_can_rank():
    rows = [({"f": float(i % 2)}, {"even", "all"} if i % 2 == 0 else {"all"}) for i in range(60)]
    models = {"none": Unranked(), "majority": MajorityLabels()}
    found = compare(models, rows, at=[1, 2])
    assert found["none"].precision_at == {} and found["none"].n_rows == 60
    assert found["majority"].precision_at == {1: 59 / 60, 2: 88 / 120}
    for unable in (Unranked(), preprocessing.StandardScaler() | Unranked()):
        with pytest.raises(UsageError, match="gives no probabilities, so it has no precision at k"):
            prequential(unable, rows, at=[1])


def test_a_bad_row_is_named_and_what_was_learned_stays():
    model = IHOMER()
    rows = [({"f": 1.0}, {"a"}), ({"f": 2.0}, {"b"}), ({"f": float("nan")}, {"b"})]
    with pytest.raises(DataError, match=r"row 2 \(counting from 0\): feature 'f' .* it was nan"):
        prequential(model, rows)
    assert model.n_rows == 2
    with pytest.raises(
        UsageError, match="delay must be a whole number of rows, at least 0, it was -1"
    ):
        prequential(model, [], delay=-1)


def test_agrees_with_river_where_river_can_score():
    model, other = BinaryRelevance(), BinaryRelevance()
    first = next(iter(datasets.Yeast()))
    for each in (model, other):  # so that every label is known, as River's metrics need
        each.learn_one(*first)
    scores = prequential(model, list(datasets.Yeast().take(300)))
    exact, hamming = metrics.multioutput.ExactMatch(), 0
    for x, y in datasets.Yeast().take(300):
        guess = other.predict_one(x)
        exact.update(y, guess)
        hamming += sum(y[label] != guess[label] for label in y)
        other.learn_one(x, y)
    assert scores.exact_match == pytest.approx(exact.get())
    assert scores.hamming == pytest.approx(hamming / 300 / 14)
    assert scores.rows_per_second > 0


def test_curve_holds_totals_and_the_recent_window():
    rows = [({"f": 0.0}, {"a"} if i < 100 else {"b"}) for i in range(200)]
    seen = []
    scores = prequential(MajorityLabels(), rows, every=50, window=50, on_point=seen.append)
    assert tuple(seen) == scores.curve
    assert [p.row for p in scores.curve] == [50, 100, 150, 200]
    assert [p.recent["exact_match"] for p in scores.curve] == [49 / 50, 1.0, 0.0, 0.0]
    assert scores.curve[-1].total == scores.metrics.as_dict()
    assert [p.seconds for p in scores.curve] == sorted(p.seconds for p in scores.curve)


class Columns(MajorityLabels):
    """A majority model with a fast path whose columns are in another order."""

    def __init__(self):
        super().__init__()
        self.chunks = []

    def prequential_many(self, X, Y):
        names, Y = Y.columns, Y.to_numpy()
        self.chunks.append(len(Y))
        self.labels_ = names[::-1]
        out = np.zeros((len(Y), 3), bool)
        for row, y in enumerate(Y):
            guess = self.predict_one({})
            out[row] = [guess.get(name, False) for name in self.labels_]
            self.learn_one({}, dict(zip(names, y.tolist(), strict=True)))
        return out


def test_array_path_gives_the_same_scores():
    rng = np.random.default_rng(0)
    rows = ArrayRows(rng.random((250, 2)), rng.random((250, 3)) < 0.4, None, ["a", "b", "c"])
    fast, slow = Columns(), MajorityLabels()
    quick, plain = prequential(fast, rows), prequential(slow, iter(rows))
    assert fast.chunks == [100, 100, 50]
    assert [p.total for p in quick.curve] == [p.total for p in plain.curve]
    assert [p.recent for p in quick.curve] == [p.recent for p in plain.curve]
    assert isinstance(quick.metrics, MultiLabelMetrics)


@pytest.mark.parametrize("sparse", [False, True])
def test_the_learner_scores_the_same_by_arrays_and_by_dicts(sparse):
    data = load_yeast()
    X = csr_matrix(np.maximum(data.X, 0)) if sparse else data.X
    rows = ArrayRows(X, data.Y, data.feature_names, data.label_names).take(slice(0, 330))
    fast, slow = IHOMER(), IHOMER()
    quick, plain = prequential(fast, rows), prequential(slow, iter(rows))
    assert [p.total for p in quick.curve] == [p.total for p in plain.curve]
    assert quick.metrics.per_label() == plain.metrics.per_label()
    assert set(fast.labels_) == set(slow.labels_) == set(data.label_names)
    assert fast.predict_one(next(iter(rows))[0]) == slow.predict_one(next(iter(rows))[0])


def test_sparse_rows_leave_zeros_out_and_nan_is_missing():
    X = np.array([[0.0, 2.0], [np.nan, 0.0]])
    Y = np.array([[True], [False]])
    assert [x for x, _ in ArrayRows(X, Y)] == [{0: 0.0, 1: 2.0}, {1: 0.0}]
    assert [x for x, _ in ArrayRows(csr_matrix(X), Y, ["p", "q"])] == [{"q": 2.0}, {}]


@pytest.mark.parametrize("make", [IHOMER, lambda: IHOMER(tree_above=20), MajorityLabels])
def test_the_chosen_labels_alone_score_as_the_dict_of_all_labels(make):
    class Hidden:
        def __init__(self, model):
            self.predict_one, self.learn_one = model.predict_one, model.learn_one

    rng = np.random.default_rng(0)
    X = rng.normal(size=(160, 5))
    Y = np.arange(40) < (4 * np.abs(X[:, :1]) ** 2).round()
    dense, thin = ArrayRows(X, Y), ArrayRows(X, sparse.csr_array(Y.astype(int)))
    assert sparse.issparse(thin.shuffled(1).Y) and list(thin) == list(dense)
    curve = prequential(Hidden(make()), dense, every=40).curve
    for rows in (dense, thin, list(thin)):
        found = prequential(make(), rows, every=40).curve
        assert [(p.total, p.recent) for p in found] == [(p.total, p.recent) for p in curve]
    asked = dict(enumerate(X[0].tolist()))
    model = make()
    model.learn_one(asked, {1, 2})
    model.learn_one({}, {3: False})
    assert {label for label, on in model.predict_one(asked).items() if on} == set(
        model.predict_labels_one(asked)
    )


def test_a_sparse_label_there_twice_is_refused_and_a_stored_zero_is_none():
    twice = sparse.csr_array((np.ones(2), [0, 0], [0, 2]), shape=(1, 1))
    with pytest.raises(DataError, match="Y must hold 0 and 1"):
        ArrayRows(np.zeros((1, 1)), twice)
    stored = sparse.csr_array((np.array([0.0, 1.0]), [0, 1], [0, 2]), shape=(1, 2))
    assert list(ArrayRows(np.ones((1, 1)), stored)) == [({0: 1.0}, {0: False, 1: True})]


def test_shuffling_keeps_rows_whole():
    rows = ArrayRows(np.arange(20.0)[:, None], (np.arange(20) % 2 == 1)[:, None])
    shuffled = rows.shuffled(3)
    assert sorted(shuffled.X[:, 0].tolist()) == list(range(20))
    assert (shuffled.Y[:, 0] == (shuffled.X[:, 0] % 2 == 1)).all()
    assert (shuffled.X == rows.shuffled(3).X).all()


def test_no_rows_are_no_error():
    scores = prequential(MajorityLabels(), [])
    assert scores.n_rows == 0 and "n_rows=0" in repr(scores)


def test_wrong_input_is_named():
    for name, value in (("every", 0), ("every", 1.5), ("window", None), ("delay", "x")):
        with pytest.raises(
            UsageError, match=f"{name} must be a whole number of rows, at least ., it was"
        ):
            prequential(MajorityLabels(), [], **{name: value})
    with pytest.raises(UsageError, match="at must be a list of whole numbers, each at least 1"):
        prequential(MajorityLabels(), [], at="x")  # pyright: ignore[reportArgumentType]
    with pytest.raises(
        UsageError, match=r"must have the methods predict_one and learn_one, .* got NoneType"
    ):
        prequential(None, [])  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="models must be a mapping name -> model, got list"):
        compare([MajorityLabels()], [])  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match="2 rows and Y has 3"):
        ArrayRows(np.zeros((2, 1)), np.zeros((3, 1), bool))
    with pytest.raises(DataError, match="labels has 2 names for 1 columns"):
        ArrayRows(np.zeros((2, 1)), np.zeros((2, 1), bool), None, ["a", "b"])
    with pytest.raises(DataError, match="give each row the same columns"):
        ArrayRows([[1.0], [1.0, 2.0]], np.zeros((2, 1), bool))
    with pytest.raises(DataError, match="Y must hold 0 and 1"):
        ArrayRows(np.zeros((2, 1)), np.array([[1], [-1]]))
    with pytest.raises(UsageError, match="Y must have two dimensions"):
        ArrayRows(np.zeros((2, 1)), np.zeros(2, bool))
    X, Y = np.zeros((5, 1)), np.zeros((5, 1), bool)
    for rows in ((X, Y), [({},)], [({}, {}, 1)], ["ab"]):
        with pytest.raises(DataError, match=r"row 0 .* must be a pair"):
            prequential(MajorityLabels(), rows)
    with pytest.raises(UsageError, match=r"rows must be .* got NoneType"):
        prequential(MajorityLabels(), None)


@pytest.mark.parametrize("form", [np.array, pd.DataFrame, csr_matrix, np.ndarray.tolist])
def test_every_kind_of_table_makes_the_same_rows(form):
    X = np.random.default_rng(0).integers(1, 9, (40, 2)) / 2
    Y = X > 2
    rows = ArrayRows(form(X), form(Y.astype(int)))
    assert list(rows) == list(ArrayRows(X, Y))
    assert prequential(MajorityLabels(), rows).n_rows == 40
    named = ArrayRows(pd.DataFrame(X, columns=["a", "b"]), pd.DataFrame(Y, columns=["p", "q"]))
    assert (named.feature_names, named.label_names) == (["a", "b"], ["p", "q"])


@pytest.mark.parametrize("form", [np.array, csr_matrix])
def test_a_missing_value_is_zero_to_a_learner_of_arrays(form):
    X = np.random.default_rng(0).integers(1, 9, (60, 3)) / 2
    X[::7, 1] = np.nan
    Y = np.nan_to_num(X[:, :2]) > 2
    rows = ArrayRows(form(X), Y)
    quick, plain = prequential(IHOMER(), rows), prequential(IHOMER(), iter(rows))
    assert quick.metrics.per_label() == plain.metrics.per_label()
    assert np.isnan(rows.X[:8].data if form is csr_matrix else rows.X).any()  # left as it was
