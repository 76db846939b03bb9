import math

import numpy as np
import pytest
from tiny_causal import drawn_rows, one_row_loss, tiny

from growlabels.base.errors import DataError
from growlabels.unsafe.measure.held_out_loss import held_out_losses, loss_change
from growlabels.unsafe.model.trunk import SplitModel, TrunkRows


def test_losses_of_each_row_in_order() -> None:
    rows = drawn_rows([(9, 3), (2, 8), (5, 5), (7, 2)])
    found = held_out_losses(TrunkRows(SplitModel(tiny(), 1), rows, tokens_per_batch=20))
    expected = [float(one_row_loss(tiny(), row)) for row in rows]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_change_of_one_row_has_no_standard_error() -> None:
    change = loss_change(np.array([2.0]), np.array([1.5]))
    assert change.mean == 0.5 and math.isnan(change.standard_error)


def test_no_held_out_rows() -> None:
    with pytest.raises(DataError, match="no held-out rows"):
        loss_change(np.zeros(0), np.zeros(0))
