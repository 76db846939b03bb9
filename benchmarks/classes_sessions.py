"""Classes that arrive with few images: a base, then eight sessions of new Han characters.

The protocol of few-shot class-incremental learning: 60 % of the classes are learned with all fonts
of training, then eight sessions bring new classes with five images each. After each session every
class seen so far is scored on the five test fonts. "first" is the accuracy after the base,
"average" the mean over base and sessions, "last" the accuracy after all sessions, on all classes;
"old" and "new" are its parts on base and added classes, and "lost" what the base classes lost.

Heads share the kind of trunk, rows and steps. After the base the trunk is frozen, as in NC-FSCIL
(Yang and others, ICLR 2023): the sessions train the head on features of each image, drawn plain
and warped four times. "+ replay" learns one image of each old class again in every session, "+ old
answers" adds the distillation that EBVClassifier has. The head's rate in the sessions is chosen
for each head at seed 0 on the validation fonts, by the average accuracy; no test font is seen for
it. "nearest class mean" keeps a trunk as it is and compares directions of mean features. "least
squares" solves for the projection: ridge regression from features to fixed vectors, every class of
equal weight, its ridge chosen in the same way. It needs one matrix of sums of what was seen before
and no old image.

Finished cells go to a file of JSON lines and are skipped later.

    python benchmarks/classes_sessions.py [--classes 1000] [--epochs 8] [--seeds 3] [--show]
"""

import argparse
import copy
import json
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from classes_accuracy import Cells, interval, outputs
from classes_images import DECAY, FEATURES, RATE, Normalised, Pictures, Trained, trunk
from classes_incremental import OldAnswers
from data import han
from numpy.typing import NDArray
from torch import Tensor, nn

from growlabels.classes import Codebook, EBVClassifier, EBVHead
from growlabels.classes.classifier.training import Schedule, TrainingRows, seeded, train
from growlabels.classes.losses.distillation import Distillation

SESSIONS, IMAGES, WARPS, STEPS, BATCH = 8, 5, 4, 60, 64
LATER_RATE = EBVClassifier().partial_lr
RIDGES = (1e-3, 1e-2, 1e-1)  # in units of the mean variance of a feature
FACTORS = (0.1, 0.3, 2.0)  # the head's rate in the sessions, in units of LATER_RATE
NAMES = ("first", "average", "last", "old", "new", "lost")


class GrowingTrained(Trained):
    def grow(self, classes: int) -> None:
        old = self.layer
        self.layer = nn.Linear(old.in_features, old.out_features + classes)
        with torch.no_grad():
            self.layer.weight[: old.out_features] = old.weight
            self.layer.bias[: old.out_features] = old.bias


class GrowingNormalised(Normalised):
    def grow(self, classes: int) -> None:
        new = torch.randn(classes, self.weight.shape[1]) / self.weight.shape[1] ** 0.5
        self.weight = nn.Parameter(torch.cat([self.weight.detach(), new]))


class GrowingFixed(EBVHead):
    def grow(self, classes: int) -> None:
        self.add_classes(classes)


class Features:
    """Features of images below a trunk that stays as it is."""

    def __init__(self, features: Tensor) -> None:
        self.features = features

    def __len__(self) -> int:
        return len(self.features)

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
        return (self.features[torch.from_numpy(rows)],)

    def take(self, rows: NDArray[np.int64]) -> "Features":
        return Features(self.batch(rows)[0])

    def joined(self, other: "Features") -> "Features":
        return Features(torch.cat([self.features, other.features]))


def fixed(base: int, every: int, kind: str | None = None) -> GrowingFixed:
    codebook = Codebook.for_classes(every, every - 1 if kind == "simplex" else None, kind)
    return GrowingFixed(FEATURES, codebook, tau=0.03, num_classes=base)


def smoothed(base: int, every: int) -> nn.Module:
    return GrowingTrained(FEATURES, torch.ones(base))


def arcface(base: int, every: int) -> nn.Module:
    return GrowingNormalised(FEATURES, torch.ones(base), scale=32.0, margin=0.2)


WEIGHT = EBVClassifier().distillation
# name -> how to make the head, its rate in the base, images replayed, weight of the old answers
HEADS: dict[str, tuple[Callable[[int, int], nn.Module], float, int, float]] = {
    "trained": (smoothed, 2.0, 0, 0.0),
    "trained + replay": (smoothed, 2.0, 1, 0.0),
    "trained + replay + old answers": (smoothed, 2.0, 1, WEIGHT),
    "ArcFace + replay": (arcface, 3.0, 1, 0.0),
    "ArcFace + replay + old answers": (arcface, 3.0, 1, WEIGHT),
    "simplex (ETF) + replay": (lambda b, n: fixed(b, n, "simplex"), 2.0, 1, 0.0),
    "EBV": (fixed, 2.0, 0, 0.0),
    "EBV + replay": (fixed, 2.0, 1, 0.0),
    "EBV + replay + old answers": (fixed, 2.0, 1, WEIGHT),
}
MEANS = {"mean of the trained layer's": (smoothed, 2.0), "mean of EBV's": (fixed, 2.0)}
MEAN, SOLVED = "nearest class ", "EBV, least squares, no replay"


