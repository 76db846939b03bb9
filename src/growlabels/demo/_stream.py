"""Run the stream act: predict each row of Yeast before it is learned."""

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

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
RUNS = 5
OURS, RIVER, MAJORITY = "iHOMER", "BR logistic (River)", "majority label set"

TEXT = (
    "2,417 yeast genes arrive one after another in the published order. Each has 103 measurements "
    "and some of 14 functions. Each model predicts the functions of a gene, is scored, and only "
    "then sees the true functions. No model is trained beforehand.",
    "There are two baselines. The first is River's logistic regression, one model per label after "
    "a standard scaler. The second always predicts the most frequent label set so far.",
    f"Speed is rows per second of CPU time, for predicting and learning together. Every model "
    f"runs {RUNS} times, the models take turns, and the median counts. Compilation is not "
    "included: the compiled code was loaded before.",
    "This is one pass over one data set: differences of .01 mean nothing.",
)


def stream_act(quick: bool, seed: int, progress: Progress) -> ActResult:
    """Score iHOMER, River's binary relevance and the majority label set on Yeast.

    Parameters
    ----------
    quick
        Whether to use only the first 600 rows.
    seed
        Seed of the learner. It has no effect here: the learner is deterministic, and the rows
        keep their published order.
    progress
        Called with the current stage.
    """
    rows = ArrayRows(*load_yeast())
    if quick:
        rows = rows.take(slice(0, QUICK_ROWS))
    progress("loading compiled code, or compiling it once", 0)
    _warm_up(rows)
    models: list[IHOMER] = []

    def ours() -> IHOMER:
        models.append(IHOMER(seed=seed))
        return models[-1]

    scores = _scores_in_turn(
        {OURS: ours, RIVER: BinaryRelevance, MAJORITY: MajorityLabels}, rows, progress
    )
    model = models[0]
    title = "Stream: gene functions that arrive one row at a time"
    section = stream_section(title, scores, model.hierarchy(), model.events, _text(len(rows)))
    return ActResult(section, _lines(scores, model), {name: s.n_rows for name, s in scores.items()})


def _scores_in_turn(
    makers: Mapping[str, Callable[[], Any]], rows: ArrayRows, progress: Progress
) -> dict[str, PrequentialScores]:
    """Run each model several times in turn; return its scores with the median of its times."""
    found: dict[str, list[PrequentialScores]] = {name: [] for name in makers}
    for run in range(RUNS):
        for name, make in makers.items():

            def shown(stage: str, done: int, total: int | None = None, name: str = name) -> None:
                progress(f"{name}, run {run + 1} of {RUNS}", done, total)  # noqa: B023

            found[name].append(prequential(make(), rows, every=200, window=500, progress=shown))
    return {
        name: PrequentialScores(s[0].metrics, s[0].curve, median(each.seconds for each in s))
        for name, s in found.items()
    }


def _warm_up(rows: ArrayRows) -> None:
    few = rows.take(slice(0, 20)).tables
    IHOMER(check_every=5).prequential_many(*few)  # compiles the checks of the clusters too


def _text(count: int) -> list[str]:
    if count == QUICK_ROWS:
        return [TEXT[0], f"This quick run stops after the first {count} genes.", *TEXT[1:]]
    return list(TEXT)


def _lines(scores: dict[str, PrequentialScores], model: IHOMER) -> list[str]:
    ours, river = scores[OURS], scores[RIVER]
    lines = [f"{'':<22}{'exact match':>12}{'micro F1':>10}{'macro F1':>10}{'rows/CPU s':>12}"]
    for name, s in scores.items():
        figures = f"{s.exact_match:>12.3f}{s.micro_f1:>10.3f}{s.macro_f1:>10.3f}"
        lines.append(f"{name:<22}{figures}{s.rows_per_second:>12,.0f}")
    times = ours.rows_per_second / river.rows_per_second if river.rows_per_second else 0.0
    lines.append(
        f"{ours.n_rows:,} rows scored; {times:.1f} times River's speed (CPU time, median of "
        f"{RUNS} runs in turn)"
    )
    lines.append(f"{len(model.clusters)} clusters of labels found")
    if model.events:
        lines.append(f"first event: row {model.events[0].row}, {describe(model.events[0])}")
    return lines
