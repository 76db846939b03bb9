import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import UsageError
from growlabels.classes import coherence_bound, levenshtein_bound, rankin_bound, welch_bound


@pytest.mark.parametrize("dim", [4, 16, 64, 256, 1024, 4096])
def test_kerdock_meets_levenshtein(dim: int) -> None:
    assert levenshtein_bound(dim * (dim // 2 + 1), dim) == pytest.approx(dim**-0.5, rel=1e-14)


@pytest.mark.parametrize("dim", [1, 2, 3, 10, 100])
def test_simplex_meets_both_bounds(dim: int) -> None:
    assert rankin_bound(dim + 1, dim) == -1 / dim
    assert welch_bound(dim + 1, dim) == pytest.approx(1 / dim, rel=1e-14)


def test_known_equiangular_sets_meet_welch() -> None:
    # six lines through the icosahedron's corners; 28 lines in R^7
    assert welch_bound(6, 3) == pytest.approx(5**-0.5)
    assert welch_bound(28, 7) == pytest.approx(1 / 3)


def test_ranges_of_validity() -> None:
    assert welch_bound(100, 100) == 0
    assert rankin_bound(1, 5) == -1
    assert rankin_bound(6, 5) == -1 / 5
    assert rankin_bound(7, 5) == 0
    assert levenshtein_bound(10, 4) is None
    assert levenshtein_bound(11, 4) is not None
    assert levenshtein_bound(2, 1) == 1


@settings(deadline=None)
@given(st.integers(2, 60), st.integers(0, 5000))
def test_levenshtein_is_above_welch_where_valid(dim: int, more: int) -> None:
    count = dim * (dim + 1) // 2 + 1 + more
    bound = levenshtein_bound(count, dim)
    assert bound is not None
    assert welch_bound(count, dim) <= bound + 1e-12
    assert bound <= 1
    assert coherence_bound(count, dim) == bound or more == 0


@pytest.mark.parametrize("bound", [welch_bound, rankin_bound, levenshtein_bound])
def test_bad_arguments(bound) -> None:
    with pytest.raises(UsageError, match="count must be at least 1, and whole, it was 0"):
        bound(0, 3)
    with pytest.raises(UsageError, match="dim must be at least 1"):
        bound(3, 0)
