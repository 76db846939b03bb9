"""Build the report section of a stream: scores, hierarchy and events."""

from collections.abc import Mapping, Sequence

from growlabels.report import Headline, Plot, Section, Table, TreeNode, line_plot, tree_plot
from growlabels.stream.cli.course import hierarchy_plot
from growlabels.stream.clusters.event import Event
from growlabels.stream.evaluate.baselines import MAJORITY
from growlabels.stream.evaluate.metrics import SCORES
from growlabels.stream.evaluate.scores import PrequentialScores
from growlabels.stream.learner.hierarchy import LabelNode

NAMES = {
    "exact_match": "exact match",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "jaccard": "Jaccard",
    "hamming": "Hamming loss",
}
_FIRST = ("exact_match", "micro_f1", "macro_f1")
_RANK = (
    "mean share of true labels among the labels ranked first; 0 to 1, higher is better; a row "
    "with fewer than k true labels cannot reach 1"
)
_MOST_LEAVES = 60
_MOST_CLUSTERS = 20
_MOST_ROWS = 100
_KINDS = {
    "form": "labels outside the clusters form a cluster",
    "grow": "labels join a cluster",
    "merge": "clusters merge",
    "shrink": "labels leave a cluster",
    "split": "a cluster splits",
    "dissolve": "a cluster dissolves",
    "regroup": "labels change clusters",
    "drift": "the loss rose, so the learner restarts from the most recent rows",
    "global drift": "labels occur less often with their cluster's other labels; the counts restart",
    "local drift": "the loss of one cluster rose, so a second tree starts to grow",
    "swap": "the second tree had a lower loss, so it replaces the cluster's tree",
    "full": "the trees stop splitting because they reached max_bytes",
    "spike": "a feature's first value far outside its usual range; such values count as missing",
    "moved": "a feature's values stay outside its usual range: its statistics start again",
}


