"""Line, bar, histogram and scatter plots, each with its data table."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from growlabels.base.errors import UsageError
from growlabels.report._content import Plot, Table
from growlabels.report._figure import FAINT, INK, colour, draw
from growlabels.report._format import format_value, plain

Points = Mapping[str, tuple[Sequence[float], Sequence[float]]]
_TABLE_ROWS = 200
_REACH = 1e200  # beyond it the arithmetic of axes overflows
_EVENTS_IN_WORDS = 6
_EVENT_WIDTH = 0.05  # of the axis: events closer than this share one mark
_DASHES = ("-", "--", "-.", ":")
_AREA = 80.0  # of the point with the largest count, square points
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def line_plot(
    title: str,
    series: Points,
    x_label: str,
    y_label: str,
    alt: str,
    caption: str = "",
    events: Sequence[tuple[float, str]] = (),
    log_x: bool = False,
    log_y: bool = False,
    counts: Mapping[str, Sequence[int]] | None = None,
) -> Plot:
    """Draw lines, with events as vertical marks.

    Parameters
    ----------
    title
        Shown above the plot.
    series
        Name -> (x values, y values), of equal length.
    x_label, y_label
        What the axes show, with the unit.
    alt
        Text alternative: what the plot says.
    caption
        Shown below the plot.
    events
        (x, what happened); many events at one place are drawn as one.
    log_x, log_y
        Logarithmic axes; an axis without a positive value stays linear.
    counts
        Name of a line -> rows behind each of its points: their area, and a column of the table.

    Examples
    --------
    >>> plot = line_plot("Loss", {"a": ([0, 1], [2.0, 1.0])}, "step", "loss", "Falls from 2 to 1.")
    >>> plot.table.rows
    (('a', 0, 2.0), ('a', 1, 1.0))
    """
    data = _checked(title, series)

    drawn = {name: (_within_reach(x), _within_reach(y)) for name, (x, y) in data.items()}

    def fill(axes: Axes) -> None:
        for i, (name, (x, y)) in enumerate(drawn.items()):
            behind = None if counts is None else counts.get(name)
            marker = "o" if len(x) <= 12 and counts is None else None
            axes.plot(
                x,
                y,
                color=colour(i),
                linestyle=_DASHES[i % 4],
                linewidth=1.6 if behind is None else 0.8,
                alpha=1.0 if behind is None else 0.5,
                marker=marker,
                markersize=3.5,
                label=plain(name),
            )
            if behind is not None:
                area = 3 + _AREA * np.asarray(behind, dtype=float) / max(*behind, 1)
                axes.scatter(x, y, area, color=colour(i), alpha=0.75, linewidths=0)
        if log_x and any((x > 0).any() for x, _ in drawn.values()):
            axes.set_xscale("log")
            _plain_powers(axes.xaxis)
        if log_y and any((y > 0).any() for _, y in drawn.values()):
            axes.set_yscale("log")
            _plain_powers(axes.yaxis)
        _mark_events(axes, events)
        _finish(axes, x_label, y_label, len(data))

    table = _points_table(title, data, x_label, y_label, events, counts)
    return Plot(title, draw(fill, 3.0), alt, table, _with_note(caption, _events_in_words(events)))


def bar_plot(
    title: str,
    values: Mapping[str, float],
    x_label: str,
    alt: str,
    caption: str = "",
    errors: Mapping[str, float] | None = None,
    baselines: Sequence[str] = (),
) -> Plot:
    """Draw horizontal bars, in the given order from top to bottom.

    Parameters
    ----------
    title, x_label, alt, caption
        As in :func:`line_plot`.
    values
        Name -> length of the bar.
    errors
        Name -> half length of the error bar, in the unit of the values.
    baselines
        Names of the bars to hold the others against; drawn hollow.

    Examples
    --------
    >>> bar_plot("Accuracy", {"ours": 0.9, "chance": 0.5}, "accuracy", "0.9 and 0.5").table.rows
    (('ours', 0.9), ('chance', 0.5))
    """
    if not values:
        raise UsageError(f"plot {title!r} has no values; pass at least one")
    errors = dict(errors or {})
    names = list(values)
    heights = _within_reach(np.array([values[name] for name in names], dtype=float))

    def fill(axes: Axes) -> None:
        for i, name in enumerate(names):
            hollow = name in baselines
            axes.barh(
                i,
                heights[i],
                height=0.62,
                color="none" if hollow else colour(0),
                edgecolor=colour(7) if hollow else colour(0),
                linewidth=1.2,
                xerr=errors.get(name),
                error_kw={"ecolor": INK, "elinewidth": 1.0, "capsize": 3},
            )
            reach = max(heights[i], 0.0) + (errors.get(name) or 0.0)
            if np.isfinite(heights[i]):
                axes.annotate(
                    format_value(float(heights[i])),
                    (reach, i),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8.5,
                )
        axes.set_yticks(range(len(names)), [plain(name) for name in names])
        axes.invert_yaxis()
        axes.margins(x=0.14)
        axes.axvline(0, color=FAINT, linewidth=0.8)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(plain(x_label))
        axes.grid(axis="x")
        axes.set_axisbelow(True)

    rows = tuple((n, v, errors.get(n)) if errors else (n, v) for n, v in values.items())
    columns = ("", x_label, "±") if errors else ("", x_label)
    svg = draw(fill, 0.8 + 0.3 * len(names))
    hollow = "Hollow bars are baselines." if set(baselines) & set(names) else ""
    return Plot(title, svg, alt, Table(title, columns, rows), _with_note(caption, hollow))


def histogram_plot(
    title: str,
    samples: Mapping[str, Sequence[float]],
    x_label: str,
    alt: str,
    caption: str = "",
    lines: Mapping[str, float] | None = None,
    bins: int = 30,
) -> Plot:
    """Draw histograms over common bins, as shares of each sample, with marked values.

    Parameters
    ----------
    title, x_label, alt, caption
        As in :func:`line_plot`.
    samples
        Name -> values; those that are not finite are left out and counted in the table's note.
    lines
        Name -> x of a vertical line, e.g. a threshold; one that is not finite is not drawn.
    bins
        How many.

    Examples
    --------
    >>> plot = histogram_plot("Scores", {"rows": [0.0, 1.0, 1.0]}, "score", "Most are 1.", bins=2)
    >>> plot.table.rows
    ((0.0, 0.5, 1), (0.5, 1.0, 2))
    """
    data = {n: np.asarray(v, dtype=float).ravel() for n, v in samples.items()}
    lines = dict(lines or {})
    finite = {n: v[np.isfinite(v)] for n, v in data.items()}
    marks = {n: float(x) for n, x in lines.items() if np.isfinite(x)}
    pool = np.concatenate([*finite.values(), np.array(list(marks.values()))])
    pool = np.clip(pool, -_REACH, _REACH)
    if not pool.size:
        raise UsageError(f"plot {title!r} has no finite value; pass at least one")
    edges = np.histogram_bin_edges(pool, bins)
    counts = {name: np.histogram(v, edges)[0] for name, v in finite.items()}

    def fill(axes: Axes) -> None:
        for i, (name, count) in enumerate(counts.items()):
            share = count / max(count.sum(), 1)
            label = f"{plain(name)} ({format_value(int(count.sum()))})"
            axes.stairs(share, edges, fill=True, color=colour(i), alpha=0.3)
            axes.stairs(share, edges, color=colour(i), linewidth=1.4, label=label)
        for i, (name, x) in enumerate(marks.items()):
            label = f"{plain(name)}: {format_value(float(x))}"
            axes.axvline(x, color=INK, linestyle=_DASHES[1 + i % 3], linewidth=1.2, label=label)
        _finish(axes, x_label, "share of the group", 2)

    left_out = sum(len(v) for v in data.values()) - sum(len(v) for v in finite.values())
    notes = [f"{n}: {format_value(float(x))}" for n, x in lines.items()]
    if left_out:
        notes.append(f"{left_out} values that are not finite were left out")
    rows = tuple(
        (float(edges[i]), float(edges[i + 1]), *(int(c[i]) for c in counts.values()))
        for i in range(len(edges) - 1)
    )
    table = Table(title, (f"{x_label}, from", "to", *counts), rows, "; ".join(notes))
    return Plot(title, draw(fill, 3.0), alt, table, caption)


def scatter_plot(
    title: str, points: Points, x_label: str, y_label: str, alt: str, caption: str = ""
) -> Plot:
    """Draw points, one colour and marker per group.

    Parameters
    ----------
    title, x_label, y_label, alt, caption
        As in :func:`line_plot`.
    points
        Group -> (x values, y values), of equal length.

    Examples
    --------
    >>> scatter_plot("t", {"a": ([1, 2], [0.5, 0.7])}, "dim", "accuracy", "It rises.").table.rows
    (('a', 1, 0.5), ('a', 2, 0.7))
    """
    data = _checked(title, points)

    def fill(axes: Axes) -> None:
        for i, (name, (x, y)) in enumerate(data.items()):
            axes.plot(
                _within_reach(x),
                _within_reach(y),
                linestyle="none",
                marker=_MARKERS[i % len(_MARKERS)],
                markersize=5,
                markeredgewidth=0,
                alpha=0.75,
                color=colour(i),
                label=plain(name),
            )
        _finish(axes, x_label, y_label, len(data))

    return Plot(
        title, draw(fill, 3.2), alt, _points_table(title, data, x_label, y_label, ()), caption
    )


def _checked(title: str, points: Points) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    data = {}
    for name, (x, y) in points.items():
        data[name] = np.asarray(x, dtype=float).ravel(), np.asarray(y, dtype=float).ravel()
        if len(data[name][0]) != len(data[name][1]):
            raise UsageError(
                f"plot {title!r}: {name!r} has {len(data[name][0])} x and {len(data[name][1])} y "
                "values; pass as many of each"
            )
    if not any(len(x) for x, _ in data.values()):
        raise UsageError(f"plot {title!r} has no points; pass at least one")
    return data


def _within_reach(values: np.ndarray) -> np.ndarray:
    """Replace what no axis can show by NaN, which is not drawn; the table keeps it."""
    return np.where(np.abs(values) <= _REACH, values, np.nan)


def _mark_events(axes: Axes, events: Sequence[tuple[float, str]]) -> None:
    """Number the events along the top; neighbours share a number range."""
    low, high = axes.get_xlim()
    places: list[tuple[float, list[int]]] = []
    for number, (x, _) in enumerate(sorted(events), 1):
        axes.axvline(x, color=INK, linewidth=0.7, linestyle=":", alpha=0.8)
        if places and x - places[-1][0] < _EVENT_WIDTH * (high - low):
            places[-1][1].append(number)
        else:
            places.append((float(x), [number]))
    for x, numbers in places:
        text = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}"
        axes.annotate(
            text,
            (x, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
        )


def _events_in_words(events: Sequence[tuple[float, str]]) -> str:
    if not events:
        return ""
    if len(events) > _EVENTS_IN_WORDS:
        return f"Numbers along the top mark {len(events)} events, listed with the figures below."
    named = (f"{i}: {text}" for i, (_, text) in enumerate(sorted(events), 1))
    return "Marked along the top: " + "; ".join(named) + "."


def _with_note(caption: str, note: str) -> str:
    return " ".join(part for part in (caption, note) if part)


def _plain_powers(axis: Axis) -> None:
    """Write the powers of ten on a logarithmic axis as numbers."""
    axis.set_major_formatter(FuncFormatter(_with_separators))
    axis.set_minor_formatter(NullFormatter())


def _with_separators(value: float, position: int) -> str:
    return f"{value:,.10g}"


def _finish(axes: Axes, x_label: str, y_label: str, names: int) -> None:
    axes.set_xlabel(plain(x_label))
    axes.set_ylabel(plain(y_label))
    axes.grid(True)
    axes.set_axisbelow(True)
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if axis.get_scale() == "linear" and max(map(abs, limits)) >= 10_000:
            axis.set_major_formatter(FuncFormatter(_with_separators))
    figure = axes.get_figure()
    if names > 1 and isinstance(figure, Figure):
        texts = axes.get_legend_handles_labels()[1]
        columns = max(1, min(len(texts), 72 // (max(map(len, texts)) + 6)))
        figure.legend(loc="outside upper left", ncols=columns)


def _points_table(
    title: str,
    data: Mapping[str, tuple[np.ndarray, np.ndarray]],
    x_label: str,
    y_label: str,
    events: Sequence[tuple[float, str]],
    counts: Mapping[str, Sequence[int]] | None = None,
) -> Table:
    step = max(1, -(-sum(len(x) for x, _ in data.values()) // _TABLE_ROWS))
    columns: tuple[str, ...] = ("", x_label, y_label)
    rows: list[tuple[object, ...]] = [
        (name, _whole(a), float(b))
        for name, (x, y) in data.items()
        for a, b in zip(x[::step], y[::step], strict=True)
    ]
    rows += [(f"event {i}", _whole(x), text) for i, (x, text) in enumerate(sorted(events), 1)]
    if counts is not None:
        columns = (*columns, "rows")
        behind: list[int | None] = []
        for name, (x, _) in data.items():
            behind += [*counts.get(name, [None] * len(x))][::step]
        rows = [(*row, n) for row, n in zip_longest(rows, behind)]
    note = f"Every {step}th point of each line." if step > 1 else ""
    return Table(title, columns, tuple(rows), note)


def _whole(value: float) -> float | int:
    return int(value) if float(value).is_integer() else float(value)
