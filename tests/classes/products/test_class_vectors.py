"""The largest entries of rows with ties, and class vectors stored as a matrix."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.classes.products.class_vectors import DenseVectors, exact_topk, topk_without


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.data())
def test_equal_entries_come_in_order_of_column(row: list[int], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(row)))
    values, index = exact_topk(torch.tensor([row, row[::-1]], dtype=torch.float32), k)
    for r, entries in enumerate((row, row[::-1])):
        order = sorted(range(len(row)), key=lambda i, e=entries: (-e[i], i))[:k]
        assert index[r].tolist() == order
        assert values[r].tolist() == [entries[i] for i in order]


@given(st.sets(st.integers(0, 11), max_size=8), st.integers(1, 4), st.integers(0, 2**31))
def test_removed_classes_are_not_returned(removed: set[int], k: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    vectors = DenseVectors(torch.eye(12), 12)
    z = torch.randint(0, 4, (3, 12), generator=generator).float()
    values, index = topk_without(vectors, z, k, sorted(removed))
    kept = torch.tensor([i for i in range(12) if i not in removed])
    best = z[:, kept].sort(dim=1, descending=True, stable=True)
    assert torch.equal(values, best.values[:, :k])
    assert torch.equal(index, kept[best.indices[:, :k]])


def test_stored_vectors_keep_their_dtype() -> None:
    vectors = DenseVectors(torch.eye(3), 3).half()
    assert vectors.vectors.dtype == torch.float32
