"""Check that each named model learns a simple stream and knows its labels."""

import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.stream.evaluate.peers import MODELS, VowpalWabbit


def made(name):
    if name.startswith("vw"):
        pytest.importorskip("vowpalwabbit", reason="Vowpal Wabbit comes with the extra bench")
    return MODELS[name][1](4)


@pytest.mark.parametrize("name", MODELS)
def test_each_model_learns_a_simple_stream(name):
    model = made(name)
    for i in range(120):
        y = {"odd": i % 2 == 1, "even": i % 2 == 0, "always": True}
        model.predict_one({"a": float(i % 2), "b": 1.0})
        model.learn_one({"a": float(i % 2), "b": 1.0}, y)
    guess = model.predict_one({"a": 1.0, "b": 1.0})
    assert set(guess) == {"odd", "even", "always"} and guess["always"]
    if name != "majority":
        assert guess["odd"] and not guess["even"]
    if hasattr(model, "predict_topk_one"):
        ranked = dict(model.predict_topk_one({"a": 1.0, "b": 1.0}, k=2))
        assert len(ranked) == 2 and "always" in ranked


def test_a_row_without_labels_is_learned_by_vowpal_wabbit():
    pytest.importorskip("vowpalwabbit", reason="Vowpal Wabbit comes with the extra bench")
    model = VowpalWabbit(labels=1)
    model.learn_one({"a": 1.0}, {"t"})
    assert model.predict_one({"a": 1.0}) == {"t": True}
    for _ in range(20):
        model.learn_one({"a": 1.0}, {})
    assert model.predict_one({"a": 1.0}) == {"t": False}


def test_vowpal_wabbit_says_what_it_cannot_do():
    pytest.importorskip("vowpalwabbit", reason="Vowpal Wabbit comes with the extra bench")
    with pytest.raises(UsageError, match="labels must be at least 1, it was 0"):
        VowpalWabbit(labels=0)
    model = VowpalWabbit(labels=1)
    with pytest.raises(DataError, match="more than 1 labels"):
        model.learn_one({}, {"a", "b"})
