"""An explanation adds up to the prediction it explains, and leaves the state alone."""

import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.stream import IHOMER
from growlabels.stream.learner.hierarchy import LabelNode


@pytest.mark.parametrize("density", [1.0, 0.1])
def test_parts_add_up_and_the_chosen_set_is_the_predicted_one(density):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(220, 12)) * (rng.random((220, 12)) < density)
    Y = X[:, :4] > 0.2
    model, twin = IHOMER(window=100), IHOMER(window=100)
    for each in (model, twin):
        each.learn_many(X[:200], Y[:200])
    sets = {tuple(y): int((Y[:200] == y).all(1).sum()) for y in Y[:200].tolist()}
    for x in X[200:].tolist():
        row = dict(enumerate(x)) | {"new": 0.5}
        why, odds = model.explain_one(row, k=2), model.predict_proba_one(row)
        guess = model.predict_one(row)
        assert set(why.chosen) == {label for label, on in guess.items() if on}
        assert why.times_seen == sets.get(tuple(i in why.chosen for i in range(4)), 0)
        assert set(why.chosen) <= {reason.label for reason in why.labels}
        for reason in why.labels:
            total = sum(reason.parts.values())
            assert reason.probability == pytest.approx(odds[reason.label][True], abs=1e-9)
            assert 1 / (1 + np.exp(-total)) == pytest.approx(reason.probability)
            assert str(reason.label) in why.to_text()
    assert np.array_equal(model.predict_proba_many(X), twin.predict_proba_many(X))


def test_another_learner_says_that_it_has_no_stack():
    with pytest.raises(UsageError, match="preset='default'"):
        IHOMER(preset="paper").explain_one({"a": 1.0})


def test_text_for_graphviz_is_escaped():
    hostile = 'a"]; evil [label="\\'
    leaves = (LabelNode((hostile,), 1.0, "label", 0.5), LabelNode(("b\nc",), 1.0, "label", 0.1))
    lines = LabelNode((hostile, "b\nc"), 0.5, "root", 0.5, leaves).to_dot().splitlines()
    assert len(lines) == 9
    assert lines[4] == '  n1 [label="a\\"]; evil [label=\\"\\\\ (50.0 % of rows)"];'
    assert lines[5] == '  n2 [label="b\\nc (10.0 % of rows)"];'
