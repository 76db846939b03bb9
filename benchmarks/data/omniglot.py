"""Load Omniglot's two small background sets: handwritten characters of eight alphabets."""

import io
import zipfile
from typing import NamedTuple

import numpy as np

from growlabels.datasets._mirror import read_published

SIDE = 105  # pixels


class Omniglot(NamedTuple):
    """Drawings of characters.

    Attributes
    ----------
    images
        (drawings, 105, 105) bool, True where there is ink.
    labels
        (drawings,) int64, indices into ``characters``.
    drawers
        (drawings,) int64 from 0 to 19, the person who drew it.
    characters
        Names such as ``"Greek/character01"``, sorted.
    """

    images: np.ndarray
    labels: np.ndarray
    drawers: np.ndarray
    characters: list[str]


def load_omniglot_small() -> Omniglot:
    """Load the union of both small sets from the mirror or from an earlier download.

    Greek and Latin are in both sets and are taken once: 242 characters with 20 drawings each.

    Raises
    ------
    UsageError
        If a file is not on this computer; the message says how to get it.
    DataError
        If a file differs from the published one.

    References
    ----------
    Lake, Salakhutdinov and Tenenbaum, "Human-level concept learning through probabilistic
    program induction", Science 2015.
    """
    drawings: dict[tuple[str, int], bytes] = {}
    for name in ("omniglot_small1", "omniglot_small2"):
        with zipfile.ZipFile(io.BytesIO(read_published(name))) as archive:
            for file in archive.namelist():
                if file.endswith(".png"):
                    _, alphabet, character, picture = file.split("/")
                    drawer = int(picture.removesuffix(".png").rpartition("_")[2]) - 1
                    drawings[f"{alphabet}/{character}", drawer] = archive.read(file)
    keys = sorted(drawings)
    characters = sorted({character for character, _ in keys})
    place = {character: i for i, character in enumerate(characters)}
    return Omniglot(
        np.stack([_ink(drawings[key]) for key in keys]),
        np.array([place[character] for character, _ in keys], dtype=np.int64),
        np.array([drawer for _, drawer in keys], dtype=np.int64),
        characters,
    )


def _ink(png: bytes) -> np.ndarray:
    from PIL import Image  # comes with matplotlib

    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("L")) < 128
