"""Run the classes act: identify languages with fixed class vectors and a trained output layer."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from growlabels.base.progress import Progress
from growlabels.classes import (
    Codebook,
    EBVHead,
    Schedule,
    Scores,
    TextInputs,
    TextTrunk,
    TrainingRows,
    calibration_plot,
    confusion_table,
    hash_ngrams,
    score,
    seeded,
    train,
)
from growlabels.demo._act import ActResult
from growlabels.demo._head_cost import (
    COUNTS,
    LINEAR,
    SMOOTHING,
    HeadCost,
    LinearHead,
    cost_plot,
    cost_table,
    head_costs,
)
from growlabels.demo.data.language_names import load_language_names
from growlabels.report import Headline, Section, Table

HIDDEN, EMBEDDING, BUCKETS = 256, 128, 32_768
MARGIN, DIM = 0.1, 256
# Learning rate of the head while languages are added, as a multiple of the trunk's rate. Of .3, 1
# and 2, these give each kind the highest accuracy on all languages without replay.
ADDING = {"ebv": 0.3, "linear": 2.0}
KINDS = ("ebv", "linear")
NAMES = {"ebv": f"fixed vectors (Kerdock, d={DIM})", "linear": LINEAR}


@dataclass(frozen=True)
class Plan:
    """Size of the act; ``languages=None`` uses all, ``added`` of them are added later."""

    languages: int | None
    added: int
    epochs: int
    seeds: int
    replays: tuple[int, ...]


FULL = Plan(languages=None, added=40, epochs=4, seeds=2, replays=(0, 10))
QUICK = Plan(languages=40, added=10, epochs=5, seeds=1, replays=(10,))


@dataclass(frozen=True)
class Task:
    """Training and test texts, each with the index of its language."""

    train: TextInputs
    train_targets: NDArray[np.int64]
    test: TextInputs
    test_targets: NDArray[np.int64]
    names: list[str]

    def only(self, first: int, last: int) -> "Task":
        """Return the rows of the languages in the half-open range; indices do not change."""
        kept = [
            np.flatnonzero((targets >= first) & (targets < last))
            for targets in (self.train_targets, self.test_targets)
        ]
        return Task(
            self.train.take(kept[0]),
            self.train_targets[kept[0]],
            self.test.take(kept[1]),
            self.test_targets[kept[1]],
            self.names,
        )


def language_task(seed: int, languages: int | None) -> Task:
    """Load the language names, with the languages in an order drawn from the seed.

    ``languages`` is the number of languages to keep; ``None`` keeps all.
    """
    data = load_language_names(seed)
    order = np.random.default_rng(seed).permutation(len(data.codes))
    rank = np.argsort(order)
    task = Task(
        TextInputs(hash_ngrams(data.train_texts, BUCKETS)),
        rank[data.train_labels],
        TextInputs(hash_ngrams(data.test_texts, BUCKETS)),
        rank[data.test_labels],
        [data.languages[i] for i in order],
    )
    return task if languages is None else task.only(0, languages)


@dataclass
class Model:
    """A trunk with one of the two output layers."""

    trunk: TextTrunk
    head: EBVHead | LinearHead

    @classmethod
    def make(cls, kind: str, classes: int, seed: int) -> "Model":
        """Make an untrained model; both kinds start from the same trunk."""
        with seeded(seed):
            trunk = TextTrunk(BUCKETS, EMBEDDING, HIDDEN, 0.2)
            if kind == "linear":
                return cls(trunk, LinearHead(HIDDEN, classes))
            codebook = Codebook.for_classes(classes, DIM)
            codebook.add_labels(range(classes))
            head = EBVHead(HIDDEN, codebook, margin=MARGIN, label_smoothing=SMOOTHING)
            return cls(trunk, head)

    def grow(self, classes: int, seed: int) -> None:
        """Append untrained classes to the output layer."""
        with seeded(seed):
            if isinstance(self.head, EBVHead):
                old = self.head.num_classes
                self.head.add_classes(list(range(old, old + classes)))
            else:
                self.head.grow(classes)

    def learn(
        self,
        rows: TrainingRows,
        schedule: Schedule,
        seed: int,
        progress: Progress,
        stage: str,
    ) -> None:
        """Train the trunk and the output layer."""
        with seeded(seed):
            train(self.trunk, self.head, rows, schedule, seed, progress, stage)

    @torch.no_grad()
    def scores(self, task: Task) -> Scores:
        """Score the test rows of a task."""
        parts = [
            torch.softmax(self.head(self.trunk(*task.test.batch(rows))).double(), 1)
            for rows in np.array_split(np.arange(len(task.test)), len(task.test) // 2048 + 1)
        ]
        majority = int(np.bincount(task.train_targets).argmax())
        return score(torch.cat(parts).numpy(), task.test_targets, task.names, majority)

    @property
    def head_parameters(self) -> int:
        return sum(p.numel() for p in self.head.parameters())


@dataclass(frozen=True)
class Appended:
    """Accuracy on old and new languages, before and after the new ones were added."""

    before: float
    old: float
    new: float
    everything: float
    rows: int


def append_languages(
    task: Task, kind: str, old: int, replay: int, epochs: int, seed: int, progress: Progress
) -> Appended:
    """Train on the first ``old`` languages, then add the others.

    The second training uses the new languages and ``replay`` rows of each old one. It takes three
    epochs at a quarter of the first learning rate; ``ADDING`` gives the rate of the head.
    """
    languages = int(task.train_targets.max()) + 1
    before, after = task.only(0, old), task.only(old, languages)
    model = Model.make(kind, old, seed)
    rows, stage = TrainingRows(before.train, before.train_targets), f"{old} languages, {kind} head"
    model.learn(rows, Schedule(epochs, 512, 4e-3), seed, progress, stage)
    first = model.scores(before).accuracy
    model.grow(languages - old, seed)
    kept = np.concatenate(
        [np.flatnonzero(before.train_targets == language)[:replay] for language in range(old)]
    )
    model.learn(
        TrainingRows(after.train, after.train_targets).joined(
            before.train.take(kept), before.train_targets[kept]
        ),
        Schedule(3, 512, 1e-3, ADDING[kind], one_cycle=False),
        seed + 1,
        progress,
        f"{languages - old} languages added, {kind} head",
    )
    return Appended(
        first,
        model.scores(before).accuracy,
        model.scores(after).accuracy,
        model.scores(task).accuracy,
        len(task.test),
    )


@dataclass(frozen=True)
class Results:
    """All measurements of the act."""

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
        Whether to use fewer languages and one seed.
    seed
        First seed; the full act also uses the next one.
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
            rows = TrainingRows(task.train, task.train_targets)
            model.learn(rows, schedule, each, progress, stage)
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
        for kind, cost in head_costs(classes, seed).items():
            costs[kind].append(cost)
    return Results(task, seeds, scores, parameters, appended, costs)


def _section(results: Results) -> Section:
    languages = int(results.task.train_targets.max()) + 1
    first = {NAMES[kind]: results.scores[kind][0] for kind in KINDS}
    return Section(
        title="Classes: which language is it?",
        text=[
            f"Each row holds three names of territories, languages or currencies in one of "
            f"{languages} languages, from the Unicode CLDR data in the package babel. The test "
            "rows name concepts that no training row names. Both models have the same trunk "
            "(hashed n-grams, embedding, one hidden layer), the same seeds and the same schedule. "
            "Only the output layer differs: trained weights, or the fixed vectors of a Kerdock "
            "code.",
            "Expect about the same accuracy: fixed vectors do not make a more accurate "
            "classifier. Their benefits are others. With the same label smoothing, their "
            "probabilities are better calibrated. Classes can be added without changing the old "
            "class vectors: accuracy on the old classes falls less, and the new classes are "
            "learned more slowly. The cost of the layer hardly grows with the number of classes.",
            "The cost of a layer is CPU time, summed over threads. The two layers take turns, and "
            "the median of at least five calls counts.",
        ],
        headlines=_headlines(results),
        plots=[calibration_plot(first), cost_plot(results.costs)],
        tables=[
            _accuracy_table(results),
            _appended_table(results),
            cost_table(results.costs),
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
            f"share of rows with the right language, mean over {len(results.seeds)} seed(s)",
            results.mean("linear", "accuracy"), NAMES["linear"], rows=rows,
        ),
        Headline(
            "calibration error", results.mean("ebv", "calibration_error"),
            "mean distance between the predicted probability and the share of right rows; 0 is "
            "best; both layers use label smoothing .1 (a trained layer without label smoothing is "
            "well calibrated too)",
            results.mean("linear", "calibration_error"), NAMES["linear"], "lower", rows,
        ),
        Headline(
            "accuracy after languages were added", added["ebv"].everything,
            f"on all languages, with {replay} rows of each old language replayed; on the old "
            f"languages {added['ebv'].old:.3f} against {added['linear'].old:.3f}, on the new ones "
            f"{added['ebv'].new:.3f} against {added['linear'].new:.3f}",
            added["linear"].everything, NAMES["linear"], rows=added["ebv"].rows,
        ),
        Headline(
            f"training step at {largest['ebv'].classes:,} classes, ms of CPU time",
            largest["ebv"].step,
            "loss and gradient of the output layer on 64 random rows; median of calls in turn",
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
        "Accuracy on test rows after three more epochs on the new languages and the replayed rows. "
        "Each layer uses the best of three learning rates.",
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
            f"training step {linear.step:.1f} -> {fixed.step:.1f} CPU ms, "
            f"search {linear.best:.1f} -> {fixed.best:.1f} CPU ms, "
            f"memory {linear.memory:,.0f} -> {fixed.memory:,.0f} MB"
        )
    return lines
