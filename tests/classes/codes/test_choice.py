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
        (2113, 64, "delsarte-goethals"),
        (2_097_216, 64, "delsarte-goethals"),
        (257, 128, "gold"),
        (16_512, 128, "gold"),
        (21, 10, "optimised"),
        (5, 2, "optimised"),
        (48, 3, "optimised"),
        (5000, 500, "kerdock-blocks"),
        (20_000, 300, "kerdock-blocks"),
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
        (1024, 1024),
        (1025, 4096),
        (65_536, 4096),
        (65_537, 1024),
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


def test_in_the_plane_the_vectors_are_a_regular_polygon() -> None:
    assert Codebook.for_classes(10, 2).certificate().signed == pytest.approx(0.80902, abs=1e-3)


def test_a_kind_by_name() -> None:
    assert Codebook.for_classes(10, 64, kind="simplex").kind == "simplex"
    with pytest.raises(UsageError, match="kind must be one of 'identity', 'simplex'"):
        Codebook.for_classes(10, 64, kind="cube")
    with pytest.raises(UsageError, match="dim must be given together with kind"):
        Codebook.for_classes(10, kind="simplex")
    with pytest.raises(UsageError, match="at most 16 for kind 'identity' with dim = 16"):
        Codebook.for_classes(20, 16, kind="identity")
    with pytest.raises(UsageError, match=r"capacity must be above dim = 8 .* it was 5; leave kind"):
        Codebook.for_classes(5, 8, kind="optimised")
    with pytest.raises(UsageError, match="dim must be at least 16 for layers of forms, it was 4"):
        Codebook.for_classes(10, 4, kind="delsarte-goethals")
    with pytest.raises(UsageError, match="2 dim - 1 a prime power = 1 mod 4 for a Paley frame"):
        Codebook.for_classes(20, 16, kind="paley")


@pytest.mark.parametrize("capacity", [0, -3, 2.5, "ten", None, True])
def test_capacity_must_be_a_whole_number(capacity) -> None:
    with pytest.raises(UsageError, match="capacity must be a whole number of at least 1, it was"):
        Codebook.for_classes(capacity)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, it was 0"),
        ({"seed": -1}, "seed must be a whole number of at least 0, it was -1"),
        ({"criterion": "both"}, "criterion must be one of 'absolute', 'signed', it was 'both'"),
    ],
)
def test_settings_of_a_search_are_checked_even_where_none_is_needed(wrong, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Codebook.for_classes(5, **wrong)


def test_numpy_integers_are_whole_numbers() -> None:
    assert Codebook.for_classes(np.int64(5), np.int32(8)).n_classes == 5


@pytest.mark.parametrize("dim", [0, -1, 1.5])
def test_dim_must_be_a_whole_number(dim) -> None:
    with pytest.raises(UsageError, match="dim must be a whole number of at least 1"):
        Codebook.for_classes(5, dim)


@pytest.mark.parametrize(
    ("capacity", "dim", "kind"),
    [
        (10, 13, "identity"),
        (14, 13, "simplex"),
        (15, 13, "paley"),
        (26, 13, "paley"),
        (27, 13, "optimised"),
        (20, 12, "optimised"),
        (20, 16, "kerdock"),
        (20, 8, "gold"),
    ],
)
def test_absolute_cosines_leave_no_opposite_vectors(capacity: int, dim: int, kind: str) -> None:
    codebook = Codebook.for_classes(capacity, dim, criterion="absolute", steps=20)
    assert codebook.kind == kind
    assert codebook.certificate().alpha < 0.6


@pytest.mark.parametrize(
    ("capacity", "dim", "larger"),
    [
        (100, 3, 16),
        (70, 4, 16),
        (1000, 2, 64),
        (1000, 4, 64),
        (10**6, 16, 4096),
        (10**6, 100, 4096),
    ],
)
def test_dim_too_small_names_the_dim_that_fits(capacity: int, dim: int, larger: int) -> None:
    expected = f"dim must be larger to keep .* apart, it was {dim}; use dim = {larger}, which"
    with pytest.raises(UsageError, match=expected):
        Codebook.for_classes(capacity, dim)


def test_a_refusal_names_the_search_where_that_is_possible() -> None:
    with pytest.raises(UsageError, match=r'33,024, or kind="optimised", a search that takes min'):
        Codebook.for_classes(5000, 100)
    with pytest.raises(UsageError, match=r"dim = 256, which holds 33,024$"):
        Codebook.for_classes(20_000, 100)


def test_more_classes_than_any_construction_holds() -> None:
    with pytest.raises(UsageError, match="capacity must be at most 2,147,549,184 with a proof"):
        Codebook.for_classes(10**10)
