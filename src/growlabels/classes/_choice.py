"""Which construction serves a number of classes, and why."""

import operator
from collections.abc import Mapping

from growlabels.base.errors import UsageError
from growlabels.classes import _kerdock
from growlabels.classes._closed_forms import (
    Construction,
    CrossPolytope,
    Identity,
    Kerdock,
    Simplex,
)

STRUCTURED: Mapping[str, type[Identity | Simplex | CrossPolytope | Kerdock]] = {
    kind.kind: kind for kind in (Identity, Simplex, CrossPolytope, Kerdock)
}
DEFAULT_DIMS = (256, 1024, 4096, 16384, 65536)


def choose(capacity: int, dim: int | None) -> tuple[Construction, str]:
    """Pick a construction that holds ``capacity`` vectors; returns it with the reason."""
    if dim is None:
        return _choose_dim(capacity)
    if dim in _kerdock.DIMS and capacity <= dim:
        return Kerdock(dim), (
            f"dim = {dim} is a power of four: the first {dim} Kerdock vectors are orthogonal, "
            f"and {_kerdock.capacity(dim):,} fit in all"
        )
    if capacity <= dim:
        return Identity(dim), f"capacity {capacity:,} <= dim {dim}: orthonormal vectors"
    if capacity == dim + 1:
        return Simplex(dim), f"capacity {capacity:,} = dim + 1: the regular simplex is optimal"
    if capacity <= 2 * dim:
        return CrossPolytope(dim), (
            f"capacity {capacity:,} <= 2 dim: plus and minus unit vectors are the optimum of the "
            "signed cosine"
        )
    if dim not in _kerdock.DIMS or capacity > _kerdock.capacity(dim):
        raise _too_small(capacity, dim)
    return Kerdock(dim), (
        f"dim = {dim} is a power of four: a Kerdock set holds {_kerdock.capacity(dim):,} vectors "
        f"with every |cosine| at most 1/{dim**0.5:.0f}"
    )


def build(kind: str, capacity: int, dim: int) -> Construction:
    """Make a construction of the named kind; it must hold ``capacity`` vectors."""
    if kind not in STRUCTURED:
        raise UsageError.choice("kind", STRUCTURED, kind)
    construction = STRUCTURED[kind](dim)
    if capacity > construction.capacity:
        raise _too_small(capacity, dim)
    return construction


def whole_number(name: str, value: object) -> int:
    """Return ``value`` as an int of at least 1; anything else is a ``UsageError``."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if isinstance(value, bool) or number < 1:
        raise UsageError.parameter(name, "must be a whole number of at least 1", value)
    return number


def _choose_dim(capacity: int) -> tuple[Construction, str]:
    """No dimension wanted: dim >= capacity while that is cheap (256, then 1024).

    On three tasks of 150 to 242 classes dim = 256 was level with a trained layer, and dims well
    below the number of classes lost accuracy; 1024 only costs time where 256 would do.
    """
    for dim in DEFAULT_DIMS:
        roomy = capacity <= dim or (dim > 256 and capacity <= _kerdock.capacity(dim))
        if roomy and capacity <= _kerdock.capacity(dim):
            break
    else:
        raise _too_small(capacity, DEFAULT_DIMS[-1])
    first = f"the first {dim} classes are orthogonal, "
    return Kerdock(dim), (
        f"no dim was asked for: Kerdock vectors with dim = {dim}; {first}"
        f"{_kerdock.capacity(dim):,} fit in all, every |cosine| at most 1/{dim**0.5:.0f}"
    )


def _too_small(capacity: int, dim: int) -> UsageError:
    fitting = [d for d in _kerdock.DIMS if d >= dim and capacity <= _kerdock.capacity(d)]
    holds = max([2 * dim] + [_kerdock.capacity(d) for d in _kerdock.DIMS if d == dim])
    way_out = (
        f"use dim = {fitting[0]}, which holds {_kerdock.capacity(fitting[0]):,}"
        if fitting
        else f"the largest set has {_kerdock.capacity(_kerdock.DIMS[-1]):,} vectors"
    )
    return UsageError.parameter(
        "capacity",
        f"must be at most {holds:,} with dim = {dim} to keep a guarantee",
        capacity,
        way_out,
    )
