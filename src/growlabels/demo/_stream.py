"""The stream act: Yeast as a stream, every row predicted before it is learned."""

from growlabels.base.progress import Progress
from growlabels.datasets import load_yeast
from growlabels.demo._act import ActResult
from growlabels.stream import (
    IHOMER,
    ArrayRows,
    BinaryRelevance,
    MajorityLabels,
    PrequentialScores,
    describe,
    prequential,
    stream_section,
)

QUICK_ROWS = 600
OURS, RIVER, MAJORITY = "iHOMER", "BR logistic (River)", "majority label set"

TEXT = (
    "2,417 genes of yeast arrive one after another, in the published order; each has 103 "
    "measurements and some of 14 functions. Every learner predicts the functions of a gene, is "
    "scored, and only then sees the right ones. Nothing is trained beforehand.",
    "Held against: River's logistic regression, one per label behind one standard scaler, and "
    "the label set that was the most frequent so far. Speed counts predicting and learning "
    "only; the kernels were compiled before, on a learner that was thrown away.",
    "One pass over one data set: differences of .01 mean nothing.",
)


def stream_act(quick: bool, seed: int, progress: Progress) -> ActResult:
    """Score iHOMER, River's binary relevance and the majority set on Yeast.

    Parameters
    ----------
    quick
        Only the first 600 rows.
    seed
        Handed to the learner, which draws nothing; the order of the rows is the published one.
    progress
        Called with what is being done.
    """
    rows = ArrayRows(*load_yeast())
    if quick:
        rows = rows.take(slice(0, QUICK_ROWS))
    progress("loading compiled code, or compiling it once", 0)
    _warm_up(rows)
    model = IHOMER(seed=seed)
    scores: dict[str, PrequentialScores] = {}
    for name, learner in ((OURS, model), (RIVER, BinaryRelevance()), (MAJORITY, MajorityLabels())):

        def shown(stage: str, done: int, total: int | None = None, name: str = name) -> None:
            progress(name, done, total)

        scores[name] = prequential(learner, rows, every=200, window=500, progress=shown)
    hierarchy = model.hierarchy()
    title = "Stream: gene functions that arrive one row at a time"
    section = stream_section(title, scores, hierarchy, model.events, _text(len(rows)))
    return ActResult(section, _lines(scores, model), {name: s.n_rows for name, s in scores.items()})


def _warm_up(rows: ArrayRows) -> None:
    few = rows.take(slice(0, 20)).tables
    IHOMER(check_every=5).prequential_many(*few)  # the checks of the clusters are compiled too


def _text(count: int) -> list[str]:
    if count == QUICK_ROWS:
        return [TEXT[0], f"This quick run stops after the first {count} of them.", *TEXT[1:]]
    return list(TEXT)


def _lines(scores: dict[str, PrequentialScores], model: IHOMER) -> list[str]:
    ours, river = scores[OURS], scores[RIVER]
    lines = [f"{'':<22}{'exact match':>12}{'micro F1':>10}{'macro F1':>10}{'rows/s':>10}"]
    for name, s in scores.items():
        figures = f"{s.exact_match:>12.3f}{s.micro_f1:>10.3f}{s.macro_f1:>10.3f}"
        lines.append(f"{name:<22}{figures}{s.rows_per_second:>10,.0f}")
    times = ours.rows_per_second / river.rows_per_second if river.rows_per_second else 0.0
    structure = model.events
    lines.append(
        f"{ours.n_rows:,} rows scored; {times:.1f} times River's speed; {len(model.clusters)} "
        f"clusters of labels found"
    )
    if structure:
        lines.append(f"first event: row {structure[0].row}, {describe(structure[0])}")
    return lines
