"""Han characters drawn with the fonts of Debian's packages: many classes of images, no download.

The classes are the kanji of JIS X 0208, level 1 (2,965) and level 2 (3,390), in the order of the
standard. Each font is one image of each class. Whole fonts are held out: two to choose settings
by, five for the test. Nothing that is drawn is stored or shipped.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FONTS = Path("/usr/share/fonts")
TRAINING = (
    "opentype/noto/NotoSansCJK-Regular.ttc", "opentype/noto/NotoSerifCJK-Regular.ttc",
    "opentype/noto/NotoSansCJK-Bold.ttc", "opentype/noto/NotoSerifCJK-Bold.ttc",
    "truetype/wqy/wqy-zenhei.ttc", "truetype/wqy/wqy-microhei.ttc",
    "truetype/lxgw-wenkai/LXGWWenKai-Regular.ttf", "opentype/ipafont-gothic/ipag.ttf",
    "opentype/ipafont-mincho/ipam.ttf", "truetype/bizud-gothic/BIZUDGothic-Bold.ttf",
    "truetype/bizud-mincho/BIZUDMincho-Regular.ttf", "truetype/horai-umefont/ume-tmo3.ttf",
    "truetype/horai-umefont/ume-hgo4.ttf", "truetype/migmix/migmix-1p-regular.ttf",
    "truetype/konatu/Konatu.ttf", "truetype/cns11643/TW-Kai-98_1.ttf",
    "truetype/hanazono/HanaMinA.ttf", "truetype/kouzan-mouhitsu/kouzan-mouhitsu-gyosho.ttf",
    "truetype/aoyagi-soseki/aoyagi-soseki.ttf", "truetype/lxgw-wenkai/LXGWWenKai-Bold.ttf",
    "truetype/migmix/migu-1m-bold.ttf", "truetype/horai-umefont/ume-ugo5.ttf",
    "truetype/motoya-l-cedar/MTLc3m.ttf",
)  # fmt: skip
VALIDATION = (
    "truetype/aoyagi-kouzan-t/AoyagiKouzanT.ttf", "truetype/dotgothic16/DotGothic16-Regular.ttf",
)  # fmt: skip
TEST = (
    "truetype/kiloji/kiloji.ttf", "truetype/seto/setofont.ttf",
    "truetype/kouzan-mouhitsu/kouzan-mouhitsu.ttf", "truetype/motoya-l-maruberi/MTLmr3m.ttf",
    "truetype/oradano-mincho/OradanoGSRR.ttf",
)  # fmt: skip
SIDE, INK, POINTS = 32, 28, 40


class Glyphs(NamedTuple):
    """Images of characters.

    Attributes
    ----------
    images
        ``(images, SIDE, SIDE)``, uint8, white ink on black.
    labels
        ``(images,)``, place of the character in :func:`characters`.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def characters(count: int) -> list[str]:
    """Return the first kanji of JIS X 0208; 2,965 are of level 1, 6,355 of both levels.

    >>> "".join(characters(3)), len(characters(6355))
    ('亜唖娃', 6355)
    """
    found = []
    for row in range(0xB0, 0xF5):
        for cell in range(0xA1, 0xFF):
            try:
                found.append(bytes([row, cell]).decode("euc-jp"))
            except UnicodeDecodeError:
                continue
    return found[:count]


def there(names: tuple[str, ...]) -> list[str]:
    """Return the fonts that are installed."""
    return [name for name in names if (FONTS / name).is_file()]


def draw(names: list[str], count: int) -> Glyphs:
    """Draw the first characters in each of some fonts; one that a font lacks is left out."""
    images, labels = [], []
    for name in names:
        drawn, has = _drawn(name, count)
        images.append(drawn[has])
        labels.append(np.flatnonzero(has))
    return Glyphs(np.concatenate(images), np.concatenate(labels))


@cache
def _drawn(name: str, count: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    wanted = characters(count)
    cmap = TTFont(FONTS / name, fontNumber=0, lazy=True).getBestCmap()
    font = ImageFont.truetype(str(FONTS / name), POINTS, index=0)
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    has = np.zeros(count, bool)
    for place, character in enumerate(wanted):
        if ord(character) in cmap:
            image = _fitted(character, font)
            if image is not None:
                images[place], has[place] = image, True
    return images, has


def _fitted(character: str, font: ImageFont.FreeTypeFont) -> NDArray[np.uint8] | None:
    """Draw a character, cut to its ink and centred; None where there is no ink."""
    canvas = Image.new("L", (2 * POINTS, 2 * POINTS))
    ImageDraw.Draw(canvas).text((POINTS // 2, POINTS // 2), character, 255, font)
    box = canvas.getbbox()
    if box is None:
        return None
    ink = canvas.crop(box)
    scale = INK / max(ink.size)
    size = tuple(max(1, round(side * scale)) for side in ink.size)
    ink = ink.resize(size, Image.Resampling.LANCZOS)
    image = Image.new("L", (SIDE, SIDE))
    image.paste(ink, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return np.asarray(image)
