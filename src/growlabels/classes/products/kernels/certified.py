"""Compile the certified search, which proves the best class without searching most bases.

For a basis with quadratic form Q and alternating form B, and ``R_e(x) = z(x) z(x + e)``::

    sum over columns c of (-1)^(c.e) cosine(c)^2  =  (-1)^Q(e) WHT(R_e)[m(e)],
    bit i of m(e) = B(e, e_i) = Q(e + e_i) + Q(e) + Q(e_i)

The shifts e = 0 .. 15 and one transform of 16 numbers thus give 16 energies for every basis. An
energy is the sum of the squared cosines of the columns with the same lower four bits. The largest
energy bounds the largest squared cosine of the basis. A class is the best one if its cosine
exceeds the bounds of all bases that were not searched.

Rounding errors, with u = 2^-24 and d = 2^m: the error of a transform in float32 is at most
m u / (1 - m u) times the sum of the magnitudes. For R_e this sum is at most |z|^2. The product adds
one rounding error and the transform of 16 numbers adds four; the division by 16 is exact. An energy
thus has an error below (m + 6) u |z|^2, and a computed cosine one below (m + 1) u |z|.
"""

import numpy as np
from numpy.typing import NDArray

from growlabels.classes.products.kernels.arrays import Floats, Ints, Signs, Stages
from growlabels.classes.products.kernels.numba import kernel
from growlabels.classes.products.kernels.passes import address, block_store, correlate, spread
from growlabels.classes.products.kernels.search import transform
from growlabels.classes.products.kernels.vector_ir import LANES, ROW

UNIT = 2.0**-24


@kernel
def certified_best(
    stages: Stages,
    z: Floats,
    signs: Signs,
    places: NDArray[np.int32],
    factors: Floats,
    n_classes: int,
    table: Ints,
    flips: Floats,
    one: float,
    tiles: Floats,
    first: Floats,
    energies: Floats,
    grids: Floats,
    values: Floats,
    index: Ints,
    settled: NDArray[np.bool_],
) -> None:
    """Find the best class of each row where a proof is cheap, and mark these rows in ``settled``.

    Parameters
    ----------
    stages, signs, places, factors, n_classes, table, flips
        Entries of a plan.
    z
        ``(rows, d)`` queries.
    one
        The constant -1.
    tiles, first, energies, grids
        Scratch of shapes ``(2 (16 / LANES) d, LANES)``, ``(d, LANES)``, ``(16, bases)`` and
        ``(2 d,)``.
    values, index
        ``(rows, 1)`` results, bit-identical to those of a scan.
    settled
        ``(rows,)``; set to True where the best class was proved.
    """
    radix = 1 << len(stages)
    dim, bases = radix * radix, len(signs)
    grid = grids.reshape(2, radix, radix)
    rounding = len(stages) * 2 + 6
    for row in range(len(z)):
        query = z[row]
        norm2 = 0.0
        for x in range(dim):
            norm2 += np.float64(query[x]) * np.float64(query[x])
        if not np.isfinite(norm2):
            continue
        spectra(stages, query, table, flips, one, tiles, first)
        leader = bound_energies(tiles, places, factors, energies)
        allowance = rounding * UNIT * norm2 * 1.0001
        slack = rounding * UNIT * np.sqrt(norm2)
        best, label = best_of_basis(stages, query, signs, leader, n_classes, one, grid)
        for column in range(n_classes - bases * dim):
            value = query[column] * np.float32(radix)
            if value > best:
                best, label = value, bases * dim + column
        needed = max(best / radix - slack, 0.0) ** 2
        visits = 0
        for basis in range(bases):
            visits += energies[0, basis] + allowance >= needed
        if visits > 1 + bases // 64:
            continue
        for basis in range(bases):
            if basis != leader and energies[0, basis] + allowance >= needed:
                value, found = best_of_basis(stages, query, signs, basis, n_classes, one, grid)
                if value > best or (value == best and found < label):
                    best, label = value, found
        values[row, 0] = best / np.float32(radix)
        index[row, 0] = label
        settled[row] = True


@kernel
def spectra(
    stages: Stages,
    query: Floats,
    table: Ints,
    flips: Floats,
    one: float,
    tiles: Floats,
    first: Floats,
) -> None:
    """Write the transform of ``query(x) query(x + e)`` to lane e < 16 of the upper tiles."""
    radix = 1 << len(stages)
    dim = radix * radix
    ones = np.ones(dim, dtype=np.float32)
    passed = address(first)
    for part in range(16 // LANES):
        for x in range(0, dim, LANES):
            other = address(query) + 4 * (x ^ (part * LANES))
            correlate(stages, address(query) + 4 * x, other, address(tiles) + x * ROW, one)
        for low in range(radix):
            spread(
                stages, address(tiles) + low * ROW, address(ones) + 4 * low, passed + low * ROW,
                one,
            )  # fmt: skip
        target = address(tiles) + (16 // LANES + part) * dim * ROW
        for high in range(radix):
            block = high * radix * ROW
            # Basis 0 leads its group, so its table and flips have no effect.
            block_store(stages, passed, address(table), address(flips), block, target + block, one)


@kernel
def bound_energies(
    tiles: Floats, places: NDArray[np.int32], factors: Floats, energies: Floats
) -> int:
    """Write the largest energy of each basis to row 0 of ``energies``; return the best basis.

    The allowance of the caller covers the rounding errors of the energies.
    """
    flat = tiles.reshape(-1)[tiles.size // 2 :]
    bases = energies.shape[1]
    for e in range(16):
        for basis in range(bases):
            energies[e, basis] = flat[places[e, basis]] * factors[e, basis]
    for stage in range(4):
        half = 1 << stage
        for e in range(16):
            if not e & half:
                for basis in range(bases):
                    a, b = energies[e, basis], energies[e | half, basis]
                    energies[e, basis] = a + b
                    energies[e | half, basis] = a - b
    leader = 0
    for e in range(1, 16):
        for basis in range(bases):
            energies[0, basis] = max(energies[0, basis], energies[e, basis])
    for basis in range(bases):
        energies[0, basis] *= np.float32(0.0625)
        if energies[0, basis] > energies[0, leader]:
            leader = basis
    return leader


@kernel
def best_of_basis(
    stages: Stages,
    query: Floats,
    signs: Signs,
    basis: int,
    n_classes: int,
    one: float,
    grid: Floats,
) -> tuple[float, int]:
    """Return the largest logit of one basis, in units of 1 / sqrt(d), and its class."""
    radix = 1 << len(stages)
    dim = radix * radix
    transform(stages, query, signs[basis], one, grid)
    best, label = np.float32(-np.inf), 0
    for column in range(min(n_classes - basis * dim, dim)):
        value = grid[1, column % radix, column // radix]
        if value > best:
            best, label = value, basis * dim + column
    return best, label  # pyright: ignore[reportReturnType] (compiled: a number of the machine)
