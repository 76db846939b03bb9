"""The loaders of published sets; skipped where no mirror is."""

import os

import numpy as np
import pytest

from growlabels.datasets import load_arff, load_multilabel, load_yeast, locate

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
