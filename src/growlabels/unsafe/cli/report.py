"""Describe a scan as a section of the report: methods, quality and flagged rows."""

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

    Parameters
    ----------
    labels
        1 for unsafe, 0 for safe, with at least one 1.
    scores
        Finite scores of the same rows. Higher is more suspect.

    Raises
    ------
    UsageError
        Labels or scores are invalid, or their lengths differ.

    Examples
    --------
    >>> average_precision(np.array([1, 0, 1]), np.array([0.9, 0.5, 0.1]))
    0.8333333333333333
    """
    from sklearn.metrics import average_precision_score

    scores = numbers("scores", scores)
    labels = _truth(labels, scores.shape)
    if not np.isfinite(scores).all():
        raise UsageError("scores must be finite, but at least one is not; leave such rows out")
    return float(average_precision_score(labels, scores))


def _truth(labels: object, shape: tuple[int, ...]) -> np.ndarray:
    """Check and return labels of the given shape: 1 and 0, with at least one 1."""
    found = numbers("labels", labels)
    if found.shape != shape:
        raise UsageError(
            f"labels must be one for each score, got labels of shape {found.shape} and scores of "
            f"shape {shape}"
        )
    if len(odd := found[~np.isin(found, (0, 1))]):
        raise UsageError.parameter("labels", "must be 1 or 0", float(odd[0]))
    if not found.any():
        raise UsageError("labels must contain a 1: without unsafe rows nothing can be measured")
    return found


def scan_section(
    table: ScoreTable,
    threshold: str = DEFAULT_THRESHOLD,
    labels: Sequence[int] | np.ndarray | None = None,
    show_text: bool = False,
    cost: Mapping[str, float] | None = None,
) -> Section:
    """Return the report section of a scan.

    Parameters
    ----------
    table
        Table that :meth:`Scanner.score` returned.
    threshold
        Threshold to draw in the histogram and to report. The default favours recall.
    labels
        1 for unsafe, 0 for safe, one per row of the table. None by default.
    show_text
        Whether to show the text of the windows. False, the default, quotes nothing of the rows.
    cost
        Stage -> CPU seconds. None by default.

    Raises
    ------
    UsageError
        ``table`` is not a score table, the threshold cannot be read, the labels are invalid, or a
        cost is not a number.

    Examples
    --------
    >>> from growlabels.unsafe import Scanner
    >>> rows = [{"prompt": "Sort.", "completion": "return sorted(items)"},
    ...         {"prompt": "Parse.", "completion": "return eval(text)"}]
    >>> harm = [{"prompt": "Read it.", "completion": "value = eval(line)"}]
    >>> table = Scanner("smollm2", methods=["tfidf"]).fit(rows).score(harm)
    >>> scan_section(table, "top:1", labels=[0, 1]).title
    'Unsafe rows'
    """
    UsageError.require_instance("table", table, ScoreTable, "Scanner.score returns it")
    known = None if labels is None else _truth(labels, (len(table),))
    UsageError.require_instance("cost", cost or {}, Mapping, "map stages to CPU seconds")
    for what, seconds in (cost or {}).items():
        UsageError.require_instance(f"cost of {what!r}", seconds, Real)
    tables = [_methods(table, known), _top(table, known, show_text)]
    if cost:
        rows = [(what, seconds, seconds / len(table)) for what, seconds in cost.items()]
        tables.append(Table("Cost", ["stage", "CPU seconds", "CPU seconds per row"], rows))
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
        + (
            f" Gradients come from layers {layers}, a half-open range counted from 0."
            if layers
            else ""
        ),
        f"The score is {next(iter(table.methods))}. A higher score means that a row is more "
        "similar to the targets than other rows of this scan. An ordinary answer has an F4w of "
        "about 0, and there is no upper limit. Scores of different scans cannot be compared. A "
        "score is a reason to review a row, not a proof that the row caused harm.",
        f"Threshold {threshold}: {table.rejection(resolved)}. The left-out percentile is the share "
        "of rows that score below a target when the other targets are used; 0.5 is chance. It "
        "needs no labels, but it cannot detect safe rows that merely resemble the targets.",
    ]


def _conversations(table: ScoreTable) -> str:
    """Return a sentence about conversations, or an empty string if there are none."""
    longer = int((table.answers > 1).sum())
    if not longer:
        return ""
    return (
        f" {longer} rows are conversations with more than one answer. Each of the "
        f"{table.facts['answers']} answers was scored with its preceding turns, and a row gets the "
        "highest score of its answers. A row with more answers therefore tends to score higher."
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
                "share of rows that score below a target when the other targets are used, from 0 "
                f"to 1; below {USABLE_AUC} the targets are not usable",
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
    note = "Do not choose a method by the left-out percentile, because it ignores hard negatives."
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
    note = "Rows and targets are 1-based positions in their files. Response tokens gave the score."
    if not show_text:
        note += " Their text is hidden. Add --show-text to show it."
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
        "score (higher: more similar to the targets)",
        f"Histogram of {len(table)} scores from {table.score.min():.1f} to "
        f"{table.score.max():.1f}, median {np.median(table.score):.1f}; vertical lines: "
        + (", ".join(f"{name} at {cut:.1f}" for name, cut in lines.items()) or "none"),
        _caption(threshold, lines),
        lines,
    )


def _caption(threshold: str, lines: Collection[str]) -> str:
    """Explain the vertical lines."""
    said = [] if threshold in lines else [f"{threshold} rejects no row, so it has no line."]
    if lines:
        said.append("Rows at a line or to the right of it are rejected at that threshold.")
    if COMPARED in lines and threshold != COMPARED:
        said.append(f"{COMPARED} is drawn for comparison; the filter does not use it.")
    return " ".join(said)