def stream_section(
    title: str,
    scores: Mapping[str, PrequentialScores],
    hierarchy: LabelNode | None = None,
    events: Sequence[Event] = (),
    text: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> Section:
    """Build the section.

    Parameters
    ----------
    title
        Heading of the section.
    scores
        Scores on the same rows, by model. The first model is reported; the others are baselines.
    hierarchy
        Label hierarchy of the reported model; None, the default, for a model without one.
    events
        Events of the reported model; by default none.
    text
        Paragraphs before the scores; by default none.
    warnings
        Warnings for the reader; by default none.

    Returns
    -------
    Section
        The section of the report.
    """
    name, *baselines = scores
    plots = [_curve(scores, "micro_f1", events), _curve(scores, "exact_match", events)]
    if hierarchy is not None and hierarchy.labels:
        plots += [_drift(name, scores[name], events), _tree(hierarchy)]
        if (course := hierarchy_plot(events, scores[name].n_rows)) is not None:
            plots.append(course)
    tables = [_models(scores), _labels(scores)]
    if hierarchy is not None:
        tables.append(_events(events))
    return Section(
        title,
        [*text, _how(scores[name])],
        [*_headlines(name, baselines, scores), *_speed(name, baselines, scores)],
        plots,
        tables,
        warnings,
    )


def describe(event: Event) -> str:
    """Describe an event in one line.

    Examples
    --------
    >>> describe(Event(400, "form", ("a", "b"), 0.31, 0.12, (), (("a", "b"),)))
    'form: {a, b}'
    >>> describe(Event(900, "drift", (), 0.2, 0.1))
    'drift: the loss rose by 0.200'
    >>> describe(Event(950, "local drift", ("a", "b"), 0.2, 0.1))
    'local drift: {a, b}'
    >>> describe(Event(990, "spike", (), 1e6, 40.0, feature="kg"))
    'spike: feature kg: 1e+06 beyond 40'
    """
    if event.kind == "drift":
        return f"drift: the loss rose by {event.statistic:.3f}"
    if event.feature is not None:
        value, bound = event.statistic, event.bound
        return f"{event.kind}: feature {event.feature}: {value:.4g} beyond {bound:.4g}"
    if event.kind == "full":
        return f"full: trees stop splitting at max_bytes ({event.bound:,.0f})"
    if not (event.before or event.after):
        return f"{event.kind}: {_sets([event.labels])}" if event.labels else event.kind
    before, after = _sets(event.before), _sets(event.after)
    return f"{event.kind}: " + " → ".join(part for part in (before, after) if part)


def _sets(clusters: Sequence[Sequence[object]]) -> str:
    """Write clusters as text, such as {a, b} {c}."""
    return " ".join("{" + ", ".join(map(str, cluster)) + "}" for cluster in clusters)


def _how(scores: PrequentialScores) -> str:
    """Describe how the rows were scored."""
    return (
        f"All {scores.n_rows:,} rows were scored, each before it was learned (prequential "
        "evaluation). This includes the first row, which an untrained model predicts. A label "
        "that is missing from a prediction counts as not predicted."
    )


def _headlines(
    name: str, baselines: Sequence[str], scores: Mapping[str, PrequentialScores]
) -> list[Headline]:
    """Compare each main score with the best baseline."""
    found = []
    figures = {other: s.metrics.as_dict() for other, s in scores.items()}
    shown = {**{score: NAMES[score] for score in _FIRST}, **_ranks(scores[name])}
    for score, title in shown.items():
        able = [other for other in baselines if score in figures[other]]
        best = max(able, key=lambda other: figures[other][score], default=None)
        found.append(
            Headline(
                f"{title} of {name}",
                figures[name][score],
                SCORES.get(score, _RANK),
                None if best is None else figures[best][score],
                "" if best is None else f"{best}, the best baseline",
                rows=scores[name].n_rows,
            )
        )
    return found


def _ranks(scores: PrequentialScores) -> dict[str, str]:
    """Return name -> title for each measured precision at k."""
    return {f"precision_at_{k}": f"precision at {k}" for k in scores.precision_at}


def _speed(
    name: str, baselines: Sequence[str], scores: Mapping[str, PrequentialScores]
) -> list[Headline]:
    """Compare the speed with that of the first baseline that uses the features."""
    others = [b for b in baselines if scores[b].rows_per_second and b != MAJORITY]
    other = next(iter(others), None)
    return [
        Headline(
            f"rows per second of {name}",
            round(scores[name].rows_per_second),
            "rows predicted and learned per second of CPU time in the model; compilation is not "
            "counted; depends on the machine",
            None if other is None else round(scores[other].rows_per_second),
            other or "",
            rows=scores[name].n_rows,
        )
    ]


def _curve(scores: Mapping[str, PrequentialScores], score: str, events: Sequence[Event]) -> Plot:
    """Plot one score of all models along the stream."""
    first = next(iter(scores.values()))
    window = max(int(first.curve[-1].recent["n_rows"]), 1)
    marks = [(float(event.row), describe(event)) for event in _in_order(events)]
    ends = ", ".join(f"{n} {s.curve[-1].recent[score]:.3f}" for n, s in scores.items())
    return line_plot(
        f"{NAMES[score]} over the last {window} rows",
        {
            name: ([p.row for p in s.curve], [p.recent[score] for p in s.curve])
            for name, s in scores.items()
        },
        "row of the stream",
        NAMES[score],
        f"{NAMES[score]} of each model along the stream; at its end: {ends}.",
        "Higher is better. Dotted lines: changes of the label clusters and drift alarms, "
        "numbered as in the table of events." if marks else "Higher is better.",
        marks,
    )  # fmt: skip


def _drift(name: str, scores: PrequentialScores, events: Sequence[Event]) -> Plot:
    """Plot the loss and the drift alarms of the reported model."""
    alarms = [(float(event.row), describe(event)) for event in events if event.kind == "drift"]
    window = max(int(scores.curve[-1].recent["n_rows"]), 1)
    curve = scores.curve
    losses = {
        f"last {window} rows": ([p.row for p in curve], [1 - p.recent["jaccard"] for p in curve]),
        "all rows so far": ([p.row for p in curve], [1 - p.total["jaccard"] for p in curve]),
    }
    return line_plot(
        f"Loss of {name} and drift alarms",
        losses,
        "row of the stream",
        "loss (1 - Jaccard)",
        f"{len(alarms)} drift alarms in {scores.n_rows:,} rows.",
        "Loss: 1 minus the Jaccard index of the true and the predicted set; 0 to 1, lower is "
        "better. "
        + (
            "At an alarm, the learner restarts from the most recent rows. The alarms are numbered "
            "separately."
            if alarms
            else "There was no drift alarm."
        ),
        alarms,
    )


def _tree(hierarchy: LabelNode) -> Plot:
    """Draw the label hierarchy, or its clusters with the most frequent labels."""
    clusters = hierarchy.clusters
    pooled = sum(len(node.labels) for node in hierarchy.walk() if node.kind == "pool")
    tree, left_out, drawn = hierarchy.to_tree(), "", [hierarchy]
    if clusters and len(hierarchy.labels) > _MOST_LEAVES:
        drawn = sorted(clusters, key=lambda node: -node.share)[:_MOST_CLUSTERS]
        tree = TreeNode("all labels", tuple(node.to_tree() for node in drawn))
        which = f"the {len(drawn)} clusters with the most frequent labels, of {len(clusters)}"
        which = which if len(drawn) < len(clusters) else "only the labels in clusters"
        left_out = f" Drawn: {which}; hierarchy.json contains all {len(hierarchy.labels)} labels."
    return tree_plot(
        "Which labels occur together",
        tree,
        f"{len(hierarchy.labels)} labels in {len(clusters)} clusters, {pooled} in no cluster: "
        + "; ".join(", ".join(map(str, node.labels)) for node in clusters[:10]),
        "J: mean Jaccard index of the pairs inside a node, 0 to 1. The Jaccard index is the share "
        "of rows with both labels among the rows with at least one. Bars: share of rows with the "
        "label, where recent rows weigh more; a full bar is "
        f"{100 * max(node.share for node in drawn):.1f} %.{left_out}",
    )


def _models(scores: Mapping[str, PrequentialScores]) -> Table:
    """Tabulate the scores of all models."""
    shown = dict(NAMES)
    for s in scores.values():
        shown |= _ranks(s)
    rows = []
    for name, s in scores.items():
        figures = s.metrics.as_dict()
        found = [figures.get(score) for score in shown]
        rows.append([name, *found, round(s.rows_per_second), s.n_rows])
    note = "Higher is better, except for the Hamming loss. Speed is per second of CPU time."
    if len(shown) > len(NAMES):
        note += f" The {MAJORITY} ranks the most frequent labels first; a dash means no ranking."
    return Table(
        "Scores of all models on the same rows",
        ["model", *shown.values(), "rows per second", "rows scored"],
        rows,
        note,
    )


def _labels(scores: Mapping[str, PrequentialScores]) -> Table:
    """Tabulate the scores of each label."""
    (name, own), *others = scores.items()
    per_label = own.metrics.per_label()
    other = others[0][1].metrics.per_label() if others else {}
    order = sorted(per_label, key=lambda label: -(per_label[label].tp + per_label[label].fn))
    rows = []
    for label in order[:_MOST_ROWS]:
        score = per_label[label]
        row = [label, score.tp + score.fn, score.precision, score.recall, score.f1]
        rows.append([*row, other[label].f1 if label in other else 0.0] if others else row)
    columns = ["label", "rows with label", "precision", "recall", f"F1 of {name}"]
    note = "Most frequent labels first."
    if len(order) > len(rows):
        note += f" Shown: the first {len(rows)} of {len(order)}."
    return Table(
        "Scores of each label",
        [*columns, f"F1 of {others[0][0]}"] if others else columns,
        rows,
        note,
    )


def _in_order(events: Sequence[Event]) -> list[Event]:
    """Return the events in the order in which the plots number them."""
    return sorted(events, key=lambda event: (event.row, describe(event)))


def _events(events: Sequence[Event]) -> Table:
    """Tabulate the events, and explain their kinds."""
    meanings = "; ".join(
        f"{kind}: {meaning}" for kind, meaning in _KINDS.items() if kind in {e.kind for e in events}
    )
    return Table(
        "Events",
        ["no.", "row", "event", "labels", "statistic", "bound"],
        [
            [i, e.row, e.kind, describe(e).removeprefix(e.kind).lstrip(": "), e.statistic, e.bound]
            for i, e in enumerate(_in_order(events)[:_MOST_ROWS], 1)
        ],
        (f"{meanings}. " if meanings else "There were no events. ")
        + "A change is made when the statistic exceeds the bound; for clusters, at two successive "
        "checks. For drift, the statistic is the increase of the mean loss. For clusters, it is "
        "the gain in contrast: the mean Jaccard index above chance with a label's own cluster, "
        "minus the highest such mean with another cluster."
        + (f" Shown: the first {_MOST_ROWS} of {len(events)}." if len(events) > _MOST_ROWS else ""),
    )
