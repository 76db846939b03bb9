"""What adding classes does to old ones: CLINC150, 100 + 50 intents, and 10 steps of 15.

One trunk for all heads; a seed draws the order of the intents and the split (three quarters of each
to train). "100 + 50" trains on 100 intents and then on the rows of 50 more, with ``replay`` rows of
each old intent; "10 x 15" starts with 15 intents and adds 15 nine times. "old" is the accuracy on
the test rows of the first intents (before and after), "new" on those added last, "all" on all.

Adding is three epochs at a quarter of the first rate; "+ old answers" adds the distillation that
EBVClassifier has, at its weight, for trained vectors from their own logits. The head's rate in it,
in units of the trunk's, is chosen for each head among .3, 1 and 2 on a seed of its own, on
validation rows, by the accuracy on all intents of 100 + 50 without replay.

Finished cells go to a file of JSON lines and are skipped later.

    python benchmarks/classes_incremental.py [--seeds 3] [--show]
"""

import argparse
import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from classes_accuracy import (
    HIDDEN,
    TUNING,
    Cells,
    Cosine,
    Linear,
    Task,
    interval,
    load,
    outputs,
    validation,
)
from torch import Tensor, nn

from growlabels.classes import Codebook, EBVClassifier, EBVHead
from growlabels.classes.classifier.training import Schedule, TrainingRows, seeded, train
from growlabels.classes.losses.distillation import TEMPERATURE, Distillation

FACTORS = (0.3, 1.0, 2.0)
REPLAYS = (0, 10)


class GrowingLinear(Linear):
    def grow(self, classes: int) -> None:
        old = self.linear
        self.linear = nn.Linear(HIDDEN, old.out_features + classes)
        with torch.no_grad():
            self.linear.weight[: old.out_features] = old.weight
            self.linear.bias[: old.out_features] = old.bias


class GrowingCosine(Cosine):
    def grow(self, classes: int) -> None:
        new = nn.functional.normalize(torch.randn(classes, self.weight.shape[1]), dim=1)
        self.weight = nn.Parameter(torch.cat([self.weight.detach(), new]))


class GrowingFixed(EBVHead):
    def grow(self, classes: int) -> None:
        self.add_classes(list(range(self.num_classes, self.num_classes + classes)))


def fixed(classes: int, **which: Any) -> GrowingFixed:
    codebook = Codebook.for_classes(150, **which)
    codebook.add_labels(range(classes))
    return GrowingFixed(HIDDEN, codebook, margin=0.1, label_smoothing=0.1)


class OldAnswers:
    """Distillation from the logits of any head, as :class:`Distillation` does for fixed ones."""

    def __init__(self, trunk: nn.Module, head: nn.Module, classes: int, weight: float) -> None:
        self.trunk, self.head = copy.deepcopy(trunk).eval(), copy.deepcopy(head).eval()
        self.classes, self.weight = classes, weight

    def __call__(
        self, head: nn.Module, batch: list[Tensor], features: Tensor, targets: Tensor
    ) -> Tensor:
        new = targets >= self.classes
        if not new.any():
            return features.new_zeros(())
        with torch.no_grad():
            before = self.head(self.trunk(*batch))[new] / TEMPERATURE
        now = head(features)[new][:, : self.classes] / TEMPERATURE
        divergence = nn.functional.kl_div(
            now.log_softmax(1), before.log_softmax(1), reduction="sum", log_target=True
        )
        return self.weight * TEMPERATURE**2 * divergence / len(targets)


WEIGHT = EBVClassifier().distillation
HEADS: dict[str, tuple[Callable[[int], nn.Module], float, float]] = {
    # name -> how to make it, its rate in the first training, weight of the old answers
    "linear": (GrowingLinear, 1.0, 0.0),
    "trained unit vectors d=256": (GrowingCosine, 2.0, 0.0),
    "Kerdock d=256": (lambda n: fixed(n, dim=256), 2.0, 0.0),
    "simplex d=149": (lambda n: fixed(n, dim=149, kind="simplex"), 2.0, 0.0),
    "linear + old answers": (GrowingLinear, 1.0, WEIGHT),
    "trained unit v. + old answers": (GrowingCosine, 2.0, WEIGHT),
    "Kerdock + old answers": (lambda n: fixed(n, dim=256), 2.0, WEIGHT),
}


