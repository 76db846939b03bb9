import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.classes.codes.closed_forms import Construction, CrossPolytope, Identity, Simplex


def measured(construction: Construction, count: int) -> tuple[float, float]:
    vectors = construction.vectors(np.arange(count))
    gram = vectors @ vectors.T
    np.testing.assert_allclose(np.diag(gram), 1, rtol=1e-14)
    pairs = gram[np.triu_indices(count, 1)]
    return float(np.abs(pairs).max()), float(pairs.max())


@pytest.mark.parametrize("kind", [Identity, Simplex, CrossPolytope])
@pytest.mark.parametrize("dim", [4, 16])
def test_stated_cosines_are_the_measured_ones(kind, dim: int) -> None:
    construction = kind(dim)
    for count in range(2, construction.capacity + 1):
        np.testing.assert_allclose(
            construction.cosines(count), measured(construction, count), atol=1e-14
        )


@settings(deadline=None)
@given(st.sampled_from([Identity, Simplex, CrossPolytope]), st.integers(1, 40))
def test_other_dimensions(kind: type[Identity | Simplex | CrossPolytope], dim: int) -> None:
    construction = kind(dim)
    if construction.capacity > 1:
        np.testing.assert_allclose(
            construction.cosines(construction.capacity),
            measured(construction, construction.capacity),
            atol=1e-13,
        )


@pytest.mark.parametrize("kind", [Identity, Simplex, CrossPolytope])
def test_vectors_depend_on_the_index_alone(kind) -> None:
    construction = kind(16)
    index = np.random.default_rng(0).integers(0, construction.capacity, 50)
    every = construction.vectors(np.arange(construction.capacity))
    np.testing.assert_array_equal(construction.vectors(index), every[index])
    assert construction.vectors(index[:0]).shape == (0, 16)
