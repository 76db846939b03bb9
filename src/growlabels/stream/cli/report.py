"""A stream's scores, hierarchy and events as a section of a report."""

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
    "share of true labels among those ranked first, mean over rows; 0 to 1, higher is better; a "
    "row with fewer true labels cannot reach 1"
)
_MOST_LEAVES = 60
_MOST_CLUSTERS = 20
_MOST_ROWS = 100
_KINDS = {
    "form": "labels without company form a cluster",
    "grow": "a cluster takes labels in",
    "merge": "clusters merge",
    "shrink": "a cluster lets labels go",
    "split": "a cluster splits",
    "dissolve": "a cluster dissolves",
    "regroup": "labels change clusters",
    "drift": "the loss rose: the learner starts again from the last rows",
    "global drift": "labels bring along less of their clusters: the counts start again",
    "local drift": "the loss rose in one cluster: another tree grows beside its tree",
    "swap": "the other tree erred less: it takes the place of the cluster's tree",
    "full": "the trees stop splitting, as they would outgrow max_bytes",
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
        Model -> scores on the same rows. The first model is the one that is reported, the
        others are its baselines.
    hierarchy, events
        What the reported model says of its labels; None and none for a model without.
    text, warnings
        Paragraphs before the figures; things that the reader must know.
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
    """Return one line about an event.

    >>> describe(Event(400, "form", ("a", "b"), 0.31, 0.12, (), (("a", "b"),)))
    'form: {a, b}'
    >>> describe(Event(900, "drift", (), 0.2, 0.1))
    'drift: the loss rose by 0.200'
    >>> describe(Event(950, "local drift", ("a", "b"), 0.2, 0.1))
    'local drift: {a, b}'
    """
    if event.kind == "drift":
        return f"drift: the loss rose by {event.statistic:.3f}"
    if event.kind == "full":
        return f"full: no tree splits beyond max_bytes ({event.bound:,.0f})"
    if not (event.before or event.after):
        return f"{event.kind}: {_sets([event.labels])}" if event.labels else event.kind
    before, after = _sets(event.before), _sets(event.after)
    return f"{event.kind}: " + " → ".join(part for part in (before, after) if part)


def _sets(clusters: Sequence[Sequence[object]]) -> str:
    return " ".join("{" + ", ".join(map(str, cluster)) + "}" for cluster in clusters)


def _how(scores: PrequentialScores) -> str:
    return (
        f"All {scores.n_rows:,} rows were scored, each before it was learned (prequential "
        "evaluation), the first ones, of which nothing was known yet, included. Labels that a "
        "prediction does not name count as not predicted."
    )


def _headlines(
    name: str, baselines: Sequence[str], scores: Mapping[str, PrequentialScores]
) -> list[Headline]:
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
                "" if best is None else f"{best}, the best baseline here",
                rows=scores[name].n_rows,
            )
        )
    return found


def _ranks(scores: PrequentialScores) -> dict[str, str]:
    """Return name -> title of the precisions at k that were measured."""
    return {f"precision_at_{k}": f"precision at {k}" for k in scores.precision_at}


def _speed(
    name: str, baselines: Sequence[str], scores: Mapping[str, PrequentialScores]
) -> list[Headline]:
    others = [b for b in baselines if scores[b].rows_per_second and b != MAJORITY]
    other = next(iter(others), None)  # a model that does not look at the row is no measure
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
        "Higher is better. Dotted lines: changes of the label clusters and alarms of drift, "
        "numbered as in the table of what happened to them." if marks else "Higher is better.",
        marks,
    )  # fmt: skip


def _drift(name: str, scores: PrequentialScores, events: Sequence[Event]) -> Plot:
    alarms = [(float(event.row), describe(event)) for event in events if event.kind == "drift"]
    window = max(int(scores.curve[-1].recent["n_rows"]), 1)
    curve = scores.curve
    losses = {
        f"last {window} rows": ([p.row for p in curve], [1 - p.recent["jaccard"] for p in curve]),
        "all rows so far": ([p.row for p in curve], [1 - p.total["jaccard"] for p in curve]),
    }
    return line_plot(
        f"Loss of {name} and alarms of drift",
        losses,
        "row of the stream",
        "loss (1 - Jaccard)",
        f"{len(alarms)} alarms of drift in {scores.n_rows:,} rows.",
        "Loss: 1 less the overlap (Jaccard index) of the true and the predicted set, 0 to 1, lower "
        "is better. "
        + (
            "At an alarm the learner starts again from the last rows; the alarms have numbers of "
            "their own."
            if alarms
            else "There was no alarm of drift."
        ),
        alarms,
    )


