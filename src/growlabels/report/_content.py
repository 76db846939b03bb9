"""What a report holds: headline figures, tables, plots, sections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from growlabels.base.runs import versions
from growlabels.report._format import format_value


@dataclass(frozen=True)
class Headline:
    """One figure that a reader should take away.

    Attributes
    ----------
    name
        What was measured, e.g. ``"exact match"``.
    value
        The figure; a float is shown with ``digits`` decimals.
    meaning
        The figure in words: unit, range, what a good one looks like.
    baseline
        The figure to hold it against, measured in the same run.
    baseline_name
        What the baseline is, e.g. ``"majority label set"``.
    better
        Which direction is better; empty where neither is.
    rows
        How many rows it was computed on.
    digits
        Decimals shown.

    Examples
    --------
    >>> Headline("exact match", 0.21, "share of rows with the whole label set right", 0.1).better
    'higher'
    """

    name: str
    value: float | int | str
    meaning: str
    baseline: float | int | str | None = None
    baseline_name: str = ""
    better: Literal["higher", "lower", ""] = "higher"
    rows: int | None = None
    digits: int = 3


@dataclass(frozen=True)
class Table:
    """A table; every row has as many cells as there are columns.

    Attributes
    ----------
    title
        Shown above the table.
    columns
        Headings.
    rows
        Cells: numbers, text, or None for an empty cell.
    note
        Shown below the table.

    Examples
    --------
    >>> Table("Cost", ["classes", "seconds"], [[1000, 0.2], [10_000, 0.9]]).columns
    ['classes', 'seconds']
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""

    def text(self) -> str:
        """Return headings and rows as aligned lines, for a terminal; minus signs are plain ones.

        >>> print(Table("Cost", ["classes", "seconds"], [[1000, 0.2], [10_000, 0.9]]).text())
        classes  seconds
        1,000    0.200
        10,000   0.900
        """
        lines = [list(self.columns), *([format_value(c, 3) for c in row] for row in self.rows)]
        lines = [[cell.translate({0x2212: "-", 0x2013: "-"}) for cell in line] for line in lines]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


@dataclass(frozen=True)
class Plot:
    """A picture with its text alternative and its figures.

    Attributes
    ----------
    title
        Shown above the plot.
    svg
        One ``<svg>`` element; scripts, event handlers and outside links are refused.
    alt
        What a reader who cannot see the plot should know.
    table
        The figures that were drawn.
    caption
        Shown below the plot.
    """

    title: str
    svg: str
    alt: str
    table: Table
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes
    ----------
    title
        Its heading.
    text
        Paragraphs; a string is one paragraph.
    headlines, plots, tables
        Shown in this order below the text.
    warnings
        What a reader must know before trusting the figures, one sentence each.

    Examples
    --------
    >>> Section("stream", "Every row was predicted before it was learned.").text
    ('Every row was predicted before it was learned.',)
    """

    title: str
    text: Sequence[str]
    headlines: Sequence[Headline] = ()
    plots: Sequence[Plot] = ()
    tables: Sequence[Table] = ()
    warnings: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("text", "warnings"):
            object.__setattr__(self, name, _several(getattr(self, name)))


@dataclass(frozen=True)
class Report:
    """A whole page: sections, and what is needed to judge and to repeat the run.

    Attributes
    ----------
    title, summary
        Heading of the page, and what came out in a sentence or two.
    sections
        The parts, in order.
    settings
        Name -> value of everything that decides the result.
    seeds
        The seeds that were used.
    versions
        Package -> version; by default of what is installed.
    warnings
        Of the whole run, shown first; one sentence each.

    Examples
    --------
    >>> report = Report("Yeast", "iHOMER on 2,417 rows.", [Section("Scores", "...")], {"seed": 0})
    >>> report.sections[0].title, "python" in report.versions
    ('Scores', True)
    """

    title: str
    summary: str
    sections: Sequence[Section]
    settings: Mapping[str, object]
    seeds: Sequence[int] = ()
    versions: Mapping[str, str] = field(default_factory=versions)
    warnings: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "warnings", _several(self.warnings))


def _several(text: Sequence[str]) -> Sequence[str]:
    """Take a single string, which is a sequence of letters, as one sentence."""
    return (text,) if isinstance(text, str) else text


@dataclass(frozen=True)
class TreeNode:
    """A node of a label hierarchy.

    Attributes
    ----------
    name
        The label, or the cluster's name.
    children
        Nodes below; a node without children is a leaf.
    value
        Drawn as a bar relative to the largest value in the tree, e.g. how often the label occurs.
    note
        A few words shown beside an inner node, and in the data table.
    """

    name: str
    children: tuple["TreeNode", ...] = ()
    value: float | None = None
    note: str = ""
