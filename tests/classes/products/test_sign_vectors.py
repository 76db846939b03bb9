"""The streamed products against the stored matrix in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.classes.dense_twin import random_signs, sylvester_by_popcount, unit_rows

from growlabels.classes.products.class_vectors import DenseVectors
from growlabels.classes.products.sign_vectors import SignVectors


def kerdock(dim: int, n_classes: int, seed: int = 0) -> tuple[SignVectors, torch.Tensor]:
    """Random sign bases (any will do for the algebra) and the same vectors as a matrix."""
    signs = random_signs(dim, seed)
    h = sylvester_by_popcount(dim) / dim**0.5
    matrix = np.concatenate([(signs[:, None, :] * h).reshape(-1, dim), np.eye(dim)])
    return SignVectors(torch.from_numpy(signs), n_classes), torch.from_numpy(matrix[:n_classes])


def sizes(dim: int) -> list[int]:
    whole = dim * (dim // 2 + 1)
    return [1, dim - 3, dim, 2 * dim + 3, whole - dim, whole - 2, whole]


@pytest.mark.parametrize("dim", [4, 16, 64])
@pytest.mark.parametrize("rows", [1, 15, 16, 17, 64])
def test_every_product_equals_the_dense_one(dim: int, rows: int) -> None:
    for n_classes in sizes(dim):
        fast, w = kerdock(dim, n_classes)
        z = unit_rows(rows, dim, seed=n_classes)
        assert (fast.cosines(z) - z.double() @ w.T).abs().max() < 1e-6
        weights = torch.rand(rows, n_classes, generator=torch.Generator().manual_seed(1))
        exact = weights.double() @ w
        assert (fast.combine(weights) - exact).norm() <= 1e-6 * weights.norm() * n_classes**0.5
        index = torch.arange(rows) % n_classes
        torch.testing.assert_close(fast.select(index).double(), w[index], rtol=0, atol=1e-7)
        torch.testing.assert_close(fast.total(), w.sum(0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("dim", "n_classes"), [(256, 700), (1024, 1500), (4096, 4200)])
def test_large_dimensions_against_dense(dim: int, n_classes: int) -> None:
    signs = torch.from_numpy(random_signs(dim, 0, bases=3))
    fast = SignVectors(signs, n_classes)
    w = fast.select(torch.arange(n_classes)).double()
    h = torch.from_numpy(sylvester_by_popcount(dim)) / dim**0.5
    slow = torch.cat([row.double() * h for row in signs])[:n_classes]
    torch.testing.assert_close(w, slow, rtol=0, atol=1e-8)
    z = unit_rows(5, dim, seed=2)
    exact = z.double() @ slow.T
    assert (fast.cosines(z) - exact).abs().max() < 1e-6
    assert torch.equal(fast.topk(z, 1)[1][:, 0], exact.argmax(1))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([4, 16, 64]), st.data())
def test_topk_equals_a_stable_sort_of_all_logits(dim: int, data: st.DataObject) -> None:
    n_classes = data.draw(st.integers(1, dim * (dim // 2 + 1)))
    k = data.draw(st.integers(1, min(n_classes, 7)))
    rows = data.draw(st.integers(1, 5))
    # Small whole numbers: every sum is exact, so ties are ties in any order of summation.
    entries = st.lists(st.integers(-2, 2), min_size=rows * dim, max_size=rows * dim)
    z = torch.tensor(data.draw(entries), dtype=torch.float32).view(rows, dim)
    fast, w = kerdock(dim, n_classes)
    values, index = fast.topk(z, k)
    slow = (z.double() @ w.T).sort(dim=1, descending=True, stable=True)
    torch.testing.assert_close(values.double(), slow.values[:, :k], rtol=0, atol=1e-5)
    assert torch.equal(index, slow.indices[:, :k])


def test_all_logits_equal_gives_the_first_classes() -> None:
    fast, _ = kerdock(16, 100)
    assert fast.topk(torch.zeros(2, 16), 3)[1].tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize("n_classes", [3, 16, 33, 136])
@pytest.mark.parametrize("rows", [1, 17])
def test_streamed_sums_equal_the_dense_ones(n_classes: int, rows: int) -> None:
    fast, w = kerdock(16, n_classes)
    z = unit_rows(rows, 16, seed=3)
    target = torch.arange(rows) * 7 % n_classes
    target[-1] = n_classes - 1
    dense = DenseVectors(w, n_classes)
    for ours, exact in zip(
        fast.sum_exp(z, target, 20.0, -3.0),
        dense.sum_exp(z.double(), target, 20.0, -3.0),
        strict=True,
    ):
        assert (ours - exact).norm() <= 3e-6 * exact.norm()


def test_no_rows_give_no_results() -> None:
    fast, _ = kerdock(16, 40)
    assert fast.cosines(torch.zeros(0, 16)).shape == (0, 40)
    assert fast.topk(torch.zeros(0, 16), 2)[1].shape == (0, 2)
