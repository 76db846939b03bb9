"""Certified search against a scan of all bases, and its bounds against float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.classes.products.kernels.twin import unit_rows

from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.products.compiled_vectors import available

if not available():
    pytest.skip("numba compiles neither for AVX-512 nor for AVX2", allow_module_level=True)

from growlabels.classes.products.kernels import entry
from growlabels.classes.products.kernels.arrays import empty_tiles
from growlabels.classes.products.kernels.certified import bound_energies, spectra
from growlabels.classes.products.kernels.plan import make_plan
from growlabels.classes.products.kernels.vector_ir import LANES


def rows_at(
    cosine: float, target: NDArray[np.int64], n_classes: int, dim: int
) -> NDArray[np.float32]:
    """Unit rows at a given cosine to their target's vector."""
    codebook = Codebook.for_classes(n_classes, dim)
    own = codebook.vectors(target, np.float64)
    across = np.random.default_rng(1).normal(size=own.shape)
    across -= (across * own).sum(1, keepdims=True) * own
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return (cosine * own + (1 - cosine**2) ** 0.5 * across).astype(np.float32)


CERTIFIED_CASES = [(64, 16_400), (64, 30_000), (256, 70_000), (1024, 260 * 1024 + 300)]


def _scanned(z, plan):
    """Best class and cosine by a look at every basis."""
    index = np.empty((len(z), 1), np.int64)
    values = np.empty((len(z), 1), np.float32)
    entry._scan(z, plan, values, index, 1)
    return index, values


@pytest.mark.parametrize("cosine", [0.0, 0.35, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(("dim", "n_classes"), CERTIFIED_CASES)
def test_a_certified_class_is_that_of_the_scan(dim: int, n_classes: int, cosine: float) -> None:
    """Kerdock sets and layers, the target in the first, a partial and the last basis."""
    forms = Codebook.for_classes(n_classes, dim).forms
    assert forms is not None
    plan = make_plan(forms.sign_rows(0, min(-(-n_classes // dim), forms.count)), n_classes)
    target = np.array([0, 7, n_classes // 2, n_classes - dim - 1, n_classes - 2, n_classes - 1])
    z = np.concatenate([rows_at(cosine, target, n_classes, dim), np.zeros((1, dim), np.float32)])
    index, values = np.empty((len(z), 1), np.int64), np.empty((len(z), 1), np.float32)
    left = entry._certify(z, plan, values, index)
    assert len(z) - 1 in left  # all cosines equal: nothing to prove, the scan says class 0
    settled = np.setdiff1d(np.arange(len(z)), left)
    if cosine >= 0.9:
        assert len(settled) == len(target)
    expected, largest = _scanned(z, plan)
    np.testing.assert_array_equal(index[settled], expected[settled])
    np.testing.assert_array_equal(values[settled], largest[settled])
    for rows in (z[:2], z, np.repeat(z, 4, 0)):
        whole = entry.topk(rows, plan, 1)
        again = _scanned(rows, plan)
        np.testing.assert_array_equal(whole[0], again[0])
        np.testing.assert_array_equal(whole[1], again[1])


@settings(max_examples=40, deadline=None)
@given(st.integers(16_384, 17_000), st.integers(0, 2**32 - 1), st.floats(0, 0.3))
def test_certified_ties_go_to_the_lowest_class(n_classes: int, seed: int, noise: float) -> None:
    """Sums of few class vectors: equal cosines in several bases, all sums exact without noise."""
    codebook = Codebook.for_classes(n_classes, 64)
    assert codebook.forms is not None
    plan = make_plan(codebook.forms.sign_rows(0, -(-n_classes // 64)), n_classes)
    rng = np.random.default_rng(seed)
    z = np.stack([codebook.vectors(rng.integers(0, n_classes, k)).sum(0) for k in (1, 2, 2, 3)])
    z += (noise * rng.normal(size=z.shape)).astype(np.float32) * rng.integers(0, 2, (4, 1))
    z[3, 5] = np.nan if seed % 3 == 0 else z[3, 5]
    index, values = np.empty((4, 1), np.int64), np.empty((4, 1), np.float32)
    left = entry._certify(z, plan, values, index)
    settled = np.setdiff1d(np.arange(4), left)
    expected, largest = _scanned(z, plan)
    np.testing.assert_array_equal(index[settled], expected[settled])
    np.testing.assert_array_equal(values[settled], largest[settled])


def test_energies_bound_the_squares_of_their_columns() -> None:
    """The identity behind the certificate, against float64."""
    codebook = Codebook.for_classes(300 * 64, 64)
    assert codebook.forms is not None
    plan = make_plan(codebook.forms.sign_rows(0, 300), 300 * 64)
    z = unit_rows(1, 64, 5)
    tiles, first = empty_tiles(2 * (16 // LANES) * 64, 64)
    energies = np.empty((16, 300), np.float32)
    spectra(plan.stages, z[0], plan.groups.table, plan.groups.flips, entry.MINUS_ONE, tiles, first)
    leader = bound_energies(tiles, plan.places, plan.factors, energies)
    squares = (codebook.vectors(dtype=float) @ z[0].astype(float)).reshape(300, 4, 16) ** 2
    exact = squares.sum(1).max(1)
    np.testing.assert_allclose(energies[0], exact, atol=18 * 2.0**-24)
    assert leader == exact.argmax()
