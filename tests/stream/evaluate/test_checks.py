"""The learner and the baselines keep the contracts, and the contracts catch who does not."""

import pytest
from river import base

from growlabels.stream.evaluate.baselines import BinaryRelevance, MajorityLabels
from growlabels.stream.evaluate.checks import check_stream_model, stream_checks
from growlabels.stream.learner.ihomer import IHOMER

CHECKS = list(stream_checks())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("make", [IHOMER, MajorityLabels], ids=lambda make: make.__name__)
def test_keeps(make, check):
    check(make)


def test_every_check_says_what_it_checks_in_one_sentence():
    for check in CHECKS:
        assert check.__doc__ is not None
        assert check.__doc__.count(".") == 1 and check.__doc__.endswith(".")


class Bad(base.MultiLabelClassifier):
    """Counts how often it is asked, and shows it."""

    def __init__(self):
        self.asked = 0

    def learn_one(self, x, y):
        y.clear()

    def predict_one(self, x, **kwargs):
        self.asked += 1
        return {"never seen": True, "asked": self.asked}


@pytest.mark.parametrize(
    "name",
    [
        "check_labels_appear",
        "check_labels_vanish_and_return",
        "check_empty_rows_are_taken",
        "check_learning_leaves_its_input_alone",
        "check_predicting_leaves_the_state_alone",
    ],
)
def test_a_bad_learner_is_caught(name):
    check = next(check for check in CHECKS if check.__name__ == name)
    with pytest.raises(AssertionError):
        check(Bad)


def test_a_learner_that_outgrows_its_memory_is_caught():
    class Greedy(MajorityLabels):
        def __init__(self, max_bytes=2**30):
            super().__init__()
            self.max_bytes = max_bytes

        @property
        def n_bytes(self):
            return 2**20 * len(self._labels)

    check = next(c for c in CHECKS if c.__name__ == "check_memory_stays_under_max_bytes")
    with pytest.raises(AssertionError, match="bytes after 2 rows"):
        check(Greedy)


def test_order_dependence_is_caught():
    class Ordered(MajorityLabels):
        def learn_one(self, x, y):
            super().learn_one(x, [next(iter(y))] if y else [])

    with pytest.raises(AssertionError, match="order of labels"):
        check_stream_model(lambda: Ordered())


def test_rivers_binary_relevance_forgets_nothing():
    by_name = {check.__name__: check for check in CHECKS}
    by_name["check_labels_vanish_and_return"](BinaryRelevance)
