"""Compiled kernels against plain float64 products with the stored class vectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.classes.products.kernels.twin import dense, unit_rows

from growlabels.classes.codes.kerdock import sign_rows
from growlabels.classes.products.compiled_vectors import available

if not available():
    pytest.skip("numba compiles neither for AVX-512 nor for AVX2", allow_module_level=True)

from growlabels.classes.products.kernels import entry
from growlabels.classes.products.kernels.plan import make_plan

BATCHES = (1, 15, 16, 17, 64)
CASES = [(16, 144), (16, 37), (64, 2112), (64, 1000), (256, 5 * 256 + 7), (1024, 5 * 1024 + 300)]


def check_topk(z: NDArray[np.float32], n_classes: int, k: int) -> None:
    dim = z.shape[1]
    index, values = entry.topk(z, make_plan(sign_rows(dim), n_classes), k)
    cosines = z.astype(np.float64) @ dense(n_classes, dim).T
    best = -np.sort(-cosines, axis=1)[:, :k]
    np.testing.assert_allclose(values, best, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(cosines, index, 1), best, atol=1e-6)
    assert all(len(set(row)) == k for row in index.tolist())
    assert ((np.diff(values) < 0) | ((np.diff(values) == 0) & (np.diff(index) > 0))).all()


@pytest.mark.parametrize("rows", BATCHES)
@pytest.mark.parametrize(("dim", "n_classes"), CASES)
def test_topk_equals_dense(dim: int, n_classes: int, rows: int) -> None:
    check_topk(unit_rows(rows, dim, rows), n_classes, 1)
    check_topk(unit_rows(rows, dim, rows), n_classes, 5)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 144), st.integers(1, 40), st.integers(1, 144), st.integers(0, 2**32 - 1))
def test_topk_equals_dense_for_any_sizes(n_classes: int, rows: int, k: int, seed: int) -> None:
    check_topk(unit_rows(rows, 16, seed), n_classes, min(k, n_classes))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 2112), st.integers(1, 20), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_ties_go_to_the_lowest_class(n_classes: int, rows: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.integers(-2, 3, (rows, 64)).astype(np.float32) * (rng.random((rows, 64)) < 0.1)
    z[0] = 0
    k = min(k, n_classes)
    index, values = entry.topk(z, make_plan(sign_rows(64), n_classes), k)
    cosines = z.astype(np.float64) @ dense(n_classes, 64).T
    expected = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_array_equal(values, np.take_along_axis(cosines, expected, 1))


@pytest.mark.parametrize("rows", [3, 20])
def test_rows_that_are_not_finite_give_nan_and_the_first_classes(rows: int) -> None:
    z = unit_rows(rows, 64, 0)
    whole = entry.topk(z, make_plan(sign_rows(64), 500), 3)
    z[1, 5], z[2, 7] = np.nan, np.inf
    index, values = entry.topk(z, make_plan(sign_rows(64), 500), 3)
    assert np.isnan(values[1:3]).all() and index[1:3].tolist() == [[0, 1, 2]] * 2
    others = [row for row in range(rows) if row not in (1, 2)]
    np.testing.assert_array_equal(values[others], whole[1][others])
    plan = make_plan(sign_rows(64), 500)
    sums, combined = entry.sum_exp(z, np.arange(rows), plan, 20.0, 0.0)
    assert np.isnan(sums[1:3]).all() and np.isnan(combined[1:3]).all()
    assert np.isfinite(sums[others]).all() and np.isfinite(combined[others]).all()


def loss_and_gradient(
    z: NDArray[np.float64], target: NDArray[np.int64], w: NDArray[np.float64], scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cross-entropy of dense logits with the target left out of the sums, float64."""
    logits = scale * z @ w.T
    own = logits[np.arange(len(z)), target]
    ratio = np.exp(logits - own[:, None])
    ratio[np.arange(len(z)), target] = 0
    rest = ratio.sum(1)
    gradient = (ratio @ w - rest[:, None] * w[target]) / (1 + rest)[:, None]
    return np.log1p(rest), scale * gradient


def check_cross_entropy(
    z: NDArray[np.float32], target: NDArray[np.int64], n_classes: int, scale: float
) -> None:
    dim = z.shape[1]
    w = dense(n_classes, dim)
    shift = scale - 60.0
    plan = make_plan(sign_rows(dim), n_classes)
    sums, combined = entry.sum_exp(z, target, plan, scale, shift)
    exact = z.astype(np.float64)
    own = np.exp(scale * (exact * w[target]).sum(1) - shift)
    loss = np.log1p(sums / own)
    gradient = scale * (combined - sums[:, None] * w[target]) / (sums + own)[:, None]
    expected_loss, expected = loss_and_gradient(exact, target, w, scale)
    assert (np.abs(loss - expected_loss) <= 1e-5 * expected_loss).all()
    error = np.linalg.norm(gradient - expected, axis=1)
    assert (error <= 1e-5 * np.linalg.norm(expected, axis=1)).all()


