"""The loaders of published sets; skipped where no mirror is."""

import os

import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.datasets import (
    load_arff,
    load_clinc150,
    load_jailbreak_mixture,
    load_multilabel,
    load_omniglot_small,
    load_winobias,
    load_yeast,
    locate,
)

pytestmark = pytest.mark.skipif(
    "GROWLABELS_DATA" not in os.environ, reason="GROWLABELS_DATA names no mirror"
)

SHAPES = {
    "Flags": (194, 19, 7),
    "Emotions": (593, 72, 6),
    "CHD_49": (555, 49, 6),
    "Langlog": (1460, 1004, 75),
    "Medical": (978, 1449, 45),
    "Genbase": (662, 1186, 27),
    "Ohsumed": (13929, 1002, 23),
}


@pytest.mark.parametrize("name", SHAPES)
def test_multilabel_shapes_and_labels(name: str) -> None:
    X, Y, features, labels = load_multilabel(name)
    assert (X.shape[0], X.shape[1], Y.shape[1]) == SHAPES[name]
    assert X.shape == (Y.shape[0], len(features)) and len(labels) == Y.shape[1]
    assert 1.0 < Y.sum(axis=1).mean() < Y.shape[1]


def test_a_published_file_needs_no_label_count() -> None:
    assert load_arff(locate("CHD_49")).label_names == [f"label{i}" for i in range(1, 7)]


def test_yeast_is_the_one_of_river() -> None:
    pytest.importorskip("river")
    ours, rivers = load_multilabel("Yeast"), load_yeast()
    assert np.array_equal(ours.Y, rivers.Y)
    assert np.allclose(ours.X, rivers.X)


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


def test_omniglot() -> None:
    data = load_omniglot_small()
    assert data.images.shape == (4840, 105, 105) and len(data.characters) == 242
    assert (np.bincount(data.labels) == 20).all() and (np.bincount(data.drawers) == 242).all()
    assert 0.01 < data.images.mean() < 0.2


def test_winobias_pairs_differ_by_little() -> None:
    for kind in (1, 2):
        for split in ("dev", "test"):
            pairs = load_winobias(kind, split)  # type: ignore[arg-type]
            assert len(pairs) == 396
            assert all(pair.pro != pair.anti and pair.referent in pair.pro for pair in pairs)
    with pytest.raises(UsageError, match="kind must be one of 1, 2"):
        load_winobias(3, "dev")  # type: ignore[arg-type]


def test_jailbreak_mixture() -> None:
    data = load_jailbreak_mixture(seed=0)
    kinds = [row.kind for row in data.train]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "unsafe": 30,
        "refusal": 60,
        "look-alike": 60,
        "ordinary": 140,
    }
    assert all(row.unsafe == (row.kind == "unsafe") for row in data.train)
    assert all(row.unsafe for row in (*data.targets, *data.held_out_unsafe))
    assert len(data.targets) == 12 and len(data.held_out_unsafe) == 30
    parts = [{row.prompt for row in part} for part in data]
    assert all(not a & b for i, a in enumerate(parts) for b in parts[:i])
    assert load_jailbreak_mixture(seed=0) == data != load_jailbreak_mixture(seed=1)
    with pytest.raises(UsageError, match="n_unsafe must be from 0 to"):
        load_jailbreak_mixture(n_unsafe=500)


def test_texts_are_not_printed() -> None:
    row = load_jailbreak_mixture(seed=0).targets[0]
    assert row.prompt not in repr(row) and row.completion not in repr(row)
    assert row.as_row() == {"prompt": row.prompt, "completion": row.completion}
