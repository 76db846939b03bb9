"""Folders of images, one folder a class."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import content_hash, file_sha256

ENDINGS = frozenset(
    [".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"]
)
"""Ends of the names of image files, in lower case."""
SPLITS = frozenset(["train", "training", "val", "valid", "validation", "dev", "test"])
"""Names of folders that are no classes where there are no others, in lower case."""
PATH, LABEL = "path", "label"
"""Columns of the rows of a folder."""
_SHOWN = 3


class ImageFolder(NamedTuple):
    """What a folder of images holds.

    Attributes
    ----------
    rows
        For each image its path below the folder and, in ``label``, the folder of its class; None
        for an image that is in no such folder.
    others
        Names of files that are no images, sorted.
    """

    rows: list[dict[str, Any]]
    others: list[str]

    def other_files_sentence(self) -> str:
        """Say which files are not read; empty if there are none."""
        if not self.others:
            return ""
        named = ", ".join(map(repr, self.others[:_SHOWN]))
        more = len(self.others) - _SHOWN
        rest = f" and {more:,} more" if more > 0 else ""
        return f"not read, since they are no images: {named}{rest}"


def is_image_name(name: object) -> bool:
    """Return whether a value is text that ends as names of image files do.

    >>> is_image_name("cats/7.JPG"), is_image_name("cats"), is_image_name(7)
    (True, False, False)
    """
    return isinstance(name, str) and Path(name).suffix.lower() in ENDINGS


def is_image_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder that holds images, here or in its folders."""
    folder = Path(path)
    return folder.is_dir() and any(is_image_name(name) for name in _files(folder))


def read_folder(path: str | os.PathLike[str]) -> ImageFolder:
    """List the images of a folder, sorted by path; hidden files are left out.

    The class of an image is the folder below ``path`` in which it lies, however deep.

    Raises
    ------
    UsageError
        There is no such folder, or its folders are splits such as train and test.
    DataError
        It holds no image.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise UsageError(f"folder {str(folder)!r} does not exist")
    rows, others = [], []
    for name in _files(folder):
        if is_image_name(name):
            head, _, rest = name.partition("/")
            rows.append({PATH: name, LABEL: head if rest else None})
        else:
            others.append(name)
    tops = {row[LABEL] for row in rows if row[LABEL] is not None}
    if tops and {top.lower() for top in tops} <= SPLITS:
        raise UsageError(
            f"{str(folder)!r} holds splits ({', '.join(sorted(tops))}) and not classes; give one "
            f"of them, such as {str(folder / min(tops))!r}"
        )
    if not rows:
        raise DataError(f"{str(folder)!r} holds no images ({' '.join(sorted(ENDINGS))})")
    return ImageFolder(rows, others)


def fingerprint_of_images(path: str | os.PathLike[str]) -> str:
    """Return a hash of the names and bytes of all images of a folder."""
    folder = Path(path)
    names = [name for name in _files(folder) if is_image_name(name)]
    return content_hash([[name, file_sha256(folder / name)] for name in names])


def _files(folder: Path) -> list[str]:
    """Return the paths of all files below a folder, with slashes, sorted."""
    found = []
    for place, inner, files in os.walk(folder, followlinks=True):
        inner[:] = [name for name in inner if not name.startswith(".")]
        below = Path(place).relative_to(folder)
        found += [(below / name).as_posix() for name in files if not name.startswith(".")]
    return sorted(found)