@pytest.mark.parametrize("tau", [0.2, 0.07, 0.03, 0.0128])
@pytest.mark.parametrize(("dim", "n_classes"), CASES)
def test_loss_and_gradient_equal_dense(dim: int, n_classes: int, tau: float) -> None:
    """Rows from unrelated to their target (cosine 0) to equal to it; targets in every basis."""
    w = dense(n_classes, dim)
    rng = np.random.default_rng(dim)
    cosines = np.repeat([0.0, 0.5, 0.9, 1.0], 16)
    target = rng.integers(0, n_classes, 64)
    target[::5] = n_classes - 1 - np.arange(len(target[::5])) % (n_classes % dim or dim)
    noise = rng.normal(size=(64, dim))
    noise -= (noise * w[target]).sum(1, keepdims=True) * w[target]
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    z = cosines[:, None] * w[target] + np.sqrt(1 - cosines**2)[:, None] * noise
    z = z.astype(np.float32)
    for rows in BATCHES:
        check_cross_entropy(z[-rows:], target[-rows:], n_classes, 1 / tau)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 2112), st.integers(1, 40), st.floats(0.0128, 10.0), st.integers(0, 2**32 - 1))
def test_loss_and_gradient_for_any_sizes(n_classes: int, rows: int, tau: float, seed: int) -> None:
    target = np.random.default_rng(seed).integers(0, n_classes, rows)
    if n_classes > 1:
        check_cross_entropy(unit_rows(rows, 64, seed), target, n_classes, 1 / tau)


@pytest.mark.parametrize(("dim", "n_classes"), CASES)
def test_equal_logits_sum_to_the_number_of_classes(dim: int, n_classes: int) -> None:
    z = np.zeros((17, dim), dtype=np.float32)
    target = np.full(17, n_classes - 1)
    plan = make_plan(sign_rows(dim), n_classes)
    sums, combined = entry.sum_exp(z, target, plan, 10.0, 0.0)
    np.testing.assert_allclose(sums, n_classes - 1, rtol=1e-6)
    np.testing.assert_allclose(
        combined[0], dense(n_classes - 1, dim).sum(0), atol=1e-6 * n_classes / dim**0.5
    )


@pytest.mark.parametrize("rows", BATCHES)
@pytest.mark.parametrize(("dim", "n_classes"), CASES)
def test_all_cosines_and_their_adjoint_equal_dense(dim: int, n_classes: int, rows: int) -> None:
    w = dense(n_classes, dim)
    plan = make_plan(sign_rows(dim), n_classes)
    z = unit_rows(rows, dim, rows)
    np.testing.assert_allclose(entry.cosines(z, plan), z.astype(float) @ w.T, atol=1e-6)
    weights = np.random.default_rng(rows).normal(size=(rows, n_classes)).astype(np.float32)
    exact = weights.astype(float) @ w
    error = np.linalg.norm(entry.combine(weights, plan) - exact, axis=1)
    assert (
        error <= 1e-6 * np.linalg.norm(weights, axis=1) * n_classes**0.5 / dim**0.5 + 1e-6
    ).all()


def test_rows_that_are_not_finite_leave_the_other_cosines_alone() -> None:
    plan, z = make_plan(sign_rows(64), 2112), unit_rows(20, 64, 0)
    whole = entry.cosines(z, plan)
    z[3, 5] = np.nan
    found = entry.cosines(z, plan)
    assert np.isnan(found[3, :2048]).all() and np.isnan(found[3, 2048 + 5])
    np.testing.assert_array_equal(np.delete(found, 3, 0), np.delete(whole, 3, 0))


def test_no_target_leaves_nothing_out() -> None:
    plan = make_plan(sign_rows(16), 100)
    sums, _ = entry.sum_exp(np.zeros((2, 16), np.float32), np.array([-1, 3]), plan, 5.0, 0.0)
    np.testing.assert_allclose(sums, [100, 99], rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 3, 16, 50])
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_change_nothing_but_the_last_bits_of_sums(rows: int, threads: int) -> None:
    """Fewer tiles than threads divide the bases; float64 sums then add up in another order."""
    plan = make_plan(sign_rows(64), 2100)
    z = unit_rows(rows, 64, 2)
    target = np.arange(rows) * 40
    one, many = entry.topk(z, plan, 4), entry.topk(z, plan, 4, threads)
    np.testing.assert_array_equal(one[0], many[0])
    np.testing.assert_array_equal(one[1], many[1])
    np.testing.assert_array_equal(entry.cosines(z, plan), entry.cosines(z, plan, threads))
    sums, combined = entry.sum_exp(z, target, plan, 20.0, 0.0)
    again, adjoint = entry.sum_exp(z, target, plan, 20.0, 0.0, threads)
    np.testing.assert_allclose(again, sums, rtol=1e-13)
    np.testing.assert_allclose(adjoint, combined, rtol=0, atol=1e-13 * sums.max())


@pytest.mark.slow
def test_two_words_of_signs_at_4096_dimensions() -> None:
    check_topk(unit_rows(1, 4096, 0), 4500, 2)
    check_topk(unit_rows(16, 4096, 0), 4500, 2)
    check_cross_entropy(unit_rows(2, 4096, 0), np.array([7, 4499]), 4500, 20.0)
