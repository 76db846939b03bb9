"""Average linkage on a sparse graph against the definition on a dense matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream.clusters.linkage import Branch, Linkage


def singles(count):
    return [Branch((label,), 1.0) for label in range(count)]


def by_definition(matrix):
    """Merge the pair of groups with the highest mean link; stop where no link is left."""
    groups, heights = [(i,) for i in range(len(matrix))], []
    while len(groups) > 1:
        height, x, y = max(
            (np.mean([matrix[i, j] for i in x for j in y]), x, y)
            for k, x in enumerate(groups)
            for y in groups[k + 1 :]
        )
        if height == 0:
            break
        heights.append(height)
        groups = [g for g in groups if g not in (x, y)] + [tuple(sorted(x + y))]
    return sorted(groups), heights


def heights(branch):
    below = [height for child in branch.children for height in heights(child)]
    return [*below, branch.height] if branch.children else below


@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
@settings(max_examples=50, deadline=None)
def test_merges_as_defined(seed, count):
    rng = np.random.default_rng(seed)
    matrix = np.triu(rng.random((count, count)) * (rng.random((count, count)) < 0.5), 1)
    matrix += matrix.T
    links = [(i, j, matrix[i, j]) for i in range(count) for j in range(i) if matrix[i, j]]
    roots = Linkage(singles(count), links).run()
    groups, expected = by_definition(matrix)
    assert [root.labels for root in roots] == groups
    found = [height for root in roots for height in heights(root)]
    assert sorted(found) == pytest.approx(sorted(expected))


def test_size_and_share_stop_a_merge():
    links = [(0, 1, 0.9), (2, 3, 0.8), (1, 2, 0.4), (0, 2, 0.4), (0, 3, 0.4), (1, 3, 0.4)]
    sizes = lambda **limits: [len(r.labels) for r in Linkage(singles(4), links).run(**limits)]  # noqa: E731
    assert sizes() == [4]
    assert sizes(max_labels=3) == [2, 2]
    assert sizes(share=0.5) == [2, 2]
    assert sizes(share=0.4) == [4]
