"""Choose a construction for a number of classes and give the reason."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress, silent
from growlabels.classes.codes import gold, kerdock
from growlabels.classes.codes.bounds import coherence_bound
from growlabels.classes.codes.closed_forms import Construction, CrossPolytope, Identity, Simplex
from growlabels.classes.codes.measured import Measured
from growlabels.classes.codes.optimise import Criterion, optimise
from growlabels.classes.codes.paley import is_paley_dim
from growlabels.classes.codes.structured import (
    DelsarteGoethals,
    Gold,
    Kerdock,
    KerdockBlocks,
    Paley,
)

# Dimensions that are chosen by default, each with the largest number of classes it is chosen for.
DEFAULT_ROOM = (
    *((256, 256), (1024, 1024), (4096, 65_536)),
    *((dim, kerdock.capacity(dim)) for dim in (1024, 4096, 16384, 65536)),
)
# Most Delsarte-Goethals layers that are chosen automatically: |cosine| up to 4/sqrt(dim).
LAYERS = 2
# Largest capacity^2 dim for which a search is chosen automatically. An iteration costs about
# 3 capacity^2 dim operations; the default 250 iterations then take about 20 s on one core.
SEARCHED = 2e9

CROWDED = 0.6  # no search is chosen if the lower bound on the largest |cosine| exceeds this
SMALL = 16  # in 2 and 3 dimensions a search is chosen for at most this many vectors times dim


@dataclass(frozen=True)
class Wish:
    """Requirements on a codebook: the arguments of ``Codebook.for_classes``."""

    capacity: int
    dim: int
    criterion: Criterion | None = None
    steps: int = 250
    seed: int = 0


def choose(wish: Wish, progress: Progress = silent) -> tuple[Construction, str]:
    """Return the first construction that holds ``wish.capacity`` vectors, and the reason."""
    n, d = wish.capacity, wish.dim
    if n <= 2 * d and (found := _few(wish)):
        return found
    if d in kerdock.DIMS and n <= kerdock.capacity(d):
        return Kerdock(d), (
            f"dim = {d} is a power of four: a Kerdock set holds {kerdock.capacity(d):,} vectors "
            f"with every |cosine| at most 1/{d**0.5:.0f}"
        )
    if d in gold.DIMS and n <= d * (d + 1):
        return Gold(d), (
            f"dim = {d} is an odd power of two: a Gold-type set holds {d * (d + 1):,} vectors "
            f"with every |cosine| at most sqrt(2/{d})"
        )
    if d in kerdock.DIMS and (layers := _layers(n, d)):
        return DelsarteGoethals(d, layers), (
            f"more than the {kerdock.capacity(d):,} vectors of the Kerdock set of dim = {d}: "
            f"{layers} more layers of forms, |cosine| up to {2**layers / d**0.5:.4g}; "
            "a larger dim separates better"
        )
    if 2 <= d < kerdock.DIMS[0] and n <= SMALL * d:
        return _search(replace(wish, criterion=wish.criterion or "signed"), progress), (
            f"{n} vectors in {d} dimensions: searched numerically; a larger dim separates better"
        )
    if n * n * d <= SEARCHED and coherence_bound(n, d) <= CROWDED:
        return _search(wish, progress), (
            f"no construction fills {d} dimensions with {n:,} vectors: searched numerically"
        )
    if d >= kerdock.DIMS[0] and n <= (blocks := KerdockBlocks(d)).capacity:
        return blocks, (
            f"dim = {d} is no power of two and {n:,} vectors are many for a search: Kerdock sets "
            f"of dim {blocks.size} in {blocks.blocks} of its blocks; "
            f"dim = {_next_power_of_four(d)} separates better"
        )
    raise _too_small(n, d)


def choose_dim(capacity: int) -> tuple[Construction, str]:
    """Choose the dimension as well, and return the construction and the reason.

    Up to 4,096 classes the dimension is at least the number of classes: fewer dimensions lost
    accuracy wherever it was measured, tens of points in short training with thousands of classes.
    Then it is 4,096 up to 65,536 classes. Above, where that would double the time of a step and
    multiply the memory of an embedding by four, it is the least that has room.
    """
    for dim, most in DEFAULT_ROOM:
        if capacity <= most:
            crowded = dim < 4096 and capacity > dim
            return Kerdock(dim), (
                f"no dim was asked for: Kerdock vectors with dim = {dim}; the first {dim} classes "
                f"are orthogonal, {kerdock.capacity(dim):,} fit in all, every |cosine| at most "
                f"1/{dim**0.5:.0f}"
                + ("; dim = 4096 separates better and takes twice the time" if crowded else "")
            )
    raise _too_small(capacity, DEFAULT_ROOM[-1][0])


def build(kind: str, wish: Wish, progress: Progress = silent) -> Construction:
    """Build the construction named ``kind``, which must hold ``wish.capacity`` vectors."""
    if kind == "optimised":
        return _search(wish, progress)
    if kind not in STRUCTURED:
        raise UsageError.choice("kind", [*STRUCTURED, "optimised"], kind)
    construction = STRUCTURED[kind](wish)
    if wish.capacity > construction.capacity:
        raise UsageError.parameter(
            "capacity",
            f"must be at most {construction.capacity:,} for kind {kind!r} with dim = {wish.dim}",
            wish.capacity,
            "use a larger dim or omit kind",
        )
    return construction


STRUCTURED: Mapping[str, Callable[[Wish], Construction]] = {
    "identity": lambda wish: Identity(wish.dim),
    "simplex": lambda wish: Simplex(wish.dim),
    "cross-polytope": lambda wish: CrossPolytope(wish.dim),
    "paley": lambda wish: Paley(wish.dim),
    "kerdock": lambda wish: Kerdock(wish.dim),
    "kerdock-blocks": lambda wish: KerdockBlocks(wish.dim),
    "gold": lambda wish: Gold(wish.dim),
    "delsarte-goethals": lambda wish: DelsarteGoethals(
        wish.dim, _layers(wish.capacity, wish.dim) or 1
    ),
}


def whole_number(name: str, value: object, least: int = 1) -> int:
    """Return ``value`` as an int, or raise ``UsageError`` unless it is whole and >= ``least``."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise UsageError.parameter(name, f"must be a whole number of at least {least}", value)
    return number