class Task:
    """Fonts, an order of the classes, and the images of each session."""

    def __init__(self, classes: int, fonts: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        text = [han.characters(classes)[place] for place in random.permutation(classes)]
        chosen = [han.TRAINING[i] for i in random.permutation(len(han.TRAINING))[:fonts]]
        self.train = han.render(chosen, text)
        self.scored = {"validation": han.render(han.VALIDATION, text)}
        self.scored["test"] = han.render(han.TEST, text)
        self.classes, self.seed, self.base = classes, seed, round(0.6 * classes)
        self.ends = np.linspace(self.base, classes, SESSIONS + 1).round().astype(int).tolist()
        order = random.permutation(len(self.train.labels))
        labels = self.train.labels[order]
        self.rows = [order[labels == each] for each in range(classes)]  # in a random order

    def images(self, first: int, last: int, most: int | None = None) -> NDArray[np.int64]:
        return np.concatenate([each[:most] for each in self.rows[first:last]])


class Base:
    """A trunk and a head that learned the first classes, and features of every image."""

    def __init__(
        self, task: Task, make: Callable[..., nn.Module], rate: float, epochs: int
    ) -> None:
        self.task = task
        rows = task.images(0, task.base)
        pictures = Pictures(task.train.images[rows], task.seed)
        with seeded(task.seed):
            net, self.head = trunk(), make(task.base, task.classes)
        with seeded(task.seed):
            schedule = Schedule(epochs, BATCH, RATE, rate, DECAY)
            learned = TrainingRows(pictures, task.train.labels[rows])
            train(net, self.head, learned, schedule, task.seed)

        def features(images: NDArray[np.uint8], seed: int | None = None) -> Tensor:
            return torch.from_numpy(outputs(lambda x: x, net, Pictures(images, seed))).float()

        warped = [features(task.train.images, task.seed + place) for place in range(WARPS)]
        self.copies = [features(task.train.images), *warped]
        self.scored = {name: features(each.images) for name, each in task.scored.items()}


def once(base: Base, part: str, replay: int, weight: float, factor: float) -> dict[str, float]:
    """Add all sessions to a copy of the head, and score one part after each."""
    task, head = base.task, copy.deepcopy(base.head)
    right = [recognised(base, head, part, task.base)]
    for known, after in pairwise(task.ends):
        add(base, head, known, after, replay, weight, factor)
        right.append(recognised(base, head, part, after))
    return figures(task, part, right)


def add(
    base: Base, head: Any, known: int, after: int, replay: int, weight: float, factor: float
) -> None:
    """Learn the classes of one session."""
    task, below = base.task, nn.Identity()
    keep: Any = None
    if weight and isinstance(head, EBVHead):
        keep = Distillation(below, head, weight)
    elif weight:
        keep = OldAnswers(below, head, known, weight)
    rows = task.images(known, after, IMAGES)
    if replay:
        rows = np.concatenate([rows, task.images(0, known, replay)])
    features = torch.cat([each[torch.from_numpy(rows)] for each in base.copies])
    labels = np.tile(task.train.labels[rows], len(base.copies))
    epochs = max(1, round(STEPS / max(1, len(labels) // BATCH)))
    schedule = Schedule(epochs, BATCH, LATER_RATE, factor, one_cycle=False)
    with seeded(task.seed + known):
        grow: Any = head.grow
        grow(after - known)
        learned = TrainingRows(Features(features), labels)
        train(below, head, learned, schedule, task.seed, distillation=keep)


@torch.no_grad()
def recognised(base: Base, head: nn.Module, part: str, known: int) -> NDArray[np.bool_]:
    """Say of each scored image of the first classes whether it is recognised."""
    labels = base.task.scored[part].labels
    within = labels < known
    best: Tensor = head(base.scored[part][torch.from_numpy(within)]).argmax(1)
    return best.numpy() == labels[within]


def figures(task: Task, part: str, right: list[NDArray[np.bool_]]) -> dict[str, float]:
    """Summarise which images were recognised after the base and after each session."""
    accuracy = [100 * float(each.mean()) for each in right]
    of_base = task.scored[part].labels < task.base
    old, new = (100 * float(right[-1][rows].mean()) for rows in (of_base, ~of_base))
    first, last = accuracy[0], accuracy[-1]
    return dict(
        zip(NAMES, (first, float(np.mean(accuracy)), last, old, new, first - old), strict=True)
    )


def class_means(base: Base) -> dict[str, float]:
    """Recognise by the direction of the mean feature of each class."""
    task, unit, labels = base.task, nn.functional.normalize, base.task.scored["test"].labels
    known = unit(base.copies[0], dim=1)
    kept = [rows[: None if c < task.base else IMAGES] for c, rows in enumerate(task.rows)]
    means = unit(torch.stack([known[torch.from_numpy(rows)].mean(0) for rows in kept]), dim=1)
    cosines = (unit(base.scored["test"], dim=1) @ means.T).numpy()
    right = []
    for end in task.ends:
        within = labels < end
        right.append(cosines[within, :end].argmax(1) == labels[within])
    return figures(task, "test", right)


@torch.no_grad()
def least_squares(base: Base, part: str, ridge: float) -> dict[str, float]:
    """Solve for the projection after each session, from sums over the classes so far."""
    task, head, labels = base.task, base.head, base.task.scored[part].labels
    vectors = head.codebook.vectors(np.arange(task.classes))  # type: ignore[union-attr, operator]
    targets = torch.as_tensor(vectors).double()
    seen: Any = [with_one(each) for each in base.copies]
    scored = with_one(base.scored[part])
    square = torch.zeros(scored.shape[1], scored.shape[1], dtype=torch.float64)
    cross = torch.zeros(scored.shape[1], targets.shape[1], dtype=torch.float64)
    right, first = [], 0
    for end in task.ends:
        for place in range(first, end):
            rows = torch.from_numpy(task.rows[place][: None if place < task.base else IMAGES])
            x = torch.cat([each[rows] for each in seen])
            square += x.T @ x / len(x)
            cross += torch.outer(x.mean(0), targets[place])
        first, within = end, labels < end
        weight = ridge * square.diagonal().mean() * torch.eye(len(square), dtype=torch.float64)
        projection = torch.linalg.solve(square + weight, cross)
        cosines = scored[torch.from_numpy(within)] @ projection @ targets[:end].T
        right.append(cosines.argmax(1).numpy() == labels[within])
    return figures(task, part, right)


def with_one(features: Tensor) -> Tensor:
    return torch.cat([features, torch.ones(len(features), 1)], 1).double()


def run(cells: Cells, options: argparse.Namespace, seed: int) -> None:
    """Finish the cells of one seed; heads that differ in the sessions only share their base."""
    size = [options.classes, options.fonts, options.epochs]
    tasks = cache(lambda s: Task(options.classes, options.fonts, s))
    of = cache(lambda make, rate, s: Base(tasks(s), make, rate, options.epochs))

    def sessions(name: str, part: str, s: int, factor: float) -> dict[str, float]:
        make, rate, replay, weight = HEADS[name]
        key = [*size, part, name, factor, s]
        return cells.get(key, lambda: once(of(make, rate, s), part, replay, weight, factor))

    for name, (make, rate) in MEANS.items():
        key = [*size, MEAN + name, seed]
        cells.get(key, lambda: class_means(of(make, rate, seed)))  # noqa: B023

    def solved(part: str, s: int, ridge: float) -> dict[str, float]:
        key = [*size, part, SOLVED, ridge, s]
        return cells.get(key, lambda: least_squares(of(fixed, 2.0, s), part, ridge))

    chosen = max(RIDGES, key=lambda ridge: solved("validation", 0, ridge)["average"])
    cells.get([*size, SOLVED, seed], lambda: solved("test", seed, chosen))
    for name in options.heads:
        tried = {f: sessions(name, "validation", 0, f)["average"] for f in FACTORS}
        factor = max(FACTORS, key=tried.__getitem__)
        cells.get([*size, name, seed], lambda: sessions(name, "test", seed, factor))  # noqa: B023


def show(cells: Cells, options: argparse.Namespace) -> None:
    """Print what is finished: means over seeds, and Student's 95 % interval of the average."""
    print(f"{'head':<34}{'seeds':>6}" + "".join(f"{name:>10}" for name in NAMES) + f"{'+-':>8}")
    for name in (*(MEAN + each for each in MEANS), SOLVED, *options.heads):
        size = [options.classes, options.fonts, options.epochs]
        keys = [json.dumps([*size, name, seed]) for seed in range(options.seeds)]
        found = [cells.found[key] for key in keys if key in cells.found]
        if found:
            means = [np.mean([one[column] for one in found]) for column in NAMES]
            spread = interval([one["average"] for one in found])
            print(f"{name:<34}{len(found):>6}" + "".join(f"{m:>10.2f}" for m in means)
                  + f"{spread:>8.2f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--fonts", type=int, default=8, help="designs to train the base on")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--heads", nargs="+", default=list(HEADS), choices=list(HEADS))
    parser.add_argument("--show", action="store_true", help="only print what is finished")
    folder = Path(__file__).parent / "results"
    parser.add_argument("--results", type=Path, default=folder / "classes_sessions.jsonl")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.results.parent.mkdir(exist_ok=True)
    cells = Cells(options.results)
    for seed in range(0 if options.show else options.seeds):
        run(cells, options, seed)
    show(cells, options)


if __name__ == "__main__":
    main()
