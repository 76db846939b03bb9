import hashlib

import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.classes.codes.forms import hadamard_rows
from growlabels.classes.codes.gold import DIMS, gold_set

# part of every saved codebook: these never change
GOLDEN = {
    8: "b8e51988895b88492f4bbf28050069dc31e50c2a96234d7087547e978d2ac8ab",
    32: "6c8b6e215241a95c3eb4f10fc2c705aec52975d955113d590d0105fbff325a35",
    128: "0f922ee6a0ac0d747a64630a3efd66f5536ba22037a6c142ec87b32eecc98c26",
    512: "b058daba4c6b16b4f23f4a483adb1efa90510f9aaa1b064f3df3271307c24206",
}


@pytest.mark.parametrize("dim", list(GOLDEN))
def test_golden_sign_rows(dim: int) -> None:
    rows = gold_set(dim).signs(np.arange(dim))
    assert (rows[0] == 1).all()
    assert hashlib.sha256(rows.tobytes()).hexdigest() == GOLDEN[dim]


@pytest.mark.parametrize("dim", [8, 32])
def test_all_pairs(dim: int) -> None:
    forms = gold_set(dim)
    assert forms.capacity == dim * dim + dim
    vectors = forms.vectors(np.arange(forms.capacity))
    gram = np.abs(vectors @ vectors.T)
    np.fill_diagonal(gram, 0)
    expected = np.array([0, dim**-0.5, (2 / dim) ** 0.5])
    assert np.abs(gram[..., None] - expected).min(-1).max() < 1e-12


@pytest.mark.parametrize("dim", [8, 32, 128])
def test_every_pair_of_bases(dim: int) -> None:
    """One row of the transform of a product of signs holds all cosines of two bases."""
    rows = gold_set(dim).signs(np.arange(dim)).astype(np.int16)
    hadamard = hadamard_rows(np.arange(dim), dim).astype(np.int16)
    for basis in range(dim - 1):
        found = (rows[basis] * rows[basis + 1 :]).astype(np.float32) @ hadamard
        assert set(np.unique(np.abs(found)).tolist()) == {0, (2 * dim) ** 0.5}


@pytest.mark.parametrize("dim", [128, 512, 2048])
def test_sampled_bases(dim: int) -> None:
    forms = gold_set(dim)
    rows = forms.vectors(np.arange(40) * dim + np.random.default_rng(0).integers(0, dim, 40))
    other = forms.vectors(np.arange(dim) + dim * (dim - 1))
    assert np.abs(rows[:-1] @ other.T).max() <= (2 / dim) ** 0.5 + 1e-12


def test_other_dimensions_are_refused() -> None:
    assert DIMS[0] == 8
    with pytest.raises(UsageError, match="dim must be one of 8, 32, 128"):
        gold_set(64)
