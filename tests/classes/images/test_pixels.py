"""Images of every mode become arrays of one form, and what cannot be read is said."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import silent
from growlabels.classes.images.pixels import PixelForm, find_form, read_pixels

GREY = PixelForm(4, "L")


def one(image: Image.Image, form: PixelForm = GREY, **options: object) -> np.ndarray:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    (found,) = read_pixels([file.getvalue()], Path(), form, silent)
    assert isinstance(found, np.ndarray), found
    return found


def test_a_plain_image_keeps_its_pixels() -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    found = one(Image.fromarray(pixels), PixelForm(4, "RGB"))
    assert np.array_equal(found, pixels.transpose(2, 0, 1))


def test_sixteen_bits_are_scaled_and_not_cut_off() -> None:
    pixels = np.array([[0, 65535], [32896, 257]], np.uint16)
    found = one(Image.fromarray(pixels), PixelForm(2, "L"))
    assert found.tolist() == [[[0, 255], [128, 1]]]


def test_what_is_transparent_is_white() -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert (one(clear) == 255).all()
    palette = Image.new("P", (4, 4), 0)
    assert (one(palette, transparency=0) == 255).all()


def test_the_orientation_that_a_camera_noted_is_applied() -> None:
    pixels = np.zeros((4, 4), np.uint8)
    pixels[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    assert one(Image.fromarray(pixels), exif=exif)[0, 3].tolist() == [255] * 4


def test_paths_bytes_and_mappings_are_the_same_image(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 7).save(tmp_path / "a.png")
    held = (tmp_path / "a.png").read_bytes()
    cells = ["a.png", held, {"bytes": held, "path": None}, {"bytes": None, "path": "a.png"}]
    found = read_pixels(cells, tmp_path, GREY, silent)
    assert all(np.array_equal(image, found[0]) for image in found)


def test_what_cannot_be_read_has_a_reason(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:900])
    (tmp_path / "text.png").write_text("no image")
    cells = ["absent.png", "cut.png", "text.png", None, ""]
    reasons = read_pixels(cells, tmp_path, GREY, silent)
    assert all(isinstance(reason, str) and reason for reason in reasons)
    assert reasons[0] == "the file does not exist"


@pytest.mark.parametrize(("sides", "size"), [((8, 8), 16), ((33, 35), 32), ((300, 200), 64)])
def test_the_side_is_the_median_within_bounds(sides: tuple[int, int], size: int) -> None:
    file = io.BytesIO()
    Image.new("RGB", sides, "gray").save(file, "PNG")
    assert find_form([file.getvalue(), b"broken"], Path()) == PixelForm(size, "L")


def test_one_coloured_image_makes_all_of_them_colour() -> None:
    files = []
    for colour in ("gray", "red"):
        file = io.BytesIO()
        Image.new("RGB", (16, 16), colour).save(file, "PNG")
        files.append(file.getvalue())
    assert find_form(files, Path()).mode == "RGB"


def test_no_form_without_an_image() -> None:
    with pytest.raises(DataError, match=r"no image can be read \(the file does not exist\)"):
        find_form(["absent.png"], Path())
    with pytest.raises(UsageError, match="image-size must be"):
        find_form([], Path(), 2)
