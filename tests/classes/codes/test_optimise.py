import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.classes import Codebook, coherence_bound
from growlabels.classes.codes.optimise import (
    BLOCK,
    optimise,
    soft_gradient,
    tight_frame,
    upper_blocks,
)


def largest(vectors: np.ndarray, signed: bool = False) -> float:
    gram = vectors @ vectors.T
    pairs = gram[np.triu_indices(len(gram), 1)]
    return float((pairs if signed else np.abs(pairs)).max())


@pytest.mark.parametrize(("count", "dim"), [(3, 2), (6, 3), (28, 7)])
def test_finds_equiangular_sets_that_exist(count: int, dim: int) -> None:
    assert largest(optimise(count, dim)) == pytest.approx(coherence_bound(count, dim), abs=1e-3)


def test_reaches_the_published_coherence() -> None:
    # the released vectors of the paper for this size have .135
    assert largest(optimise(1000, 100, steps=200)) <= 0.1365


def test_signed_cosines() -> None:
    vectors = optimise(60, 20, "signed")
    assert largest(vectors, signed=True) < 0.1 < largest(vectors)


def test_unit_rows_and_determinism() -> None:
    one, again = optimise(40, 10, seed=3, steps=30), optimise(40, 10, seed=3, steps=30)
    np.testing.assert_array_equal(one, again)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-6)
    assert one.dtype == np.float32
    assert not np.array_equal(one, optimise(40, 10, seed=4, steps=30))


def test_stops_at_the_target() -> None:
    done: list[int] = []
    vectors = optimise(
        100, 20, target=0.4, progress=lambda stage, step, total=None: done.append(step)
    )
    assert largest(vectors) <= 0.4
    assert done[-1] < 250


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_few_steps_still_give_the_best_met(steps: int) -> None:
    start = tight_frame(50, 10, np.random.default_rng(0))
    assert largest(optimise(50, 10, steps=steps)) <= largest(start) + 1e-6


@pytest.mark.parametrize(("count", "dim"), [(100, 20), (600, 300), (600, 400)])
def test_a_dozen_steps_come_far_below_the_start_at_every_size(count: int, dim: int) -> None:
    start = tight_frame(count, dim, np.random.default_rng(0))
    assert largest(optimise(count, dim, steps=12)) < 0.75 * largest(start)


@pytest.mark.parametrize("criterion", ["absolute", "signed"])
@pytest.mark.parametrize("count", [30, BLOCK + 7])
def test_blocked_gradient_against_the_whole_matrix(criterion, count: int) -> None:
    vectors = tight_frame(count, 12, np.random.default_rng(1))
    gram = (vectors @ vectors.T).astype(np.float64)
    sizes = gram if criterion == "signed" else np.abs(gram)
    np.fill_diagonal(sizes, -np.inf)
    weights = np.exp(9.0 * (sizes - 0.8))
    if criterion == "absolute":
        weights *= np.sign(gram)
    gradient, top = soft_gradient(vectors, 9.0, 0.8, criterion)
    np.testing.assert_allclose(gradient, weights @ vectors, rtol=1e-3, atol=1e-4)
    assert top == pytest.approx(sizes.max(), abs=1e-6)


def test_blocks_cover_the_upper_triangle_once() -> None:
    seen = np.zeros((BLOCK + 5, BLOCK + 5), dtype=int)
    for rows, columns in upper_blocks(BLOCK + 5):
        seen[rows, columns] += 1
    assert (seen[np.triu_indices(BLOCK + 5)] == 1).all()


def test_bad_parameters() -> None:
    with pytest.raises(UsageError, match="count must be above dim = 5 to need a search"):
        optimise(5, 5)
    with pytest.raises(UsageError, match="steps must be at least 1, it was 0"):
        optimise(9, 5, steps=0)
    with pytest.raises(UsageError, match="criterion must be one of 'absolute', 'signed'"):
        optimise(9, 5, "both")  # type: ignore[arg-type]


def test_an_interrupted_search_gives_its_best_and_says_so() -> None:
    def stop(stage: str, done: int, total: int | None = None) -> None:
        if done == 40:
            raise KeyboardInterrupt

    codebook = Codebook.for_classes(50, 10, steps=60, progress=stop)
    certificate = codebook.certificate()
    assert "interrupted after 40 of 60 steps" in certificate.method
    assert certificate.alpha == pytest.approx(largest(codebook.vectors()), abs=1e-6)
    assert certificate.alpha < largest(tight_frame(50, 10, np.random.default_rng(0)))


def test_codebook_of_an_awkward_size() -> None:
    codebook = Codebook.for_classes(50, 10, steps=60)
    certificate = codebook.certificate()
    assert (codebook.kind, codebook.capacity, certificate.proved) == ("optimised", 50, False)
    assert certificate.alpha == pytest.approx(largest(codebook.vectors()), abs=1e-6)
    again = Codebook.from_bytes(codebook.to_bytes())
    np.testing.assert_array_equal(again.vectors(), codebook.vectors())
    assert again.hash == codebook.hash
    assert again.certificate() == certificate
    assert codebook.hash != Codebook.for_classes(50, 10, steps=60, seed=1).hash
