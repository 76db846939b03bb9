"""Render Han characters from the fonts of Debian's packages: thousands of classes of images.

The fonts are found by path, so the set exists where their packages are installed; nothing rendered
is stored. A font's own table of characters decides what it can draw, and a character that it lacks
is left out. Validation and test fonts share no design with the fonts for training.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROOT = Path("/usr/share/fonts")
PACKAGES = (
    "fonts-noto-cjk fonts-wqy-zenhei fonts-wqy-microhei fonts-arphic-ukai fonts-arphic-uming "
    "fonts-lxgw-wenkai fonts-ipafont fonts-kiloji fonts-seto fonts-motoya-l-cedar "
    "fonts-motoya-l-maruberi fonts-morisawa-bizud-gothic fonts-morisawa-bizud-mincho "
    "fonts-sawarabi-gothic fonts-sawarabi-mincho fonts-dotgothic16 fonts-hanazono "
    "fonts-horai-umefont fonts-migmix fonts-konatu fonts-oradano-mincho-gsrr "
    "fonts-kouzan-mouhitsu fonts-aoyagi-kouzan-t fonts-aoyagi-soseki fonts-reggae "
    "fonts-cns11643-kai fonts-cns11643-sung fonts-babelstone-han"
)
TRAINING = (
    "opentype/noto/NotoSansCJK-Regular.ttc",
    "opentype/noto/NotoSerifCJK-Regular.ttc",
    "truetype/wqy/wqy-zenhei.ttc",
    "truetype/wqy/wqy-microhei.ttc",
    "truetype/arphic/ukai.ttc",
    "truetype/arphic/uming.ttc",
    "truetype/lxgw-wenkai/LXGWWenKai-Regular.ttf",
    "opentype/ipafont-gothic/ipag.ttf",
    "opentype/ipafont-mincho/ipam.ttf",
    "truetype/motoya-l-cedar/MTLc3m.ttf",
    "truetype/bizud-gothic/BIZUDGothic-Regular.ttf",
    "truetype/bizud-mincho/BIZUDMincho-Regular.ttf",
    "truetype/sawarabi-gothic/sawarabi-gothic-medium.ttf",
    "truetype/sawarabi-mincho/sawarabi-mincho-medium.ttf",
    "truetype/hanazono/HanaMinA.ttf",
    "truetype/horai-umefont/ume-tgo4.ttf",
    "truetype/horai-umefont/ume-tmo3.ttf",
    "truetype/migmix/migmix-1m-regular.ttf",
    "truetype/konatu/Konatu.ttf",
    "truetype/aoyagi-soseki/aoyagi-soseki.ttf",
    "truetype/reggae/ReggaeOne-Regular.ttf",
    "truetype/cns11643/TW-Kai-98_1.ttf",
    "truetype/cns11643/TW-Sung-98_1.ttf",
    "truetype/babelstone/BabelStoneHan.ttf",
)
VALIDATION = (
    "truetype/aoyagi-kouzan-t/AoyagiKouzanT.ttf",
    "truetype/dotgothic16/DotGothic16-Regular.ttf",
)
TEST = (
    "truetype/kiloji/kiloji.ttf",
    "truetype/seto/setofont.ttf",
    "truetype/kouzan-mouhitsu/kouzan-mouhitsu.ttf",
    "truetype/motoya-l-maruberi/MTLmr3m.ttf",
    "truetype/oradano-mincho/OradanoGSRR.ttf",
)
POINTS, INK, SIDE = 40, 28, 32


class Glyphs(NamedTuple):
    """Rendered characters.

    Attributes
    ----------
    images
        (images, 32, 32) uint8, ink up to 255.
    labels
        (images,) int64, places in the list of characters.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def characters(count: int) -> list[str]:
    """Return the first ``count`` characters of JIS X 0208: 2,965 of level 1, then level 2."""
    cells = [(row, cell) for row in range(16, 84) for cell in range(1, 95)]
    found = []
    for row, cell in cells:
        try:
            found.append(bytes((row + 160, cell + 160)).decode("euc_jp"))
        except UnicodeDecodeError:  # rows 47 and 84 are not full
            continue
    if count > len(found):
        raise SystemExit(f"JIS X 0208 has {len(found)} Han characters, {count} were asked for")
    return found[:count]


def render(fonts: Sequence[str], text: Sequence[str]) -> Glyphs:
    """Draw every character of ``text`` in every font that has it, font after font."""
    parts = [_font(font, tuple(text)) for font in fonts]
    return Glyphs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@cache
def _font(name: str, text: tuple[str, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    from fontTools.ttLib import TTFont
    from PIL import Image, ImageDraw, ImageFont

    path = ROOT / name
    if not path.exists():
        raise SystemExit(f"{path} is missing; install the Debian packages {PACKAGES}")
    known = TTFont(path, fontNumber=0, lazy=True).getBestCmap() or {}
    pen = ImageFont.truetype(str(path), POINTS)
    images, labels = [], []
    for label, character in enumerate(text):
        if ord(character) not in known:
            continue
        page = Image.new("L", (3 * POINTS, 3 * POINTS))
        ImageDraw.Draw(page).text((POINTS, POINTS), character, 255, pen)
        box = page.getbbox()
        if box is None:  # a font may list a character and draw nothing
            continue
        ink = page.crop(box)
        share = INK / max(ink.size)
        size = tuple(max(1, round(side * share)) for side in ink.size)
        ink = ink.resize(size, Image.Resampling.BILINEAR)  # type: ignore[arg-type]
        square = Image.new("L", (SIDE, SIDE))
        square.paste(ink, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
        images.append(np.asarray(square))
        labels.append(label)
    return np.stack(images), np.array(labels, np.int64)
