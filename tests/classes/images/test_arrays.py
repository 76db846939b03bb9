"""Pixels of arrays become bytes; files of arrays hold images and labels."""

from pathlib import Path

import numpy as np
import pytest

from growlabels.base.errors import DataError
from growlabels.classes.images.arrays import as_bytes, is_array_file, read_arrays


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.array([[0, 7]], np.uint8), [[0, 7]]),
        (np.array([[False, True]]), [[0, 255]]),
        (np.array([[0.0, 0.5]]), [[0, 128]]),
        (np.array([[0.0, 200.4]]), [[0, 200]]),
        (np.array([[0, 65_535]], np.uint16), [[0, 255]]),
        (np.zeros((1, 1, 2), np.uint8), [[0, 0]]),
    ],
)
def test_pixels_keep_their_meaning(values: np.ndarray, found: list) -> None:
    assert as_bytes(values).tolist() == found


@pytest.mark.parametrize(
    "values",
    [np.zeros(3), np.zeros((2, 2, 7)), np.zeros((0, 3)), np.array([["a"]]), np.array([[-1.0]]),
     np.array([[np.nan]])],
)  # fmt: skip
def test_other_arrays_are_no_images(values: np.ndarray) -> None:
    with pytest.raises(ValueError):
        as_bytes(values)


def test_files(tmp_path: Path) -> None:
    images, labels = np.zeros((3, 4, 5), np.uint8), np.array(["a", "b", "a"])
    np.savez(tmp_path / "t.npz", x=images, y=labels, note=np.zeros(2))
    found, name, values, others = read_arrays(tmp_path / "t.npz")
    assert found.shape == (3, 4, 5) and (name, values) == ("y", ["a", "b", "a"])
    assert others == ["note"] and is_array_file(tmp_path / "t.npz")
    np.save(tmp_path / "t.npy", images)
    assert read_arrays(tmp_path / "t.npy")[1] is None


def test_files_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, a=np.zeros((3, 2, 2)), b=np.zeros((3, 2, 2)))
    with pytest.raises(DataError, match="must hold one array of images"):
        read_arrays(path)
    np.savez(path, a=np.zeros((3, 2, 2)), b=np.zeros(3, int), c=np.zeros(3, int))
    with pytest.raises(DataError, match="several arrays that may be labels: b, c"):
        read_arrays(path)
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="cannot be read as arrays of numbers"):
        read_arrays(path)
    path.write_bytes(b"no arrays")
    with pytest.raises(DataError, match="cannot be read as arrays of numbers"):
        read_arrays(path)
