"""A struct shows compiled code the very arrays of its group."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from growlabels.stream.numeric.struct import Struct, opener


class Pair(NamedTuple):
    line: NDArray[np.int64]
    block: NDArray[np.float32]


class Outer(NamedTuple):
    first: Any
    second: Any
    flags: NDArray[np.bool_]


def pair(seed: int) -> Pair:
    rng = np.random.default_rng(seed)
    return Pair(rng.integers(0, 9, 3), rng.random((2, 3, 4)).astype(np.float32))


@njit
def double(group: Any) -> None:
    for j in range(group.line.size):
        group.line[j] *= 2
    for i in range(group.block.shape[0]):
        group.block[i, 1, 2] = group.block.shape[2] + group.block[i].size


@njit
def total(outer: Any) -> float:
    return outer.first.line.sum() + outer.second.block[1].sum() + outer.flags.sum()


def test_a_struct_reads_and_writes_as_its_group_does() -> None:
    one, other = pair(0), pair(0)
    double(one)
    double(Struct(other))
    for mine, its in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_structs_hold_structs() -> None:
    one, two, flags = pair(1), pair(2), np.array([True, False, True])
    outer = Struct(Outer(Struct(one), Struct(two), flags))
    assert total(outer) == pytest.approx(total(Outer(one, two, flags)))


def test_an_address_opens_the_same_struct() -> None:
    one = pair(3)
    struct, before = Struct(one), one.line.copy()
    at = opener(struct.type)

    @njit
    def add(address: int) -> None:
        at(address).line[0] += 1

    add(struct.address)
    assert one.line[0] == before[0] + 1


def test_equal_groups_have_one_type() -> None:
    assert Struct(pair(4)).type is Struct(pair(5)).type
    wide = Pair(np.zeros(1, np.int64), np.zeros((1, 1, 1), np.float32))
    assert Struct(wide).type is Struct(pair(4)).type
    assert Struct(Pair(wide.line, wide.line)).type is not Struct(wide).type


def test_what_is_not_in_c_order_is_refused() -> None:
    with pytest.raises(ValueError, match="block"):
        Struct(Pair(np.zeros(3, np.int64), np.zeros((2, 3, 4), np.float32).T))
