"""A model that was trained with names refuses rows under other names."""

import numpy as np
import pandas as pd
import pytest

from growlabels.base.errors import UsageError
from growlabels.stream import IHOMER

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(200, 3)), columns=["temp", "flow", "noise"])
Y = pd.DataFrame({"hot": X["temp"] > 0, "leak": X["flow"] > 0.5})


@pytest.fixture
def model() -> IHOMER:
    model = IHOMER()
    model.learn_many(X, Y)
    return model


def test_columns_without_names_are_refused(model: IHOMER) -> None:
    with pytest.raises(UsageError, match=r"model's 3 features .*: it has 0, 1, 2"):
        model.predict_many(X.to_numpy())
    with pytest.raises(UsageError, match="X has none of the model's 3 features"):
        model.learn_many(X.to_numpy(), Y)
    with pytest.raises(UsageError, match="y has no column names, and the model's labels have"):
        model.learn_many(X, Y.to_numpy())
    assert model.labels_ == ["hot", "leak"]


def test_a_single_row_may_have_any_names(model: IHOMER) -> None:
    assert model.predict_one({"Temp": 1.0}).keys() == {"hot", "leak"}
    assert model.predict_one({"temp": 3.0, "other": 1.0})["hot"]
