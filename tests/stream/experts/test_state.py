"""Arrays grow without a change to what they hold."""

import numpy as np
import pytest

from growlabels.stream.experts.state import (
    DENSE,
    FIRST_SQUARE,
    NODES,
    OLDEST,
    RIDGE,
    RIDGE_PENALTY,
    SPARSE,
    Experts,
    capacity,
    experts_bytes,
    grown_experts,
    new_experts,
)


@pytest.mark.parametrize("mode", [RIDGE, DENSE, SPARSE])
def test_growing_keeps_the_old_and_starts_the_new(mode: int) -> None:
    small = new_experts(mode, 10, 4, 2, 8)
    rng = np.random.default_rng(0)
    for name in Experts._fields:
        array = getattr(small, name)
        if array.dtype.kind == "f":
            array[...] = rng.random(array.shape)
    small.totals[NODES], small.totals[OLDEST] = 13, 7
    small.node_feature[:] = np.arange(8) + 100
    big = grown_experts(small, mode, 9, 3, 6)
    assert capacity(big) == (16, 4, 16)
    fresh = new_experts(mode, 10, 16, 4, 16)
    for name in Experts._fields:
        old, new, start = getattr(small, name), getattr(big, name), getattr(fresh, name)
        if name.startswith("node_") or name == "follower":
            for node in range(7, 13):
                assert new[node % new.size] == old[node % old.size]
            continue
        inside = tuple(slice(0, size) for size in old.shape)
        assert np.array_equal(new[inside], old)
        outside = np.ones(new.shape, bool)
        outside[inside] = False
        assert np.array_equal(new[outside], start[outside])
    assert grown_experts(big, mode, 16, 4, 10) is big
    wider_ring = grown_experts(big, mode, 16, 4, 30)
    assert wider_ring.node_value.size == 64
    assert wider_ring.linear is big.linear


def test_new_experts_know_nothing() -> None:
    experts = new_experts(RIDGE, 5, 3, 2, 4)
    assert (experts.linear_squares == np.float32(FIRST_SQUARE)).all()
    np.testing.assert_array_equal(experts.covariance, np.eye(8) / RIDGE_PENALTY)
    assert not experts.linear.any()


@pytest.mark.parametrize("mode", [RIDGE, DENSE, SPARSE])
def test_bytes_are_those_of_the_arrays(mode: int) -> None:
    for room in ((16, 8, 256), (1024, 3, 1), (7, 1, 64)):
        made = new_experts(mode, 100, *room)
        assert experts_bytes(mode, 100, *room) == sum(array.nbytes for array in made)
