"""The default scale of a head."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growlabels.classes.heads.scale import auto_scale


@given(st.integers(1, 10**9), st.floats(-1.0, 0.99))
def test_an_aligned_embedding_has_a_small_loss_unless_the_limit_prevents_it(
    count: int, coherence: float
) -> None:
    scale = auto_scale(count, coherence)
    assert 12 <= scale <= 100
    loss = math.log1p((count - 1) * math.exp(-(1 - coherence) * scale))
    assert loss <= 1e-3 * (1 + 1e-9) or scale == 100


@pytest.mark.parametrize(
    ("count", "scale"), [(1, 12.0), (2, 12.0), (150, 3 * math.log(150)), (1024, 32), (10**6, 32)]
)
def test_orthogonal_classes(count: int, scale: float) -> None:
    assert auto_scale(count, 0.0) == pytest.approx(scale)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_classes_never_lower_the_scale(few: int, more: int) -> None:
    assert auto_scale(few, 0.0) <= auto_scale(few + more, 0.0) * (1 + 1e-12)
