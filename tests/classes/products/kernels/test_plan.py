"""Groups of bases that share a first pass, and bases that share none."""

import numpy as np
import pytest
from tests.classes.products.kernels.twin import dense, unit_rows

from growlabels.classes.codes.kerdock import sign_rows
from growlabels.classes.products.compiled_vectors import available

if not available():
    pytest.skip("numba compiles neither for AVX-512 nor for AVX2", allow_module_level=True)

from growlabels.classes.products.kernels import entry
from growlabels.classes.products.kernels.plan import make_plan


@pytest.mark.parametrize("dim", [64, 256, 1024, 4096])
def test_four_neighbours_share_a_first_pass(dim: int) -> None:
    plan = make_plan(sign_rows(dim)[:23], 23 * dim)
    assert plan.groups.starts.tolist() == [0, 4, 8, 12, 16, 20, 23]


def test_bases_need_not_be_related() -> None:
    signs = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (7, 16))
    signs[:, 0] = 1
    plan = make_plan(signs, 7 * 16 + 3)
    hadamard = dense(16, 16) * 4
    w = np.concatenate([(signs[:, None, :] * hadamard / 4).reshape(-1, 16), np.eye(16)[:3]])
    z = unit_rows(20, 16, 1)
    np.testing.assert_array_equal(entry.top1(z, plan)[0], (z @ w.T).argmax(1))
    sums, combined = entry.sum_exp(z, np.full(20, -1), plan, 20.0, 3.0)
    weights = np.exp(20.0 * z.astype(np.float64) @ w.T - 3.0)
    np.testing.assert_allclose(sums, weights.sum(1), rtol=1e-5)
    np.testing.assert_allclose(combined, weights @ w, atol=1e-5 * weights.sum(1).max())
