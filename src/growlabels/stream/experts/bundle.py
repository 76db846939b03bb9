"""The state of the learner as one argument of compiled code.

To hand over forty arrays takes longer than to learn a short row. A bundle costs no more than one
array; it is made again only when one of its arrays has been replaced by a larger one.
"""

from typing import Any

from numba import types
from numba.experimental import structref

from growlabels.stream.numeric.numba import compiled


@structref.register
class BundleType(types.StructRef):
    """The type of a :class:`Bundle`, for the compiler."""


class Bundle(structref.StructRefProxy):
    """Experts, stack, label sets and monitor: compiled code sees the very same arrays."""


structref.define_proxy(Bundle, BundleType, ["experts", "stack", "sets", "monitor"])


@compiled()
def _bundle(experts, stack, sets, monitor):
    return Bundle(experts, stack, sets, monitor)


class Bundler:
    """Makes a bundle of what it is given, or gives the last one again; never saved."""

    def __init__(self) -> None:
        self._made: tuple[Any, ...] = (None,) * 5

    def __call__(self, experts: Any, stack: Any, sets: Any, monitor: Any) -> Any:
        """Return the bundle of experts, stack, label sets and monitor."""
        bundle, *made = self._made
        same = experts is made[0] and stack is made[1] and sets is made[2] and monitor is made[3]
        if not same:
            bundle = _bundle(experts, stack, sets, monitor)
            self._made = bundle, experts, stack, sets, monitor
        return bundle

    def __reduce__(self) -> tuple[type["Bundler"], tuple[()]]:
        """Copies and pickles start empty."""
        return Bundler, ()
