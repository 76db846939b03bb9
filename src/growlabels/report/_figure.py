"""Matplotlib figures as SVG text whose colours follow the page: light, dark or print."""

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Drawn in these, then replaced by what the page defines; the fallback is for an SVG on its own.
INK, FAINT = "#010203", "#010204"
SERIES = ("#2f6fb3", "#d0711c", "#3d8f5f", "#b84a62", "#7b62b5", "#8a7430", "#1f8f99", "#6f7780")
_PAGE_COLOURS = {
    INK: "currentColor",
    FAINT: "var(--grid, #9aa3ad)",
    **{colour: f"var(--series-{i + 1}, {colour})" for i, colour in enumerate(SERIES)},
}
_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "growlabels",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "font.family": "sans-serif",
    "font.size": 9.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "grid.color": FAINT,
    "grid.linewidth": 0.4,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}
_STYLE = re.compile(r"<style.*?</style>", re.DOTALL)
WIDTH = 5.0  # inches; at the width of a phone the text is still readable


def draw(fill: Callable[[Axes], None], height: float) -> str:
    """Draw one pair of axes and return the SVG; the same input gives the same text.

    Parameters
    ----------
    fill
        Draws on the axes.
    height
        Of the figure, inches.
    """
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        # The browser has the glyphs that the font used for measuring lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        fill(figure.add_subplot())
        out = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    return _themed(out.getvalue())


def _themed(svg: str) -> str:
    svg = _STYLE.sub("", svg)  # it would hold for the whole page
    pattern = re.compile("|".join(_PAGE_COLOURS))
    return pattern.sub(lambda match: _PAGE_COLOURS[match.group()], svg)


def colour(index: int) -> str:
    """Return the colour of a series; they repeat after eight."""
    return SERIES[index % len(SERIES)]
