"""The data sets that only benchmarks use."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data.clinc150 import load_clinc150
from data.omniglot import load_omniglot_small
from data.winobias import load_winobias

from growlabels.base.errors import UsageError

needs_mirror = pytest.mark.skipif(
    "GROWLABELS_DATA" not in os.environ, reason="GROWLABELS_DATA names no mirror"
)


@needs_mirror
def test_clinc150() -> None:
    data = load_clinc150()
    assert len(data.intents) == 150
    assert (len(data.train_texts), len(data.validation_texts), len(data.test_texts)) == (
        15_000,
        3_000,
        4_500,
    )
    assert (np.bincount(data.train_labels) == 100).all()
    assert len(data.out_of_scope_test) == 1_000


@needs_mirror
def test_omniglot() -> None:
    data = load_omniglot_small()
    assert data.images.shape == (4840, 105, 105) and len(data.characters) == 242
    assert (np.bincount(data.labels) == 20).all() and (np.bincount(data.drawers) == 242).all()
    assert 0.01 < data.images.mean() < 0.2


@needs_mirror
def test_winobias_pairs_differ_by_little() -> None:
    for kind in (1, 2):
        for split in ("dev", "test"):
            pairs = load_winobias(kind, split)  # type: ignore[arg-type]
            assert len(pairs) == 396
            assert all(pair.pro != pair.anti and pair.referent in pair.pro for pair in pairs)
    with pytest.raises(UsageError, match="kind must be one of 1, 2"):
        load_winobias(3, "dev")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "load", [load_clinc150, load_omniglot_small, lambda: load_winobias(1, "dev")]
)
def test_set_absent_says_how_to_get_it(
    load: Callable[[], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path))
    monkeypatch.delenv("GROWLABELS_DATA", raising=False)
    with pytest.raises(UsageError, match=r"^data set '\w+' is not on this machine .*download\("):
        load()
