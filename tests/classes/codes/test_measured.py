import numpy as np
import pytest

from growlabels.base.errors import DataError
from growlabels.classes.codes.measured import Measured
from growlabels.classes.codes.optimise import BLOCK, tight_frame


@pytest.mark.parametrize("count", [2, 20, BLOCK, BLOCK + 1, BLOCK + 90])
def test_cosines_are_those_of_all_pairs(count: int) -> None:
    vectors = tight_frame(BLOCK + 90, 9, np.random.default_rng(0))
    construction = Measured("imported", vectors, "from a test")
    exact = vectors[:count].astype(np.float64)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    pairs = (exact @ exact.T)[np.triu_indices(count, 1)]
    assert construction.cosines(count) == pytest.approx((np.abs(pairs).max(), pairs.max()))


def test_rows_must_be_unit_vectors() -> None:
    vectors = np.eye(4, dtype=np.float32)
    vectors[2] *= 2
    with pytest.raises(DataError, match="class vector 2 must have length 1, it has 2"):
        Measured("imported", vectors, "")
    vectors[2] = np.nan
    with pytest.raises(DataError, match="class vector 2 must have length 1, it has nan"):
        Measured("imported", vectors, "")
    with pytest.raises(DataError, match=r"must be a matrix \(classes, dim\), not \(3,\)"):
        Measured("imported", np.ones(3, dtype=np.float32), "")
