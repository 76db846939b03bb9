"""The baselines predict what they should, with labels that come and go."""

from collections import Counter

import numpy as np
from river import datasets, linear_model, multioutput, preprocessing

from growlabels.stream.evaluate.baselines import BinaryRelevance, MajorityLabels


def test_majority_follows_the_most_frequent_set():
    model = MajorityLabels()
    assert model.predict_one({}) == {}
    for labels, best in (({"a"}, {"a"}), ({"b"}, {"a"}), ({"b"}, {"b"}), (set(), {"b"})):
        model.learn_one({}, labels)
        assert {label for label, on in model.predict_one({}).items() if on} == best


def test_empty_set_can_be_the_majority():
    model = MajorityLabels()
    for labels in ([], [], ["a"]):
        model.learn_one({}, labels)
    assert model.predict_one({}) == {"a": False}


def test_majority_ranks_the_most_frequent_labels_first():
    rng, model, counts = np.random.default_rng(0), MajorityLabels(), Counter()
    for row in range(1, 301):
        labels = set(np.minimum(rng.zipf(1.5, rng.integers(4)), 50).tolist())
        model.learn_one({}, labels)
        counts.update(labels)
        ranked = model.predict_topk_one({}, 60)
        assert len(ranked) == len(counts) == len(dict(ranked))
        assert all(share == counts[label] / row for label, share in ranked)
        assert sorted(counts.values(), reverse=True) == [counts[label] for label, _ in ranked]
        assert model.predict_topk_one({}, 2) == ranked[:2]


def test_binary_relevance_is_rivers_on_a_closed_set():
    ours = BinaryRelevance()
    river = preprocessing.StandardScaler() | multioutput.PerOutputClassifier(
        linear_model.LogisticRegression()
    )
    for x, y in datasets.Yeast().take(60):
        assert ours.predict_one(x) == river.predict_one(x)
        ours.learn_one(x, y)
        river.learn_one(x, y)


def test_binary_relevance_takes_sets_and_learns_absence():
    model = BinaryRelevance()
    for i in range(60):
        model.learn_one({"f": float(i % 2)}, {"odd"} if i % 2 else {"even"})
    assert model.predict_one({"f": 1.0}) == {"even": False, "odd": True}
    assert model.predict_one({"f": 0.0}) == {"even": True, "odd": False}


def test_binary_relevance_learns_the_absence_of_labels_that_a_dict_does_not_name():
    dicts, sets = BinaryRelevance(), BinaryRelevance()
    for i in range(80):
        on = {"a", "b"} if i % 2 else {"c", "d"}
        dicts.learn_one({"f": float(i % 2)}, dict.fromkeys(on, True))
        sets.learn_one({"f": float(i % 2)}, on)
    for f in (0.0, 1.0):
        assert dicts.predict_one({"f": f}) == sets.predict_one({"f": f})
    assert dicts.predict_one({"f": 1.0}) == {"a": True, "b": True, "c": False, "d": False}
