"""Prepare the tables of a set of sign bases for the compiled kernels.

Bases whose forms agree on the upper half of the coordinates up to a linear term share their first
pass. Let ``x = h R + l``, let a be the leader of a group, and let b be another basis of it. Then::

    sign_b(h, l) = flip_b(l) (-1)^(shift_b(l) . h) sign_a(h, l)

The first pass of b is therefore that of a with permuted rows, ``ch -> ch xor shift_b(l)``, and
changed signs. The second pass reads rows by address and multiplies them by a factor in any case,
so this costs nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from growlabels.classes.products.kernels.arrays import Bases, Signs, Stages, Words
from growlabels.classes.products.kernels.passes import packed
from growlabels.classes.products.kernels.vector_ir import LANES, ROW

SHIFTS = 16  # shifts e of the certified search
CERTIFIED = 256  # fewest bases for which the certified search saves time


@dataclass(frozen=True)
class KernelPlan:
    """Tables of the sign bases in use.

    Attributes
    ----------
    dim
        Dimension d of the vectors.
    n_classes
        Number of classes. The last basis in use may be partial. The basis after the sign bases
        is the standard basis.
    stages
        A tuple of log2 sqrt(d) zeros. Its length gives the kernels the radix at compile time.
    signs
        ``(bases, d)`` sign bases in use.
    groups
        Groups of bases that share their first pass.
    words
        ``(sets, R, n * LANES)`` signs for each l and basis. A word contains the signs at
        (g + j R / 4, l), j < 4, of each table g < R / 4; see
        :func:`~growlabels.classes.products.kernels.passes.packed`.
    places, factors
        ``(16, bases)`` tables of the certified search. They give, for shift e, the position of
        each basis in the spectrum, counted in numbers, and its sign. They are empty for fewer
        than ``CERTIFIED`` bases.
    """

    dim: int
    n_classes: int
    stages: Stages
    signs: Signs
    groups: Bases
    words: Words
    places: NDArray[np.int32]
    factors: NDArray[np.float32]

    def of_groups(self, groups: slice) -> Bases:
        """Return the bases of a range of groups."""
        leaders, starts, table, flips = self.groups
        return Bases(leaders[groups], starts[groups.start : groups.stop + 1], table, flips)

    @property
    def bases(self) -> int:
        """Number of bases in use, with the standard basis."""
        return -(-self.n_classes // self.dim)


def make_plan(sign_rows: NDArray[np.int8], n_classes: int) -> KernelPlan:
    """Return the tables for the first ``n_classes`` classes.

    Parameters
    ----------
    sign_rows
        ``(bases, d)`` array of +1 and -1, with +1 at coordinate 0. The dimension d is a power of
        four from 16 to 4,096. With ``CERTIFIED`` or more bases they must come from quadratic
        forms.
    n_classes
        Number of classes, from 1 to ``(bases + 1) d``.
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
        groups=Bases(
            leaders=signs[starts].astype(np.float32),
            starts=np.append(starts, len(signs)).astype(np.int64),
            table=np.ascontiguousarray(table, dtype=np.int64),
            flips=flip.astype(np.float32),
        ),
        words=_words(signs, radix),
        places=places,
        factors=factors,
    )


def _groups(
    signs: NDArray[np.int8], radix: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
    """Return the leader of each basis, and its shift and flip (bases, R) relative to it."""
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
    """Return ``places`` and ``factors`` of a plan, for the shifts e = 0 .. 15."""
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
    """Return ``words`` of a plan; a word holds eight tables of one l, and d = 4,096 needs two."""
    sets, tables = -(-len(signs) // LANES), radix // 4
    negative = np.zeros((sets * LANES, 4, tables, radix), dtype=np.uint32)
    negative[: len(signs)] = (signs < 0).reshape(len(signs), 4, tables, radix)
    bit = np.arange(4, dtype=np.uint32)[:, None, None]
    patterns = (negative << bit).sum(1, dtype=np.uint32).swapaxes(0, 1)
    words = np.stack([packed(patterns[i : i + 8]) for i in range(0, tables, 8)])
    lanes_last = words.reshape(-1, sets, LANES, radix).transpose(1, 3, 0, 2)
    return np.ascontiguousarray(lanes_last).reshape(sets, radix, -1)
