"""Lists of images are taken as arrays are."""

import numpy as np
import pytest
import torch

from growlabels.base.errors import DataError
from growlabels.classes.inputs.sequences import as_images, as_texts


@pytest.mark.parametrize("shape", [(8, 8), (3, 8, 8)])
def test_a_list_of_images_is_an_array_of_them(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).random((5, *shape))
    expected = as_images(images)
    assert expected is not None
    for given in (list(images), tuple(images), [torch.from_numpy(one) for one in images]):
        np.testing.assert_array_equal(as_images(given), expected)
    assert as_images([np.ones(3), np.ones(3)]) is None
    assert as_images([[1.0, 2.0]]) is None


def test_images_of_unlike_size_are_named() -> None:
    with pytest.raises(
        DataError, match=r"X\[1\] is an image of shape \(9, 8\), X\[0\] of \(8, 8\)"
    ):
        as_images([np.ones((8, 8)), np.ones((9, 8))])


def test_texts_stay_texts() -> None:
    assert as_texts(["a", "b"]) == ["a", "b"]
