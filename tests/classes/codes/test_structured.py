import hashlib

import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.classes import Codebook, coherence_bound
from growlabels.classes.codes.closed_forms import Construction
from growlabels.classes.codes.structured import (
    DelsarteGoethals,
    Gold,
    Kerdock,
    KerdockBlocks,
    Paley,
)

# What these vectors are is part of every saved model: sha256 of all of them, float32.
GOLDEN = {
    ("simplex", 100): "6604b70f4de51f7a12297b0da3b9425583011597a990a341cf136702b001152e",
    ("cross-polytope", 16): "546399416ba36cd041b047b4511f3af41165dfe78da9e4c9cec5cb354281adc1",
    ("kerdock-blocks", 33): "d8b10dd9c44f784a97df4008a1bd5afa3840ae0a8a286d8d07a84a034ee172be",
    ("paley", 13): "08bd315cb06d77700cfdb3d6bac040763e4f0670b13506fcd1fe3825e3f7c41b",
}
SETS = [Kerdock(4), Kerdock(16), Gold(8), DelsarteGoethals(16, 1), Paley(5), Paley(13)]
SETS += [KerdockBlocks(9), KerdockBlocks(33), KerdockBlocks(4)]


@pytest.mark.parametrize("construction", SETS, ids=lambda c: f"{c.kind}-{c.dim}")
def test_stated_cosines_are_the_measured_ones(construction: Construction) -> None:
    vectors = construction.vectors(np.arange(construction.capacity))
    gram = vectors @ vectors.T
    np.testing.assert_allclose(np.diag(gram), 1, rtol=1e-13)
    for count in range(2, construction.capacity + 1, max(1, construction.capacity // 97)):
        pairs = gram[:count, :count][np.triu_indices(count, 1)]
        absolute, signed = construction.cosines(count)
        assert np.abs(pairs).max() == pytest.approx(absolute, abs=1e-13)
        assert pairs.max() == pytest.approx(signed, abs=1e-13)
        assert absolute >= coherence_bound(count, construction.dim) - 1e-12


@pytest.mark.parametrize("construction", SETS, ids=lambda c: f"{c.kind}-{c.dim}")
def test_vectors_depend_on_the_index_alone(construction: Construction) -> None:
    index = np.random.default_rng(0).integers(0, construction.capacity, 50)
    every = construction.vectors(np.arange(construction.capacity))
    np.testing.assert_array_equal(construction.vectors(index), every[index])
    assert construction.vectors(index[:0]).shape == (0, construction.dim)


@pytest.mark.parametrize(("kind", "dim"), list(GOLDEN))
def test_golden_vectors(kind: str, dim: int) -> None:
    codebook = Codebook.for_classes(dim, dim, kind)
    vectors = codebook.vectors(np.arange(codebook.capacity))
    assert hashlib.sha256(vectors.tobytes()).hexdigest() == GOLDEN[kind, dim]


def test_layers_count_from_the_kerdock_set() -> None:
    construction = DelsarteGoethals(64, 2)
    assert construction.cosines(64) == (0, 0)
    assert construction.cosines(2048) == (0.125, 0.125)
    assert construction.cosines(2049) == (0.25, 0.25)
    assert construction.cosines(65_537) == (0.5, 0.5)
    assert construction.cosines(construction.capacity) == (0.5, 0.5)


def test_paley_needs_a_prime_power() -> None:
    with pytest.raises(UsageError, match="prime power = 1 mod 4 for a Paley frame, it was 17"):
        Paley(17)


def test_blocks_need_room_for_the_smallest_set() -> None:
    with pytest.raises(UsageError, match="dim must be at least 4 for Kerdock blocks, it was 3"):
        KerdockBlocks(3)


def test_blocks_of_a_power_of_four_are_the_kerdock_set() -> None:
    index = np.arange(144)
    np.testing.assert_array_equal(KerdockBlocks(16).vectors(index), Kerdock(16).vectors(index))
