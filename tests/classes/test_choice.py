import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.classes import Codebook


@pytest.mark.parametrize(
    ("capacity", "dim", "kind"),
    [
        (1, 1, "identity"),
        (2, 1, "simplex"),
        (100, 100, "identity"),
        (101, 100, "simplex"),
        (102, 100, "cross-polytope"),
        (200, 100, "cross-polytope"),
        (10, 64, "kerdock"),
        (64, 64, "kerdock"),
        (65, 64, "simplex"),
        (128, 64, "cross-polytope"),
        (129, 64, "kerdock"),
        (2112, 64, "kerdock"),
    ],
)
def test_first_construction_that_fits(capacity: int, dim: int, kind: str) -> None:
    codebook = Codebook.for_classes(capacity, dim)
    assert (codebook.kind, codebook.dim) == (kind, dim)
    assert codebook.capacity >= capacity
    assert codebook.reason


@pytest.mark.parametrize(
    ("capacity", "dim"),
    [
        (1, 256),
        (256, 256),
        (257, 1024),
        (100_352, 1024),
        (525_312, 1024),
        (525_313, 4096),
        (10**7, 16384),
        (2 * 10**9, 65536),
    ],
)
def test_default_dimension(capacity: int, dim: int) -> None:
    codebook = Codebook.for_classes(capacity)
    assert (codebook.kind, codebook.dim) == ("kerdock", dim)
    assert f"dim = {dim}" in codebook.reason


def test_a_kind_by_name() -> None:
    assert Codebook.for_classes(10, 64, kind="simplex").kind == "simplex"
    with pytest.raises(UsageError, match="kind must be one of 'identity', 'simplex'"):
        Codebook.for_classes(10, 64, kind="cube")
    with pytest.raises(UsageError, match="dim must be given together with kind"):
        Codebook.for_classes(10, kind="simplex")
    with pytest.raises(UsageError, match="use dim = 16, which holds 144"):
        Codebook.for_classes(20, 16, kind="identity")


@pytest.mark.parametrize("capacity", [0, -3, 2.5, "ten", None, True])
def test_capacity_must_be_a_whole_number(capacity) -> None:
    with pytest.raises(UsageError, match="capacity must be a whole number of at least 1, it was"):
        Codebook.for_classes(capacity)


def test_numpy_integers_are_whole_numbers() -> None:
    assert Codebook.for_classes(np.int64(5), np.int32(8)).n_classes == 5


@pytest.mark.parametrize("dim", [0, -1, 1.5])
def test_dim_must_be_a_whole_number(dim) -> None:
    with pytest.raises(UsageError, match="dim must be a whole number of at least 1"):
        Codebook.for_classes(5, dim)


def test_dim_too_small_names_the_dim_that_fits() -> None:
    with pytest.raises(UsageError, match=r"at most 144 with dim = 16 .* use dim = 64, which holds"):
        Codebook.for_classes(145, 16)
    with pytest.raises(UsageError, match="the largest set has 2,147,549,184 vectors"):
        Codebook.for_classes(10**10)
