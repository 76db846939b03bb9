"""A row as the experts see it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream.experts.predict import PARTS, clip, unit_rows
from growlabels.stream.experts.stack import EXPERTS


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.floats(1e-100, 1e100))
def test_unit_rows(seed: int, size: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.choice([-1, 1], size) * (rng.random(size) + 0.1)
    present = rng.integers(0, 30, 50).astype(float)
    index = np.sort(rng.permutation(50)[:size])
    plain, weighted = np.empty(size, np.float32), np.empty(size, np.float32)
    unit_rows(index, x * scale, 30, present, plain, weighted)
    idf = np.log(32 / (present[index] + 1.5))
    np.testing.assert_allclose(plain, x / np.linalg.norm(x), rtol=1e-5)
    np.testing.assert_allclose(weighted, x * idf / np.linalg.norm(x * idf), rtol=1e-5, atol=1e-6)


def test_an_empty_row_stays_empty() -> None:
    nothing, index = np.empty(0, np.float32), np.empty(0, np.int64)
    unit_rows(index, np.empty(0), 3, np.zeros(2), nothing, nothing)


def test_logits_are_clipped() -> None:
    assert [clip(z) for z in (-9.0, 1.5, 7.0)] == [-6.0, 1.5, 6.0]
    assert len(EXPERTS) == PARTS