class Learner:
    """A trunk and a head that sees its intents group after group."""

    def __init__(self, task: Task, name: str, first: int, seed: int) -> None:
        self.task, self.seed, self.known = task, seed, first
        self.order = np.random.default_rng(seed).permutation(len(task.names))
        rank = np.argsort(self.order)
        self.targets, self.right = rank[task.train[1]], rank[task.test[1]]
        make, rate, self.weight = HEADS[name]
        with seeded(seed):
            self.trunk, self.head = task.trunk(), make(first)
        self._train(np.flatnonzero(self.targets < first), Schedule(8, 256, 4e-3, rate))

    def add(self, classes: int, replay: int, factor: float) -> None:
        keep = None
        if self.weight and isinstance(self.head, EBVHead):
            keep = Distillation(self.trunk, self.head, self.weight)
        elif self.weight:
            keep = OldAnswers(self.trunk, self.head, self.known, self.weight)
        with seeded(self.seed + self.known):
            self.head.grow(classes)  # type: ignore[operator]
        after = self.known + classes
        old = [np.flatnonzero(self.targets == c)[:replay] for c in range(self.known)]
        new = np.flatnonzero((self.targets >= self.known) & (self.targets < after))
        self.known = after
        rows = np.concatenate([new, *old])
        self._train(rows, Schedule(3, 256, 1e-3, factor, one_cycle=False), keep)

    def accuracy(self, first: int, last: int) -> float:
        rows = np.flatnonzero((self.right >= first) & (self.right < last))
        best: Callable[[Tensor], Tensor] = lambda x: self.head(x).argmax(1)  # noqa: E731
        answers = outputs(best, self.trunk, self.task.test[0].take(rows))
        return 100 * float((answers == self.right[rows]).mean())

    def _train(self, rows: np.ndarray, schedule: Schedule, keep: Any = None) -> None:
        learned = TrainingRows(self.task.train[0].take(rows), self.targets[rows])
        with seeded(self.seed):
            train(self.trunk, self.head, learned, schedule, self.seed, distillation=keep)


def once(base: Learner, steps: int, classes: int, replay: int, factor: float) -> dict[str, float]:
    """Add classes to a copy, group after group."""
    learner, first = copy.deepcopy(base), base.known
    before = learner.accuracy(0, first)
    for _ in range(steps):
        learner.add(classes, replay, factor)
    old, last = learner.accuracy(0, first), learner.known
    new, everything = learner.accuracy(last - classes, last), learner.accuracy(0, last)
    return {"before": before, "old": old, "loss": before - old, "new": new, "all": everything}


def run(cells: Cells, name: str, seed: int) -> None:
    """Finish the cells of one head and seed."""
    task = cache(lambda: load("clinc150", seed))
    tuning = cache(lambda: Learner(validation(load("clinc150", TUNING)), name, 100, TUNING))
    factor = max(
        FACTORS,
        key=lambda f: cells.get(["tuning", name, f], lambda: once(tuning(), 1, 50, 0, f))["all"],
    )
    for plan, first, steps, classes in (("100 + 50", 100, 1, 50), ("10 x 15", 15, 9, 15)):
        base = cache(lambda n=first: Learner(task(), name, n, seed))
        for replay in REPLAYS:
            key = [plan, name, replay, seed]
            cells.get(key, lambda: once(base(), steps, classes, replay, factor))  # noqa: B023


def show(cells: Cells, seeds: int) -> None:
    """Print what is finished: means with 95 % intervals."""
    names = ("before", "old", "loss", "new", "all")
    for plan in ("100 + 50", "10 x 15"):
        for replay in REPLAYS:
            print(f"\n{plan}, {replay} rows of each old intent learned again")
            print(f"{'head':<32}{'seeds':>6}" + "".join(f"{name:>15}" for name in names))
            for head in HEADS:
                keys = [json.dumps([plan, head, replay, seed]) for seed in range(seeds)]
                found = [cells.found[key] for key in keys if key in cells.found]
                if found:
                    columns = [[one[name] for one in found] for name in names]
                    figures = [f"{np.mean(c):>8.2f} ±{interval(c):>5.2f}" for c in columns]
                    print(f"{head:<32}{len(found):>6}" + "".join(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--show", action="store_true", help="only print what is finished")
    folder = Path(__file__).parent / "results"
    parser.add_argument("--results", type=Path, default=folder / "classes_incremental.jsonl")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.results.parent.mkdir(exist_ok=True)
    cells = Cells(options.results)
    for seed in range(0 if options.show else options.seeds):
        for name in HEADS:
            run(cells, name, seed)
    show(cells, options.seeds)


if __name__ == "__main__":
    main()