def _few(wish: Wish) -> tuple[Construction, str] | None:
    """Return a construction that is optimal for at most 2 dim vectors, if there is one."""
    n, d = wish.capacity, wish.dim
    if n <= d and d in kerdock.DIMS:
        return Kerdock(d), (
            f"dim = {d} is a power of four: the first {d} Kerdock vectors are orthogonal, "
            f"and {kerdock.capacity(d):,} fit in all"
        )
    if n <= d:
        return Identity(d), f"capacity {n:,} <= dim {d}: orthonormal vectors"
    if n == d + 1:
        return Simplex(d), f"capacity {n:,} = dim + 1: the regular simplex is optimal"
    if wish.criterion != "absolute":
        return CrossPolytope(d), (
            f"capacity {n:,} <= 2 dim: plus and minus unit vectors are the optimum of the signed "
            "cosine"
        )
    if is_paley_dim(d):
        return Paley(d), (
            f"capacity {n:,} <= 2 dim and {2 * d - 1} is a prime power: a Paley conference frame "
            "is optimal"
        )
    return None


def _search(wish: Wish, progress: Progress) -> Measured:
    if wish.capacity <= wish.dim:
        raise UsageError.parameter(
            "capacity",
            f"must be above dim = {wish.dim} to need a search",
            wish.capacity,
            "leave kind out: at most dim vectors can be orthogonal",
        )
    criterion = wish.criterion or "absolute"
    made = 0

    def count(stage: str, done: int, total: int | None = None) -> None:
        nonlocal made
        made = done
        progress(stage, done, total)

    vectors = optimise(
        wish.capacity, wish.dim, criterion, wish.steps, seed=wish.seed, progress=count
    )
    steps = f"{wish.steps}" if made == wish.steps else f"interrupted after {made} of {wish.steps}"
    return Measured(
        "optimised",
        vectors,
        f"numerical search for a small {criterion} cosine, {steps} steps, seed {wish.seed}; "
        "measured over all pairs",
    )


def _next_power_of_four(dim: int) -> int:
    power = kerdock.DIMS[0]
    while power < dim:
        power *= 4
    return power


def _layers(capacity: int, dim: int) -> int:
    """Return how many Delsarte-Goethals layers hold ``capacity``; 0 if too many are needed."""
    if dim not in kerdock.DIMS:
        return 0
    most = min(LAYERS, dim.bit_length() // 2 - 1)
    fitting = (i for i in range(1, most + 1) if capacity <= dim * ((dim // 2) ** (i + 1) + 1))
    return next(fitting, 0)


def _too_small(capacity: int, dim: int) -> UsageError:
    searchable = dim > 3 and capacity**2 * dim <= 10 * SEARCHED
    for larger in kerdock.DIMS:
        if larger > dim and capacity <= kerdock.capacity(larger):
            return UsageError.parameter(
                "dim",
                f"must be larger to keep {capacity:,} vectors apart",
                dim,
                f"use dim = {larger}, which holds {kerdock.capacity(larger):,}"
                + (', or kind="optimised", a search that takes minutes' if searchable else ""),
            )
    return UsageError.parameter(
        "capacity",
        f"must be at most {kerdock.capacity(kerdock.DIMS[-1]):,} with a proof",
        capacity,
        "no construction holds more",
    )
