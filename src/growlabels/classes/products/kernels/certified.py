"""Compiled kernel of certified search: the best class proved without looking at most bases.

For a basis of quadratic form Q with alternating form B, and ``R_e(x) = z(x) z(x + e)``::

    sum over columns c of (-1)^(c.e) cosine(c)^2  =  (-1)^Q(e) WHT(R_e)[m(e)],
    bit i of m(e) = B(e, e_i) = Q(e + e_i) + Q(e) + Q(e_i)

The shifts e = 0 .. 15 therefore give, for every basis, the sum of the squared cosines of the
columns with equal lower four bits, by one transform of 16 numbers; the largest of these 16
energies bounds the largest squared cosine of the basis. A class that beats the bounds of all
bases not looked into is the best one.

Rounding, with u = 2^-24 and d = 2^m: a transform in float32 is off by at most m u / (1 - m u)
times the sum of the magnitudes. That of R_e is at most |z|^2, to which the product adds one
rounding and the transform of 16 four and its sixteenth none: an energy is off by less than
(m + 6) u |z|^2. A cosine that the search computes is off by less than (m + 1) u |z|.
"""

import numpy as np

from growlabels.classes.products.kernels.numba import kernel
from growlabels.classes.products.kernels.passes import address, block_store, correlate, spread
from growlabels.classes.products.kernels.search import transform
from growlabels.classes.products.kernels.vector_ir import LANES, ROW

UNIT = 2.0**-24


@kernel
def certified_best(
    stages, z, signs, places, factors, n_classes, table, flips, one,
    tiles, first, energies, grids, values, index, settled,
):  # fmt: skip
    """Find the best class of each row where a proof is cheap; ``settled`` says where.

    The other arguments are those of a plan; scratch: ``tiles`` (2 (16 / LANES) d, LANES),
    ``first`` (d, LANES), ``energies`` (16, bases), ``grids`` 2 d float32. ``values`` and ``index``
    (rows, 1) are what a scan gives, to the bit.
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
def spectra(stages, query, table, flips, one, tiles, first):
    """WHT of ``query(x) query(x + e)`` for e < 16, which are the lanes of the upper tiles."""
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
            # basis 0 is the leader of its group: its table and flips change nothing
            block_store(stages, passed, address(table), address(flips), block, target + block, one)


@kernel
def bound_energies(tiles, places, factors, energies):
    """Largest energy of each basis into row 0 of ``energies``; returns the basis with the largest.

    Rounding of the result only ever grows a bound, or is in the allowance.
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
def best_of_basis(stages, query, signs, basis, n_classes, one, grid):
    """Largest logit of one basis, in units of 1 / sqrt(d), and its class."""
    radix = 1 << len(stages)
    dim = radix * radix
    transform(stages, query, signs[basis], one, grid)
    best, label = np.float32(-np.inf), 0
    for column in range(min(n_classes - basis * dim, dim)):
        value = grid[1, column % radix, column // radix]
        if value > best:
            best, label = value, basis * dim + column
    return best, label