def _tree(hierarchy: LabelNode) -> Plot:
    clusters = hierarchy.clusters
    pooled = sum(len(node.labels) for node in hierarchy.walk() if node.kind == "pool")
    tree, left_out, drawn = hierarchy.to_tree(), "", [hierarchy]
    if clusters and len(hierarchy.labels) > _MOST_LEAVES:
        drawn = sorted(clusters, key=lambda node: -node.share)[:_MOST_CLUSTERS]
        tree = TreeNode("all labels", tuple(node.to_tree() for node in drawn))
        which = f"the {len(drawn)} clusters with the most frequent labels, of {len(clusters)}"
        which = which if len(drawn) < len(clusters) else "the labels in clusters alone"
        left_out = f" Drawn: {which}; hierarchy.json has all {len(hierarchy.labels)} labels."
    return tree_plot(
        "Which labels go together",
        tree,
        f"{len(hierarchy.labels)} labels in {len(clusters)} clusters, {pooled} without company: "
        + "; ".join(", ".join(map(str, node.labels)) for node in clusters[:10]),
        "J: mean Jaccard index inside a node, 0 to 1: of the rows that carry one of two labels, "
        "the share that carries both. Bars: share of the rows that carry the label, old rows "
        f"faded; a full bar is {100 * max(node.share for node in drawn):.1f} %.{left_out}",
    )


def _models(scores: Mapping[str, PrequentialScores]) -> Table:
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
        note += f" The {MAJORITY} ranks the most frequent labels first; a dash: no ranking."
    return Table(
        "The same rows, scored by every model",
        ["model", *shown.values(), "rows per second", "rows scored"],
        rows,
        note,
    )


def _labels(scores: Mapping[str, PrequentialScores]) -> Table:
    (name, own), *others = scores.items()
    per_label = own.metrics.per_label()
    other = others[0][1].metrics.per_label() if others else {}
    order = sorted(per_label, key=lambda label: -(per_label[label].tp + per_label[label].fn))
    rows = []
    for label in order[:_MOST_ROWS]:
        score = per_label[label]
        row = [label, score.tp + score.fn, score.precision, score.recall, score.f1]
        rows.append([*row, other[label].f1 if label in other else 0.0] if others else row)
    columns = ["label", "rows with it", "precision", "recall", f"F1 of {name}"]
    note = "Most frequent labels first."
    if len(order) > len(rows):
        note += f" The first {len(rows)} of {len(order)}."
    return Table(
        "Each label", [*columns, f"F1 of {others[0][0]}"] if others else columns, rows, note
    )


def _in_order(events: Sequence[Event]) -> list[Event]:
    """Order events as the plots number them."""
    return sorted(events, key=lambda event: (event.row, describe(event)))


def _events(events: Sequence[Event]) -> Table:
    meanings = "; ".join(
        f"{kind}: {meaning}" for kind, meaning in _KINDS.items() if kind in {e.kind for e in events}
    )
    return Table(
        "What happened to the clusters",
        ["no.", "row", "event", "labels", "statistic", "bound"],
        [
            [i, e.row, e.kind, describe(e).removeprefix(e.kind).lstrip(": "), e.statistic, e.bound]
            for i, e in enumerate(_in_order(events)[:_MOST_ROWS], 1)
        ],
        (f"{meanings}. " if meanings else "Nothing happened to them. ")
        + "A change is made where the statistic (for clusters: the gain in contrast, that is mean "
        "Jaccard index above chance to the own cluster less that to the nearest other; for drift: "
        "how much the mean loss rose) exceeds the bound, for clusters at two checks in a row."
        + (f" The first {_MOST_ROWS} of {len(events)}." if len(events) > _MOST_ROWS else ""),
    )
