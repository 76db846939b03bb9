"""Image files, or bytes of them, to arrays of one size and one number of channels."""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.images.arrays import as_bytes

Mode = Literal["L", "RGB"]
SMALLEST, LARGEST = 16, 64
"""Range of the side, in pixels, that is chosen where none is given."""
_LOOKED_AT = 200
_DEEP = 65535.0  # largest value of 16 bits
_UNREADABLE = (OSError, ValueError, SyntaxError, TypeError, Image.DecompressionBombError)


class PixelForm(NamedTuple):
    """The form that all images are brought into.

    Attributes
    ----------
    size
        Pixels of each side.
    mode
        ``"L"`` for one channel of grey, ``"RGB"`` for three of colour.
    """

    size: int
    mode: Mode

    @property
    def words(self) -> str:
        """The form in words, such as ``"32 x 32 pixels, grey"``."""
        return f"{self.size} x {self.size} pixels, {'grey' if self.mode == 'L' else 'colour'}"


def find_form(cells: Sequence[Any], folder: Path, size: int | None = None) -> PixelForm:
    """Choose the form by the first 200 images that can be read.

    Parameters
    ----------
    cells
        Images as :func:`read_pixels` takes them.
    folder
        Where relative paths begin.
    size
        Pixels of each side. None: the median side of the images, from 16 to 64.

    Raises
    ------
    UsageError
        ``size`` is below 4.
    DataError
        None of the images can be read.
    """
    if size is not None:
        UsageError.require_whole("image-size", size, 4)
    opened = (_tried(cell, folder) for cell in cells)
    seen = [image for image in islice(opened, _LOOKED_AT) if isinstance(image, Image.Image)]
    if not seen:
        first = next((_tried(cell, folder) for cell in cells), "there is none")
        raise DataError(f"no image can be read ({first}); check the paths")
    colour = any(image.mode == "RGB" and not _is_grey(image) for image in seen)
    middle = float(np.median([side for image in seen for side in image.size]))
    chosen = size or min(LARGEST, max(SMALLEST, 8 * round(middle / 8)))
    return PixelForm(chosen, "RGB" if colour else "L")


def read_pixels(
    cells: Sequence[Any],
    folder: Path,
    form: PixelForm,
    progress: Callable[[str, int, int | None], None],
) -> list[NDArray[np.uint8] | str]:
    """Read images; each one becomes ``(channels, size, size)``, or the reason why it cannot.

    Parameters
    ----------
    cells
        Paths, bytes of image files, images of Pillow, arrays of pixels, or mappings with a path
        or bytes in ``path`` and ``bytes``, as Hugging Face datasets hold images.
    folder
        Where relative paths begin.
    form
        Size and channels. Sides are scaled separately, so the aspect ratio is not kept. What is
        transparent becomes white, of several frames the first is read, and the orientation that a
        camera noted is applied.
    progress
        Called with the stage, the images done and their number.
    """

    def one(cell: Any) -> NDArray[np.uint8] | str:
        image = _tried(cell, folder)
        return image if isinstance(image, str) else _brought(image, form)

    found = []
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for done, pixels in enumerate(pool.map(one, cells), 1):
            found.append(pixels)
            progress("read images", done, len(cells))
    return found


def kind_of_image(cell: Any, folder: Path) -> tuple[tuple[int, int], str]:
    """Return width, height and mode of an image that can be read; of a file, its head is read."""
    if isinstance(cell, Mapping):
        cell = cell["bytes"] if cell.get("bytes") is not None else cell.get("path")
    if isinstance(cell, np.ndarray) and cell.ndim > 1:
        cell = Image.fromarray(as_bytes(cell))
    if isinstance(cell, Image.Image):
        return cell.size, cell.mode
    source: Any = folder / cell if isinstance(cell, str) else io.BytesIO(bytes(cell))
    with Image.open(source) as file:
        return file.size, file.mode


def _tried(cell: Any, folder: Path) -> Image.Image | str:
    """Return the image of a cell, or the reason why there is none."""
    try:
        return _opened(cell, folder)
    except FileNotFoundError:
        return "the file does not exist"
    except _UNREADABLE as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__


def _opened(cell: Any, folder: Path) -> Image.Image:
    if isinstance(cell, Mapping):
        cell = cell["bytes"] if cell.get("bytes") is not None else cell.get("path")
    if isinstance(cell, np.ndarray):
        cell = cell.tobytes() if cell.ndim < 2 else Image.fromarray(as_bytes(cell))
    if isinstance(cell, Image.Image):
        return _plain(cell)
    if not isinstance(cell, bytes | str) or not cell:
        raise ValueError("there is no path and no image")
    source: Any = io.BytesIO(cell) if isinstance(cell, bytes) else folder / cell
    with Image.open(source) as file:
        file.load()
        image = ImageOps.exif_transpose(file) or file
        return _plain(image)


def _plain(image: Image.Image) -> Image.Image:
    """Return an image of mode L or RGB."""
    if image.mode.startswith(("I", "F")):  # 16 bits of grey and more, which Pillow would cut off
        values = np.asarray(image, np.float64)
        scale = 255 / _DEEP if image.mode.startswith("I") or values.max(initial=0) > 1 else 255
        return Image.fromarray(np.clip(values * scale, 0, 255).round().astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")


def _is_grey(image: Image.Image) -> bool:
    red, green, blue = (np.asarray(band) for band in image.split())
    return bool((red == green).all() and (green == blue).all())


def _brought(image: Image.Image, form: PixelForm) -> NDArray[np.uint8]:
    side = (form.size, form.size)
    if image.size != side:
        image = image.resize(side, Image.Resampling.LANCZOS, reducing_gap=3.0)
    pixels = np.asarray(image.convert(form.mode), np.uint8)
    return cast("NDArray[np.uint8]", np.atleast_3d(pixels).transpose(2, 0, 1))
