"""The page: a report rendered with Jinja2, autoescape on, nothing loaded from elsewhere."""

import math
import os
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from growlabels.base.errors import UsageError
from growlabels.base.files import atomic_write
from growlabels.report._content import Headline, Plot, Report, Table
from growlabels.report._format import decimals, exact, flatten, format_value, plain
from growlabels.report._svg import inline_svg

LONG_TABLE = 15  # rows; longer tables come after the plots, in a frame that scrolls


def write_report(report: Report, path: str | os.PathLike[str]) -> None:
    """Write a report as one HTML file that opens offline; whole or not at all.

    Parameters
    ----------
    report
        What to show.
    path
        The file; its folder is made if it does not exist.

    Raises
    ------
    UsageError
        A table has ragged rows, or a plot is no safe SVG.
    GrowLabelsError
        The file cannot be written.
    """
    page = render(report)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(page)


def render(report: Report) -> str:
    """Return the HTML of a report; the same report gives the same text.

    Raises
    ------
    UsageError
        A table has ragged rows, or a plot is no safe SVG.

    Examples
    --------
    >>> page = render(Report("A <b>title</b>", "Nothing was run.", (), {"seed": 0}))
    >>> "A &lt;b&gt;title&lt;/b&gt;" in page
    True
    """
    numbers = _Numbers()
    return _template().render(
        report=report,
        style=Markup(_resource("_page.css")),
        settings=list(flatten(report.settings)),
        anchors=_anchors([section.title for section in report.sections]),
        svg=numbers.svg,
        compare=compare,
        cells=cells,
    )


class _Numbers:
    """Counts the plots of one page, so that the ids of their SVGs differ."""

    def __init__(self) -> None:
        self._plots = 0

    def svg(self, plot: Plot) -> Markup:
        self._plots += 1
        return Markup(inline_svg(plot.svg, f"plot{self._plots}", plot.title, plot.alt))


@dataclass(frozen=True)
class Comparison:
    """How a figure stands to its baseline: ``kind`` is better, worse, equal or none."""

    kind: str
    text: str


def compare(headline: Headline) -> Comparison:
    """Say in words how a headline figure stands to its baseline.

    >>> compare(Headline("F1", 0.64, "", baseline=0.6, baseline_name="majority")).text
    '0.040 higher, better'
    """
    value, base = headline.value, headline.baseline
    if isinstance(value, str) or isinstance(base, str) or base is None:
        return Comparison("none", "")
    whole = isinstance(value, int) and isinstance(base, int)
    difference = value - base if whole else round(float(value) - float(base), headline.digits)
    if difference != difference:
        return Comparison("none", "cannot be compared")
    if difference == 0:
        return Comparison("equal", "no difference at this precision")
    direction = "higher" if difference > 0 else "lower"
    text = f"{format_value(abs(difference), headline.digits)} {direction}"
    if not headline.better:
        return Comparison("none", text)
    kind = "better" if direction == headline.better else "worse"
    return Comparison(kind, f"{text}, {kind}")


@dataclass(frozen=True)
class Cells:
    """A table as text: which columns hold figures, and the rows."""

    figures: list[bool]
    rows: list[list[str]]


def cells(table: Table) -> Cells:
    """Write the cells of a table; a column of like figures gets the same decimals throughout."""
    for number, row in enumerate(table.rows, 1):
        if len(row) != len(table.columns):
            raise UsageError(
                f"table {table.title!r} row {number} has {len(row)} cells for "
                f"{len(table.columns)} columns; give every row as many cells as columns"
            )
    figures, columns = [], []
    for place in range(len(table.columns)):
        column = [row[place] for row in table.rows]
        floats = [float(cell) for cell in column if _is_figure(cell)]  # type: ignore[arg-type]
        figures.append(bool(floats) and all(_is_figure(c) or c is None for c in column))
        digits = decimals(floats) if figures[-1] and _are_alike(floats) else None
        columns.append([format_value(cell, digits) for cell in column])
    return Cells(figures, [list(row) for row in zip(*columns, strict=True)])


def _are_alike(floats: list[float]) -> bool:
    sizes = [abs(value) for value in floats if value and math.isfinite(value)]
    return not sizes or max(sizes) < 1000 * min(sizes)


def _is_figure(value: object) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, str | bool)


def _anchors(titles: list[str]) -> list[str]:
    """Make one id per section, readable where the title allows it."""
    anchors: list[str] = []
    for title in titles:
        words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        anchor, copy = f"s-{words}", 2
        while anchor in anchors:
            anchor, copy = f"s-{words}-{copy}", copy + 1
        anchors.append(anchor)
    return anchors


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else plain(value),
    )
    environment.globals["LONG"] = LONG_TABLE
    environment.filters["value"] = format_value
    environment.filters["exact"] = exact
    return environment.from_string(_resource("_page.html"))


def _resource(name: str) -> str:
    return resources.files("growlabels.report").joinpath(name).read_text("utf-8")
