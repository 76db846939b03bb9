"""Scores against scikit-learn on closed label sets, and by hand where labels come and go."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.sparse import csr_matrix
from sklearn import metrics as reference

from growlabels.base.errors import DataError, UsageError
from growlabels.stream.evaluate.metrics import SCORES, LabelScore, MultiLabelMetrics

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=12)
PAIRS = SHAPES.flatmap(lambda s: st.tuples(arrays(bool, s), arrays(bool, s)))


def one_by_one(truth, predicted, window=None):
    metrics = MultiLabelMetrics(window)
    for y, p in zip(truth, predicted, strict=True):
        metrics.update(dict(enumerate(y.tolist())), dict(enumerate(p.tolist())))
    return metrics


@given(PAIRS)
@settings(max_examples=40, deadline=None)
def test_equals_scikit_learn_on_closed_label_sets(pair):
    truth, predicted = pair
    seen = (truth | predicted).any(0)
    ours = one_by_one(truth, predicted)
    assert ours.n_rows == len(truth)
    assert ours.exact_match == pytest.approx(reference.accuracy_score(truth, predicted))
    overlap = {"average": "samples", "zero_division": 1.0}
    assert ours.jaccard == pytest.approx(reference.jaccard_score(truth, predicted, **overlap))
    if seen.any():
        micro = reference.f1_score(truth, predicted, average="micro")
        assert ours.micro_f1 == pytest.approx(micro)
        y, p = truth[:, seen], predicted[:, seen]
        assert ours.macro_f1 == pytest.approx(
            np.mean([reference.f1_score(y[:, j], p[:, j]) for j in range(y.shape[1])])
        )
        assert ours.hamming == pytest.approx(np.mean(y != p))
    else:
        assert ours.micro_f1 == ours.macro_f1 == ours.hamming == 0.0


@given(PAIRS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_whole_arrays_equal_row_by_row(pair, sparse):
    truth, predicted = pair
    both = (csr_matrix(truth), csr_matrix(predicted)) if sparse else pair
    whole, single = MultiLabelMetrics.from_arrays(*both), one_by_one(truth, predicted)
    assert whole.as_dict() == single.as_dict()
    assert whole.per_label() == single.per_label()


@given(PAIRS, st.integers(1, 14))
@settings(max_examples=60, deadline=None)
def test_window_equals_scoring_its_rows_alone(pair, window):
    truth, predicted = pair
    sliding = one_by_one(truth, predicted, window)
    alone = one_by_one(truth[-window:], predicted[-window:])
    assert sliding.as_dict() == pytest.approx(alone.as_dict())
    assert sliding.per_label() == alone.per_label()


def test_missing_key_is_not_predicted_and_extra_key_is_a_false_positive():
    metrics = MultiLabelMetrics()
    metrics.update({"a": True}, {})
    metrics.update({"a": True}, {"a": True, "zzz": True})
    metrics.update({}, {"late": False})
    assert metrics.per_label() == {"a": LabelScore(1, 0, 1), "zzz": LabelScore(0, 1, 0)}
    assert metrics.micro_f1 == pytest.approx(2 / 4)
    assert metrics.exact_match == pytest.approx(1 / 3)
    assert metrics.jaccard == pytest.approx((0 + 1 / 2 + 1) / 3)
    assert metrics.hamming == pytest.approx(2 / 6)


@given(st.lists(st.tuples(st.sets(st.integers(0, 5)), st.permutations(range(6))), min_size=1),
       st.integers(1, 8))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_precision_at_k_by_hand_over_all_rows_and_over_the_window(rows, window):
    whole, sliding = MultiLabelMetrics(at=(1, 3)), MultiLabelMetrics(window, at=(1, 3))
    for truth, ranked in rows:
        for each in (whole, sliding):
            each.update(truth, [], ranked)
    for metrics, counted in ((whole, rows), (sliding, rows[-window:])):
        for k in (1, 3):
            share = np.mean([len(truth & set(ranked[:k])) / k for truth, ranked in counted])
            assert metrics.precision_at[k] == pytest.approx(share)
            assert metrics.as_dict()[f"precision_at_{k}"] == metrics.precision_at[k]


def test_a_ranked_label_that_the_truth_does_not_know_is_a_miss():
    metrics = MultiLabelMetrics(at=[2])
    metrics.update({"a": True, "b": False}, {}, ["zzz", "a"])
    metrics.update({"a": True}, {}, ["a"])  # one label known: the second place is a miss
    assert metrics.precision_at == {2: 0.5}
    with pytest.raises(UsageError, match="at must be a list of whole numbers, each at least 1"):
        MultiLabelMetrics(at=[0])


def test_sets_and_dicts_say_the_same():
    left, right = MultiLabelMetrics(), MultiLabelMetrics()
    left.update({"a", "b"}, ["b"])
    right.update({"a": True, "b": True, "c": False}, {"a": False, "b": True})
    assert left.as_dict() == right.as_dict()


def test_no_rows_score_zero():
    assert set(MultiLabelMetrics().as_dict().values()) == {0}
    assert MultiLabelMetrics.from_arrays(*[np.zeros((0, 3), bool)] * 2).as_dict() == (
        MultiLabelMetrics().as_dict()
    )
    assert "n_rows=0" in repr(MultiLabelMetrics())
    assert set(SCORES) < set(MultiLabelMetrics().as_dict())


def test_wrong_input_is_named():
    with pytest.raises(UsageError, match="window must be at least 1"):
        MultiLabelMetrics(window=0)
    with pytest.raises(DataError, match=r"\(2, 3\).*\(2, 4\)"):
        MultiLabelMetrics.from_arrays(np.zeros((2, 3), bool), np.zeros((2, 4), bool))
    with pytest.raises(DataError, match="single label"):
        MultiLabelMetrics().update("cat", [])


def test_scores_written_as_json_go_on_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    names = ["a", 1, True, None, ("t", 2)]

    def drawn() -> list[object]:
        return [name for name in names if rng.random() < 0.4]

    rows = [(drawn(), drawn(), drawn()) for _ in range(300)]
    whole, first = MultiLabelMetrics(50, [1, 3]), MultiLabelMetrics(50, [1, 3])
    for row in rows:
        whole.update(*row)
    for row in rows[:170]:
        first.update(*row)
    again = MultiLabelMetrics.from_json(json.loads(json.dumps(first.to_json())))
    for row in rows[170:]:
        again.update(*row)
    assert again.as_dict() == whole.as_dict() and again.per_label() == whole.per_label()
    assert again.to_json() == whole.to_json()
