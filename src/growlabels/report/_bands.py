"""A band plot: what each of several things belonged to, along a stream."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from growlabels.base.errors import UsageError
from growlabels.report._content import Plot, Table
from growlabels.report._figure import FAINT, colour, draw
from growlabels.report._format import plain

Band = tuple[float, float, int | None]


def band_plot(
    title: str, bands: Mapping[str, Sequence[Band]], x_label: str, alt: str, caption: str = ""
) -> Plot:
    """Draw one line per name, coloured by the group it belonged to.

    Parameters
    ----------
    title, x_label, alt, caption
        As in :func:`line_plot`.
    bands
        Name -> (from, to, number of the group, from 0 on); None: no group, drawn thin. Names are
        drawn from top to bottom, colours repeat after eight groups.

    Examples
    --------
    >>> plot = band_plot("Clusters", {"a": [(0, 5, None), (5, 9, 0)]}, "row", "a joins at 5.")
    >>> plot.table.rows
    (('a', 0, 5, ''), ('a', 5, 9, 'group 1'))
    """
    if not bands:
        raise UsageError(f"plot {title!r} has nothing to draw; pass at least one name")
    names = list(bands)

    def fill(axes: Axes) -> None:
        for y, name in enumerate(names):
            for begin, end, group in bands[name]:
                alone = group is None
                axes.plot(
                    (begin, end),
                    (y, y),
                    color=FAINT if alone else colour(group or 0),
                    linewidth=0.8 if alone else 6.0,
                    solid_capstyle="butt",
                )
        axes.set_yticks(range(len(names)), [_short(plain(name)) for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(plain(x_label))

    rows = tuple(
        (name, begin, end, "" if group is None else f"group {group + 1}")
        for name in names
        for begin, end, group in bands[name]
    )
    table = Table(title, ("", f"{x_label}, from", "to", "belongs to"), rows)
    return Plot(title, draw(fill, 0.7 + 0.17 * len(names)), alt, table, caption)


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"
