"""The state of the learner as one argument of compiled code.

To hand over fifty arrays takes longer than to learn a short row. A bundle is one address; it is
made again only when one of its arrays has been replaced by a larger one.
"""

from typing import Any, NamedTuple

from growlabels.stream.experts.label_sets import LabelSets, empty_sets
from growlabels.stream.experts.scratch import new_room
from growlabels.stream.experts.stack import Stack, new_stack
from growlabels.stream.experts.state import SPARSE, Experts, new_experts
from growlabels.stream.numeric.adwin import Monitor, empty_monitor
from growlabels.stream.numeric.struct import Struct, opener


class State(NamedTuple):
    """What the compiled loop reads and writes; each field is a struct of arrays.

    Attributes
    ----------
    experts, stack, sets, monitor
        State of the learner.
    room
        Arrays to work in.
    """

    experts: Struct
    stack: Struct
    sets: Struct
    monitor: Struct
    room: Struct


def _bundle(experts: Experts, stack: Stack, sets: LabelSets, monitor: Monitor) -> Struct:
    parts = experts, stack, sets, monitor, new_room(experts)
    return Struct(State(*map(Struct, parts)))


_TYPE = _bundle(new_experts(SPARSE, 1, 1, 1, 1), new_stack(), empty_sets(), empty_monitor()).type
state_at = opener(_TYPE)
"""For compiled code: the :class:`State` at an address."""


class Bundler:
    """Makes a bundle of what it is given, or gives the last one again; never saved."""

    def __init__(self) -> None:
        self._made: tuple[Any, ...] = (None,) * 5

    def __call__(self, experts: Experts, stack: Stack, sets: LabelSets, monitor: Monitor) -> int:
        """Return the address of a :class:`State`, good until the next call."""
        bundle, *made = self._made
        same = experts is made[0] and stack is made[1] and sets is made[2] and monitor is made[3]
        if not same:
            bundle = _bundle(experts, stack, sets, monitor)
            assert bundle.type is _TYPE
            self._made = bundle, experts, stack, sets, monitor
        return bundle.address

    def __reduce__(self) -> tuple[type["Bundler"], tuple[()]]:
        """Copies and pickles start empty."""
        return Bundler, ()
