"""Check how one model is run: its optional methods, delayed labels and chunks of rows."""

import numpy as np
import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.stream.evaluate.baselines import BinaryRelevance, MajorityLabels
from growlabels.stream.evaluate.runner import Runner, can_rank, chunks
from growlabels.stream.rows.array_rows import ArrayRows


class Plain:
    """Predict with ``predict_one`` only."""

    def __init__(self):
        self.learned = []

    def predict_one(self, x):
        return {"a": True, "b": False}

    def learn_one(self, x, y):
        if "bad" in x:
            raise DataError("feature 'bad' is unknown")
        self.learned.append(x["row"])


class Short(Plain):
    """Predict the present labels only."""

    def predict_labels_one(self, x):
        return ["a"]

    def predict_one(self, x):
        raise AssertionError("predict_labels_one replaces predict_one")


@pytest.mark.parametrize(("kind", "guess"), [(Plain, {"a": True, "b": False}), (Short, ["a"])])
def test_predict_labels_one_replaces_predict_one(kind, guess):
    runner = Runner(kind(), delay=0, most=0)
    assert [step[:2] for step in runner.steps([({"row": 0}, {"b"})])] == [({"b"}, guess)]


def test_labels_that_are_late_at_the_end_are_learned_then():
    model = Plain()
    runner = Runner(model, delay=2, most=0)
    for row in range(3):
        list(runner.steps([({"row": row}, {"a"})]))
    assert model.learned == [0]
    runner.end()
    assert model.learned == [0, 1, 2]


def test_an_error_names_the_row_that_is_learned():
    runner = Runner(Plain(), delay=0, most=0)
    list(runner.steps([({"row": 0}, {"a"})]))
    with pytest.raises(DataError, match=r"^row 1 \(counting from 0\): feature 'bad' is unknown$"):
        list(runner.steps([({"bad": 1}, {"a"})]))


def test_arrays_come_in_chunks_and_pairs_one_by_one():
    rows = ArrayRows(np.ones((5, 1)), np.ones((5, 1), bool))
    assert [len(part) for part in chunks(rows, 2)] == [2, 2, 1]
    assert [len(part) for part in chunks(iter(rows), 2)] == [1] * 5


def test_models_that_can_rank():
    assert can_rank(MajorityLabels()) and can_rank(BinaryRelevance()) and not can_rank(Plain())
    with pytest.raises(UsageError, match="got int"):
        Runner(3, delay=0, most=0)
