"""Yeast from river, against river's own iterator."""

import numpy as np
import pytest

from growlabels.datasets import load_yeast

river = pytest.importorskip("river.datasets")


def test_equals_rivers_rows() -> None:
    data = load_yeast()
    assert data.X.shape == (2417, 103) and data.Y.shape == (2417, 14)
    assert data.X.dtype == np.float64 and data.Y.dtype == np.bool_
    for i, (x, y) in enumerate(river.Yeast()):
        if i in (0, 7, 1000, 2416):
            assert data.X[i].tolist() == [x[name] for name in data.feature_names]
            assert data.Y[i].tolist() == [y[name] for name in data.label_names]
