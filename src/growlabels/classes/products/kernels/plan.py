"""What the compiled kernels need to know about a set of sign bases, prepared once.

Bases whose forms agree on the upper half of the coordinates up to a linear term share their
first pass. With ``x = h R + l`` and bases a (the leader of a group) and b::

    sign_b(h, l) = flip_b(l) (-1)^(shift_b(l) . h) sign_a(h, l)

so the first pass of b is that of a with its rows permuted, ``ch -> ch xor shift_b(l)``, and
signs changed, which costs an address and a factor that is there anyhow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from growlabels.classes.products.kernels.passes import packed
from growlabels.classes.products.kernels.vector_ir import LANES, ROW

SHIFTS = 16  # of the certificate
CERTIFIED = 256  # bases from which on the certificate is worth its time


@dataclass(frozen=True)
class KernelPlan:
    """Tables of the sign bases in use.

    Attributes
    ----------
    dim, n_classes
        d and the number of classes; the last basis in use may be partial, and the basis after
        the sign bases is the standard basis.
    stages
        A tuple of log2 sqrt(d) zeros: how the kernels are told the radix.
    signs
        ``(bases, d)`` int8, the sign bases in use.
    starts
        ``(groups + 1,)`` first basis of each group, and the end.
    leaders
        ``(groups, d)`` float32, the signs of the first basis of each group.
    table
        ``(bases, R)`` int64, offset of row (shift(l), l) in a tile, in bytes.
    flips
        ``(bases, R)`` float32.
    words
        ``(sets, R, n * LANES)`` uint32: for each l and basis, the signs of each table g < R / 4,
        those at (g + j R / 4, l) for j < 4, as ``_kernel_passes.packed`` has them.
    places, factors
        ``(16, bases)`` for the certificate (see ``_kernel_certified``): where the spectrum of
        shift e has the entry of each basis, in numbers, and its sign. Empty below
        ``CERTIFIED`` bases.
    """

    dim: int
    n_classes: int
    stages: tuple[int, ...]
    signs: NDArray[np.int8]
    starts: NDArray[np.int64]
    leaders: NDArray[np.float32]
    table: NDArray[np.int64]
    flips: NDArray[np.float32]
    words: NDArray[np.uint32]
    places: NDArray[np.int32]
    factors: NDArray[np.float32]

    def of_groups(self, groups: slice) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return leaders and starts of a range of groups."""
        return self.leaders[groups], self.starts[groups.start : groups.stop + 1]

    @property
    def bases(self) -> int:
        """Bases in use, the standard basis included."""
        return -(-self.n_classes // self.dim)


def make_plan(sign_rows: NDArray[np.int8], n_classes: int) -> KernelPlan:
    """Prepare the kernels for the first ``n_classes`` classes.

    Parameters
    ----------
    sign_rows
        ``(bases, d)`` of +1 and -1, d from 16 to 4,096 a power of four, +1 at coordinate 0; from
        ``CERTIFIED`` bases on those of quadratic forms.
    n_classes
        From 1 to ``(bases + 1) d``.
    """
    dim = sign_rows.shape[1]
    radix = round(dim**0.5)
    signs = sign_rows[: -(-n_classes // dim)].copy()
    leader, shift, flip = _groups(signs, radix)
    starts = np.flatnonzero(leader == np.arange(len(signs)))
    table = (shift * radix + np.arange(radix)) * ROW
    places, factors = _energy_places(signs if len(signs) >= CERTIFIED else signs[:0])
    return KernelPlan(
        dim=dim,
        n_classes=n_classes,
        stages=(0,) * (radix.bit_length() - 1),
        signs=signs,
        starts=np.append(starts, len(signs)).astype(np.int64),
        leaders=signs[starts].astype(np.float32),
        table=np.ascontiguousarray(table, dtype=np.int64),
        flips=flip.astype(np.float32),
        words=_words(signs, radix),
        places=places,
        factors=factors,
    )


def _groups(
    signs: NDArray[np.int8], radix: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
    """Leader of each basis, with shift and flip (bases, R) relative to it."""
    grid = signs.reshape(len(signs), radix, radix)
    leader = np.arange(len(signs))
    shift = np.zeros((len(signs), radix), dtype=np.int64)
    flip = np.ones((len(signs), radix), dtype=np.int8)
    bits = 1 << np.arange(radix.bit_length() - 1)
    hadamard = _sylvester(radix)
    for b in range(1, len(signs)):
        ratio = grid[b] * grid[leader[b - 1]]
        linear = (ratio[bits] * ratio[:1] < 0).T @ bits
        if (ratio == hadamard[:, linear] * ratio[:1]).all():
            leader[b], shift[b], flip[b] = leader[b - 1], linear, ratio[0]
    return leader, shift, flip


def _energy_places(signs: NDArray[np.int8]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """``places`` and ``factors`` of a plan, for the shifts e = 0 .. 15."""
    bases, dim = signs.shape
    shifts = np.arange(SHIFTS if bases else 0)
    places = np.empty((len(shifts), bases), dtype=np.int32)
    bits = 1 << np.arange(dim.bit_length() - 1)
    for e in shifts:
        # bit i of the place: Q(e + e_i) + Q(e) + Q(e_i)
        linear = (signs[:, e ^ bits] * signs[:, e, None] * signs[:, bits] < 0) @ bits
        places[e] = (e // LANES * dim + linear) * LANES + e % LANES
    return places, np.ascontiguousarray(signs[:, shifts].T, dtype=np.float32)


def _sylvester(order: int) -> NDArray[np.int8]:
    h = np.ones((1, 1), dtype=np.int8)
    while len(h) < order:
        h = np.block([[h, h], [h, -h]])
    return h


def _words(signs: NDArray[np.int8], radix: int) -> NDArray[np.uint32]:
    """See :class:`KernelPlan`; a word holds eight tables of one l, d = 4,096 needs two."""
    sets, tables = -(-len(signs) // LANES), radix // 4
    negative = np.zeros((sets * LANES, 4, tables, radix), dtype=np.uint32)
    negative[: len(signs)] = (signs < 0).reshape(len(signs), 4, tables, radix)
    bit = np.arange(4, dtype=np.uint32)[:, None, None]
    patterns = (negative << bit).sum(1, dtype=np.uint32).swapaxes(0, 1)
    words = np.stack([packed(patterns[i : i + 8]) for i in range(0, tables, 8)])
    lanes_last = words.reshape(-1, sets, LANES, radix).transpose(1, 3, 0, 2)
    return np.ascontiguousarray(lanes_last).reshape(sets, radix, -1)
