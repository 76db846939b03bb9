"""What the report of ``classes add`` says: what adding did to the old classes."""

from collections.abc import Sequence
from dataclasses import dataclass

from growlabels.classes.calibration.scores import Scores
from growlabels.classes.cli.report import calibration_plot, confusion_table, worst_table
from growlabels.report import Headline, Section, Table


@dataclass(frozen=True)
class Change:
    """Accuracy of one group of held-out rows before and after classes were added.

    Attributes
    ----------
    group
        Which rows: of old classes, of new ones, all.
    rows
        How many.
    before, after
        Shares of right answers; ``None`` without rows.
    taken
        Share of the rows that is answered with a new class afterwards.
    """

    group: str
    rows: int
    before: float | None
    after: float | None
    taken: float | None


def add_section(
    scores: Scores | None, changes: Sequence[Change], added: Sequence[object], replayed: int
) -> Section:
    """Say what adding classes did to the old ones."""
    names = ", ".join(map(str, added[:10])) + (", ..." if len(added) > 10 else "")
    return Section(
        title="What was added, and what it did",
        text=[
            f"{len(added):,} new classes took the next free vectors ({names}); the vectors of the "
            f"old ones stayed. {replayed:,} rows of old classes were learned again alongside.",
        ],
        headlines=[
            Headline(
                f"accuracy on {change.group}",
                change.after,
                "share of held-out rows whose most likely class is the right one, 0 to 1",
                change.before,
                "before adding",
                rows=change.rows,
            )
            for change in changes
            if change.after is not None
        ],
        plots=[] if scores is None else [calibration_plot({"after adding": scores})],
        tables=[
            change_table(changes),
            *([] if scores is None else [worst_table(scores), confusion_table(scores)]),
        ],
        warnings=_add_warnings(changes, replayed),
    )


def change_table(changes: Sequence[Change]) -> Table:
    """List accuracies before and after."""
    return Table(
        "Accuracy on held-out rows, before and after",
        ["rows of", "rows", "before", "after", "answered with a new class"],
        [(c.group, c.rows, _shown(c.before), _shown(c.after), _shown(c.taken)) for c in changes],
        note="New classes cannot be answered before they are added.",
    )


def _shown(share: float | None) -> str:
    return "not measured" if share is None else f"{share:.3f}"


def _add_warnings(changes: Sequence[Change], replayed: int) -> list[str]:
    warnings = [
        f"No row was held out of {c.group}, so their accuracy is not known."
        for c in changes
        if not c.rows
    ]
    warnings += [
        f"Only {c.rows} rows of {c.group} were scored: their accuracy is good to about "
        f"{1 / c.rows**0.5:.2f} either way."
        for c in changes
        if 0 < c.rows < 100
    ]
    if not replayed:
        warnings.append(
            "No row of an old class was learned again: old classes are forgotten in part. Give "
            "the tables that the model was fitted on with --old."
        )
    return warnings
