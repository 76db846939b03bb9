"""Act 2: which language is it; fixed class vectors against a trained output layer."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from growlabels.base.progress import Progress
from growlabels.classes import Schedule, Scores, calibration_plot, confusion_table
from growlabels.demo._act import ActResult
from growlabels.demo._classes_measure import (
    DIM,
    Appended,
    HeadCost,
    Model,
    Task,
    append_languages,
    head_cost,
    language_task,
)
from growlabels.report import Headline, Plot, Section, Table, line_plot

KINDS = ("ebv", "linear")
NAMES = {"ebv": f"fixed vectors (Kerdock, d={DIM})", "linear": "trained linear layer"}


@dataclass(frozen=True)
class Plan:
    """How much the act does."""

    languages: int | None
    added: int
    epochs: int
    seeds: int
    replays: tuple[int, ...]


FULL = Plan(languages=None, added=40, epochs=4, seeds=2, replays=(0, 10))
QUICK = Plan(languages=40, added=10, epochs=5, seeds=1, replays=(10,))
COUNTS = (1_000, 10_000, 100_352)


@dataclass(frozen=True)
class Results:
    """Everything that was measured."""

    task: Task
    seeds: tuple[int, ...]
    scores: Mapping[str, list[Scores]]  # kind -> one per seed
    parameters: Mapping[str, int]
    appended: Mapping[tuple[str, int], Appended]  # kind, replay
    costs: Mapping[str, list[HeadCost]]

    def mean(self, kind: str, figure: str) -> float:
        return float(np.mean([getattr(scores, figure) for scores in self.scores[kind]]))


def classes_act(quick: bool, seed: int, progress: Progress) -> ActResult:
    """Run the act.

    Parameters
    ----------
    quick
        Fewer languages, one seed.
    seed
        The first seed; the full act takes the next one too.
    progress
        Called after each step.
    """
    results = _measure(QUICK if quick else FULL, seed, progress)
    rows = {"language names": len(results.task.test), "synthetic rows per head": 64}
    return ActResult(_section(results), _lines(results), rows)


def _measure(plan: Plan, seed: int, progress: Progress) -> Results:
    progress("load language names", 0, 1)
    task = language_task(seed, plan.languages)
    languages = int(task.train_targets.max()) + 1
    seeds = tuple(range(seed, seed + plan.seeds))
    scores: dict[str, list[Scores]] = {kind: [] for kind in KINDS}
    parameters = {}
    for each in seeds:
        for kind in KINDS:
            model = Model.make(kind, languages, each)
            schedule = Schedule(plan.epochs, 512, 4e-3)
            stage = f"{languages} languages, {kind} head, seed {each}"
            model.learn(task.train, task.train_targets, schedule, each, progress, stage)
            scores[kind].append(model.scores(task))
            parameters[kind] = model.head_parameters
    appended = {
        (kind, replay): append_languages(
            task, kind, languages - plan.added, replay, plan.epochs, seed, progress
        )
        for kind in KINDS
        for replay in plan.replays
    }
    costs: dict[str, list[HeadCost]] = {kind: [] for kind in KINDS}
    for done, classes in enumerate(COUNTS):
        progress("cost of a head", done, len(COUNTS))
        for kind in KINDS:
            costs[kind].append(head_cost(classes, kind == "ebv", seed))
    return Results(task, seeds, scores, parameters, appended, costs)


def _section(results: Results) -> Section:
    languages = int(results.task.train_targets.max()) + 1
    first = {NAMES[kind]: results.scores[kind][0] for kind in KINDS}
    return Section(
        title="Classes: which language is it?",
        text=[
            f"Names of territories, languages and currencies in {languages} languages, three names "
            "a row, from the Unicode CLDR data that the package babel carries. The test rows name "
            "concepts that no training row names. Both models share the trunk (hashed "
            "n-grams, embedding, one hidden layer), the seeds and the schedule; only the output "
            "layer differs: trained weights, or the fixed vectors of a Kerdock code.",
            "Expect level accuracy: fixed vectors are not a more accurate classifier. What they "
            "give is calibration at equal smoothing, classes that are added without touching the "
            "old ones (which keep more, while the new ones are learned more slowly), and an output "
            "layer whose cost hardly grows with the number of classes.",
        ],
        headlines=_headlines(results),
        plots=[calibration_plot(first), _cost_plot(results)],
        tables=[
            _accuracy_table(results),
            _appended_table(results),
            _cost_table(results),
            confusion_table(results.scores["ebv"][0]),
        ],
    )


def _headlines(results: Results) -> list[Headline]:
    rows = len(results.task.test)
    largest = {kind: results.costs[kind][-1] for kind in KINDS}
    replay = max(replay for _, replay in results.appended)
    added = {kind: results.appended[kind, replay] for kind in KINDS}
    return [
        Headline(
            "accuracy", results.mean("ebv", "accuracy"),
            f"share of rows whose language is right, mean over {len(results.seeds)} seed(s)",
            results.mean("linear", "accuracy"), NAMES["linear"], rows=rows,
        ),
        Headline(
            "calibration error", results.mean("ebv", "calibration_error"),
            "mean distance between stated probability and share that is right, 0 is best; both "
            "heads at label smoothing .1 (a trained layer without it is well calibrated too)",
            results.mean("linear", "calibration_error"), NAMES["linear"], "lower", rows,
        ),
        Headline(
            "all languages after some were added", added["ebv"].everything,
            f"accuracy, {replay} rows of each old language replayed; on the old ones "
            f"{added['ebv'].old:.3f} against {added['linear'].old:.3f}, on the new ones "
            f"{added['ebv'].new:.3f} against {added['linear'].new:.3f}",
            added["linear"].everything, NAMES["linear"], rows=added["ebv"].rows,
        ),
        Headline(
            f"one training step at {largest['ebv'].classes:,} classes, ms", largest["ebv"].step,
            "loss of 64 random rows, forward and backward, on this machine",
            largest["linear"].step, NAMES["linear"], "lower", digits=1,
        ),
    ]  # fmt: skip


def _accuracy_table(results: Results) -> Table:
    rows = [
        (
            NAMES[kind],
            f"{results.parameters[kind]:,}",
            *(f"{scores.accuracy:.4f}" for scores in results.scores[kind]),
            f"{results.mean(kind, 'accuracy'):.4f}",
            f"{results.mean(kind, 'calibration_error'):.4f}",
        )
        for kind in KINDS
    ]
    majority = f"{results.scores['ebv'][0].majority:.4f}"
    rows.append(("most frequent language", "0", *[majority] * len(results.seeds), majority, ""))
    return Table(
        "Two output layers on one trunk",
        [
            "output layer",
            "parameters",
            *(f"accuracy, seed {seed}" for seed in results.seeds),
            "accuracy, mean",
            "calibration error",
        ],
        rows,
        f"{len(results.task.test):,} test rows, label smoothing .1 for both.",
    )


def _appended_table(results: Results) -> Table:
    return Table(
        "Languages added to a trained model",
        ["output layer", "old rows replayed", "old, before", "old, after", "new", "all"],
        [
            (NAMES[kind], f"{replay} per language", *(f"{share:.3f}" for share in shares))
            for (kind, replay), found in sorted(
                results.appended.items(), key=lambda item: (item[0][1], KINDS.index(item[0][0]))
            )
            for shares in [(found.before, found.old, found.new, found.everything)]
        ],
        "Accuracy on test rows; three more epochs on the new languages and the replayed rows, "
        "each head at the best of three learning rates tried.",
    )


def _cost_table(results: Results) -> Table:
    rows = []
    for linear, fixed in zip(results.costs["linear"], results.costs["ebv"], strict=True):
        for name, cost in ((NAMES["linear"], linear), ("fixed vectors (d=1024)", fixed)):
            rows.append(
                (f"{cost.classes:,}", name, f"{cost.step:.2f}", f"{cost.best:.2f}",
                 f"{cost.single:.3f}", f"{cost.memory:,.1f}")
            )  # fmt: skip
        ratios = (
            linear.step / fixed.step, linear.best / fixed.best, linear.single / fixed.single,
            linear.memory / fixed.memory,
        )  # fmt: skip
        rows.append(("", "ratio", *(f"{ratio:.1f}x" for ratio in ratios)))
    return Table(
        "Cost of the output layer",
        ["classes", "output layer", "training step, ms", "best class of 64 rows, ms",
         "best class of 1 row, ms", "memory, MB"],
        rows,
        "Random features of length 1024, batch of 64. Memory: weights, gradients and momentum. "
        "Both are exact; the structured one never makes a matrix of classes by dimensions.",
    )  # fmt: skip


def _cost_plot(results: Results) -> Plot:
    series = {
        NAMES["linear"]: [cost.step for cost in results.costs["linear"]],
        "fixed vectors (d=1024)": [cost.step for cost in results.costs["ebv"]],
    }
    last = {name: values[-1] for name, values in series.items()}
    return line_plot(
        "One training step of the output layer",
        {name: ([float(n) for n in COUNTS], values) for name, values in series.items()},
        "classes",
        "milliseconds",
        f"Milliseconds of a step against the number of classes; at {COUNTS[-1]:,} classes "
        + ", ".join(f"{name} {value:.1f}" for name, value in last.items())
        + ".",
        log_x=True,
        log_y=True,
    )


def _lines(results: Results) -> list[str]:
    lines = [f"{'output layer':<32}{'accuracy':>10}{'calib. error':>14}{'parameters':>12}"]
    lines += [
        f"{NAMES[kind]:<32}{results.mean(kind, 'accuracy'):>10.4f}"
        f"{results.mean(kind, 'calibration_error'):>14.4f}{results.parameters[kind]:>12,}"
        for kind in KINDS
    ]
    for (kind, replay), found in results.appended.items():
        lines.append(
            f"languages added, {NAMES[kind]}, {replay} old rows each: old {found.before:.3f} -> "
            f"{found.old:.3f}, new {found.new:.3f}, all {found.everything:.3f}"
        )
    for linear, fixed in zip(results.costs["linear"], results.costs["ebv"], strict=True):
        lines.append(
            f"{linear.classes:>7,} classes: "
            f"training step {linear.step:.1f} -> {fixed.step:.1f} ms, "
            f"best of 64 {linear.best:.1f} -> {fixed.best:.1f} ms, "
            f"memory {linear.memory:,.0f} -> {fixed.memory:,.0f} MB"
        )
    return lines
