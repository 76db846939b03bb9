"""A bundle is the arrays themselves, made again only when one is replaced."""

import pickle
from typing import Any

from numba import njit

from growlabels.stream.experts.bundle import Bundler
from growlabels.stream.experts.label_sets import empty_sets
from growlabels.stream.experts.stack import new_stack
from growlabels.stream.experts.state import RIDGE, ROWS, new_experts
from growlabels.stream.numeric.adwin import empty_monitor


@njit
def count(bundle: Any) -> None:
    bundle.experts.totals[ROWS] += 1


def test_compiled_code_changes_the_arrays_that_were_given() -> None:
    state = [new_experts(RIDGE, 5, 3, 2, 4), new_stack(), empty_sets(), empty_monitor()]
    bundler = Bundler()
    count(bundler(*state))
    assert state[0].totals[ROWS] == 1
    assert bundler(*state) is bundler(*state)
    before = bundler(*state)
    state[0] = new_experts(RIDGE, 5, 3, 2, 4)
    assert bundler(*state) is not before
    count(bundler(*state))
    assert state[0].totals[ROWS] == 1
    copy = pickle.loads(pickle.dumps(bundler))  # noqa: S301 (made on this line)
    count(copy(*state))
    assert state[0].totals[ROWS] == 2
