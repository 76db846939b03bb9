"""The checks that River runs on its own estimators; where these fetch data, rows of ours serve."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from river import checks, datasets

from growlabels.stream.evaluate.baselines import BinaryRelevance, MajorityLabels
from growlabels.stream.learner.ihomer import IHOMER


class Yeast:
    """The multi-label rows that come with River, in place of those it would download."""

    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        return iter(datasets.Yeast().take(self.rows))


def sparse_rows(rows):
    rng = np.random.default_rng(0)
    for _ in range(rows):
        words = rng.choice(60, 6, replace=False).tolist()
        yield {f"w{i}": 1.0 for i in words}, {i: i in words for i in range(4)}


@pytest.fixture
def offline(monkeypatch):
    def rows(model, scale=1):
        yield Yeast(50 * scale)
        yield list(sparse_rows(50 * scale))

    monkeypatch.setattr(checks, "_yield_datasets", rows)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("model", [IHOMER(), IHOMER(window=100, drift=None), MajorityLabels()])
def test_every_check_of_river_passes(model, offline):
    ran = [check.__name__ for check in checks.yield_checks(model)]
    assert len(ran) > 30 and "check_pickling" in ran and "check_bounded_memory_growth" in ran
    checks.check_estimator(model)


def test_a_failing_check_is_noticed(offline):
    class Forgetful(MajorityLabels):
        def learn_one(self, x, y):
            x.clear()

    with pytest.raises(AssertionError):
        checks.check_estimator(Forgetful())


def test_river_pipelines_take_the_learner():
    from river import preprocessing

    model = preprocessing.StandardScaler() | IHOMER()
    for x, y in itertools.islice(datasets.Yeast(), 40):
        model.predict_one(x)
        model.learn_one(x, y)
    assert functools.reduce(lambda a, b: a + b, model.predict_one(x).values()) >= 0
    assert BinaryRelevance().clone()


def test_river_pipelines_take_mini_batches():
    from river import preprocessing

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "b", "c"])
    y = X[["a", "b"]] > 0
    scaler, twin = preprocessing.StandardScaler(), IHOMER()
    model = preprocessing.StandardScaler() | IHOMER()
    for part in (slice(0, 50), slice(50, 80)):
        model.learn_many(X[part], y[part])
        scaler.learn_many(X[part])
        twin.learn_many(scaler.transform_many(X[part]).to_numpy(), y[part])
    scaled = scaler.transform_many(X).to_numpy()
    assert np.array_equal(model.predict_many(X), twin.predict_many(scaled))
    assert np.array_equal(model.predict_proba_many(X), twin.predict_proba_many(scaled))
    assert model["IHOMER"].labels_ == ["a", "b"]
