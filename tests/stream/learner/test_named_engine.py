"""Find the row at which the label tree replaces the experts."""

import numpy as np
import pytest
from scipy import sparse

from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.learner.named_engine import like, outgrown_at
from growlabels.stream.numeric.rows import Rows


@pytest.mark.parametrize(("most_labels", "row"), [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_the_experts_end_at_the_first_row_with_too_many_labels(most_labels: int, row: int) -> None:
    x_start = np.arange(5)
    y_start, y_index = np.array([0, 0, 1, 2, 3]), np.array([1, 2, 3])
    rows = Rows(x_start, np.zeros(4, np.int64), np.ones(4), y_start, y_index)
    assert outgrown_at(IHOMER()._engine, rows, most_labels, 2**30) == row


def test_predictions_have_the_form_of_the_features() -> None:
    chosen = np.array([[True, False], [False, True]])
    assert like(np.zeros((2, 1)), sparse.csr_array(chosen)).tolist() == chosen.tolist()
    found = like(sparse.csr_array((2, 1)), chosen)
    assert sparse.issparse(found) and (found.toarray() == chosen).all()
