"""Check that an evaluation continues from its saved state exactly as without a break."""

import copy
import json

from growlabels.datasets import load_yeast
from growlabels.stream.evaluate.baselines import MajorityLabels
from growlabels.stream.evaluate.evaluation import Evaluation
from growlabels.stream.rows.array_rows import ArrayRows


def test_a_saved_evaluation_continues_as_without_a_break():
    data = load_yeast()
    rows = list(ArrayRows(data.X[:230], data.Y[:230], data.feature_names, data.label_names))
    settings = {"every": 50, "window": 80, "delay": 7, "at": (1,)}
    whole = Evaluation({"m": MajorityLabels()}, **settings)
    whole.go(rows)
    model = MajorityLabels()
    first = Evaluation({"m": model}, **settings)
    first.go(rows[:120])
    state = json.loads(json.dumps(first.to_json()))
    second = Evaluation({"m": copy.deepcopy(model)}, **settings)
    second.fill(state)
    assert second.rows == 120
    second.go(rows[120:])
    expected, found = whole.end()["m"], second.end()["m"]
    assert found.metrics.as_dict() == expected.metrics.as_dict()
    assert [(p.row, p.total, p.recent) for p in found.curve] == [
        (p.row, p.total, p.recent) for p in expected.curve
    ]


def test_the_state_can_be_saved_after_each_chunk_of_rows():
    rows, seen = [({}, {"a"})] * 5, []
    evaluation = Evaluation({"m": MajorityLabels()}, every=2)
    evaluation.go(rows, after=lambda: seen.append(evaluation.rows))
    assert seen == [1, 2, 3, 4, 5]
