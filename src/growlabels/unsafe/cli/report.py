"""A scan as a section of the report: what the scores mean, how good they are, what they flag."""

from collections.abc import Collection, Mapping, Sequence
from numbers import Real

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.report import Headline, Plot, Section, Table, histogram_plot
from growlabels.unsafe.scores.defaults import DEFAULT_THRESHOLD
from growlabels.unsafe.scores.score_table import ScoreTable
from growlabels.unsafe.scores.threshold import (
    USABLE_AUC,
    numbers,
    resolve_threshold,
)

SHOWN = 20
COMPARED = "mad:3"


def average_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the average precision: the mean precision at the ranks of the unsafe rows.

    >>> average_precision(np.array([1, 0, 1]), np.array([0.9, 0.5, 0.1]))
    0.8333333333333333

    Labels other than 1 and 0, or none that is 1; scores that are no finite numbers, or not as many,
    are a ``UsageError``.
    """
    from sklearn.metrics import average_precision_score

    scores = numbers("scores", scores)
    labels = _truth(labels, scores.shape)
    if not np.isfinite(scores).all():
        raise UsageError("scores must be finite, at least one is not; leave such rows out")
    return float(average_precision_score(labels, scores))


def _truth(labels: object, shape: tuple[int, ...]) -> np.ndarray:
    """Read the truth of so many rows: 1 and 0, at least one 1."""
    found = numbers("labels", labels)
    if found.shape != shape:
        raise UsageError(
            f"labels must be one for each score, they were of shape {found.shape} and the scores "
            f"of {shape}"
        )
    if len(odd := found[~np.isin(found, (0, 1))]):
        raise UsageError.parameter("labels", "must be 1 or 0", float(odd[0]))
    if not found.any():
        raise UsageError("labels must hold a 1: without unsafe rows nothing can be measured")
    return found


def scan_section(
    table: ScoreTable,
    threshold: str = DEFAULT_THRESHOLD,
    labels: Sequence[int] | np.ndarray | None = None,
    show_text: bool = False,
    cost: Mapping[str, float] | None = None,
) -> Section:
    """Describe a scan.

    Parameters
    ----------
    table
        What :meth:`Scanner.score` gave.
    threshold
        Drawn in the histogram, and how many rows it would reject.
    labels
        1 for an unsafe row, 0 for another, in the table's order, where the truth is known.
    show_text
        Show the text of the windows; without it nothing of the rows is quoted.
    cost
        What -> CPU seconds.

    Raises
    ------
    UsageError
        No table, a threshold that cannot be read, labels other than one 1 or 0 for each row, or a
        cost that is no number.
    """
    UsageError.require_instance("table", table, ScoreTable, "it is what Scanner.score gives")
    known = None if labels is None else _truth(labels, (len(table),))
    UsageError.require_instance("cost", cost or {}, Mapping, "give what -> CPU seconds")
    for what, seconds in (cost or {}).items():
        UsageError.require_instance(f"cost of {what!r}", seconds, Real)
    tables = [_methods(table, known), _top(table, known, show_text)]
    if cost:
        rows = [(what, seconds, seconds / len(table)) for what, seconds in cost.items()]
        tables.append(Table("Cost", ["what", "CPU seconds", "CPU seconds per row"], rows))
    return Section(
        title="Unsafe rows",
        text=_text(table, threshold, known),
        headlines=_headlines(table, threshold, known),
        plots=[_histogram(table, threshold, known)],
        tables=tables,
        warnings=table.warnings,
    )


def _text(table: ScoreTable, threshold: str, labels: np.ndarray | None) -> list[str]:
    facts = table.facts
    resolved = resolve_threshold(threshold, table.score, _percentiles(table), labels)
    layers = facts.get("gradient_layers")
    return [
        f"{len(table)} rows were scored against {facts['targets']} targets with model "
        f"{facts['model']}; {facts['malformed']} malformed rows were set aside."
        + _conversations(table)
        + (f" Gradients are those of layers {layers}, counted from 0." if layers else ""),
        f"The score is {next(iter(table.methods))}. Higher means more like the targets than the "
        "other rows of this scan are; an F4w of 0 is an ordinary answer, there is no upper end. "
        "Scores of different scans cannot be compared. A score is a reason to look at a row, not "
        "a proof that the row caused harm.",
        f"Threshold {threshold}: {table.rejection(resolved)}. The left-out percentile says how "
        "far up the pool a target comes when the others look for it; .5 is chance. It needs no "
        "labels, and it is blind to rows that merely resemble the targets.",
    ]


def _conversations(table: ScoreTable) -> str:
    """Say how many rows are conversations, if any, and what their scores are."""
    longer = int((table.answers > 1).sum())
    if not longer:
        return ""
    return (
        f" {longer} rows are conversations with more than one answer: each answer was scored after "
        f"the turns before it ({table.facts['answers']} answers in all), and by each method a row "
        "has the score of its highest answer. So the more answers, the higher an ordinary row."
    )


def _headlines(table: ScoreTable, threshold: str, labels: np.ndarray | None) -> list[Headline]:
    main = next(iter(table.methods))
    resolved = resolve_threshold(threshold, table.score, _percentiles(table), labels)
    found = [
        Headline(
            "rows the filter rejects",
            int(table.flagged(resolved).sum()),
            table.rejection(resolved),
            better="",
            rows=len(table),
        )
    ]
    if len(table.left_out):
        found.insert(
            0,
            Headline(
                "left-out targets, mean percentile",
                table.auc(),
                "share of rows below a target that the other targets look for, from 0 to 1; "
                f"below {USABLE_AUC} the targets are not usable",
                0.5,
                "chance",
                rows=len(table),
            ),
        )
    if labels is not None:
        baseline = "tfidf" if "tfidf" in table.methods else None
        found.insert(
            0,
            Headline(
                f"average precision of {main}",
                average_precision(labels, table.score),
                "mean precision at the ranks of the unsafe rows, from 0 to 1",
                average_precision(labels, table.methods[baseline])
                if baseline
                else float(labels.mean()),
                "TF-IDF" if baseline else "random order",
                rows=len(table),
            ),
        )
    return found


def _percentiles(table: ScoreTable) -> Sequence[float]:
    return next(iter(table.percentiles.values()))


def _methods(table: ScoreTable, labels: np.ndarray | None) -> Table:
    columns = ["method", "what it reads", "left-out percentile"]
    rows: list[list[object]] = []
    for name, scores in table.methods.items():
        auc = table.auc(name) if len(table.left_out) else "one target only"
        row: list[object] = [name, table.facts.get("reads", {}).get(name, ""), auc]
        rows.append(row if labels is None else [*row, average_precision(labels, scores)])
    if labels is not None:
        columns.append("average precision")
        rows.append(["random order", "nothing (baseline)", 0.5, float(labels.mean())])
    note = "Do not choose a method by the left-out percentile: it does not see hard negatives."
    return Table("Methods side by side", columns, rows, note)


def _top(table: ScoreTable, labels: np.ndarray | None, show_text: bool) -> Table:
    columns = ["rank", "row", "score", "nearest target", "response tokens"]
    columns += ["their text"] if show_text else []
    rows: list[list[object]] = []
    for index in np.argsort(table.rank)[:SHOWN]:
        span = f"{table.window_start[index] + 1} to {table.window_end[index]}"
        span += f" of {which}" if (which := table.answer_of(index)) else ""
        row: list[object] = [int(table.rank[index]), int(table.number[index])]
        row += [float(table.score[index]), _target(table, index), span]
        row += [table.window_text[index]] if show_text else []
        if labels is not None:
            row.append("unsafe" if labels[index] else "not")
        rows.append(row)
    if labels is not None:
        columns.append("label")
    note = "Row and target: places in their files, from 1. Response tokens: what carried the score."
    if not show_text:
        note += " Their text is hidden; the same command with --show-text shows it."
    return Table("Highest-ranked rows", columns, rows, note)


def _target(table: ScoreTable, index: int) -> str:
    return f"{table.nearest_target_number[index]} ({table.nearest_target[index][:8]})"


def _histogram(table: ScoreTable, threshold: str, labels: np.ndarray | None) -> Plot:
    samples = {"all rows": table.score.tolist()}
    if labels is not None:
        samples = {
            "not unsafe": table.score[labels == 0].tolist(),
            "unsafe": table.score[labels == 1].tolist(),
        }
    lines = {}
    for spec in dict.fromkeys([threshold, COMPARED]):
        cut = resolve_threshold(spec, table.score, _percentiles(table), labels).cut
        if np.isfinite(cut):
            lines[spec] = cut
    return histogram_plot(
        "Scores of all rows",
        {name: values for name, values in samples.items() if values},
        "score (higher: more like the targets)",
        f"Histogram of {len(table)} scores from {table.score.min():.1f} to "
        f"{table.score.max():.1f}, median {np.median(table.score):.1f}; vertical lines: "
        + (", ".join(f"{name} at {cut:.1f}" for name, cut in lines.items()) or "none"),
        _caption(threshold, lines),
        lines,
    )


def _caption(threshold: str, lines: Collection[str]) -> str:
    """Say what the lines mean, if there are any."""
    said = [] if threshold in lines else [f"{threshold} rejects no row, so it has no line."]
    if lines:
        said.append("Rows at a line or to the right of it are rejected at that threshold.")
    if COMPARED in lines and threshold != COMPARED:
        said.append(f"{COMPARED} is drawn to compare with; the filter does not use it.")
    return " ".join(said)
