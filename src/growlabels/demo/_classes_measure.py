"""What the classes act measures: two heads on one trunk, languages added, cost of a head."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from growlabels.base.progress import Progress
from growlabels.classes import (
    Codebook,
    EBVHead,
    Schedule,
    Scores,
    TextInputs,
    TextTrunk,
    hash_ngrams,
    score,
    seeded,
    train,
)

HIDDEN, EMBEDDING, BUCKETS = 256, 128, 32_768
SMOOTHING, MARGIN, DIM = 0.1, 0.1, 256
# Head's learning rate while languages are added, in units of the trunk's: of .3, 1 and 2 the one
# that leaves each kind the highest accuracy on all languages without replay.
ADDING = {"ebv": 0.3, "linear": 2.0}


class LinearHead(nn.Module):
    """The usual trained output layer, with the interface of EBVHead that the loop needs."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self(x), y, label_smoothing=SMOOTHING)

    def grow(self, classes: int) -> None:
        """Append untrained classes; the old rows stay."""
        old = self.linear
        self.linear = nn.Linear(old.in_features, old.out_features + classes)
        with torch.no_grad():
            self.linear.weight[: old.out_features] = old.weight
            self.linear.bias[: old.out_features] = old.bias


@dataclass(frozen=True)
class Task:
    """Texts as inputs, with the index of their language."""

    train: TextInputs
    train_targets: NDArray[np.int64]
    test: TextInputs
    test_targets: NDArray[np.int64]
    names: list[str]

    def only(self, first: int, last: int) -> "Task":
        """Return the rows of languages first..last-1, indices unchanged."""
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
    """Load the language names; the order of the languages is drawn by the seed.

    ``languages`` keeps so many of them; ``None`` all.
    """
    from growlabels.datasets import load_language_names

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
    """A trunk with one of the two heads."""

    trunk: TextTrunk
    head: EBVHead | LinearHead

    @classmethod
    def make(cls, kind: str, classes: int, seed: int) -> "Model":
        """Make an untrained one; both kinds start from the same trunk."""
        with seeded(seed):
            trunk = TextTrunk(BUCKETS, EMBEDDING, HIDDEN, 0.2)
            if kind == "linear":
                return cls(trunk, LinearHead(HIDDEN, classes))
            codebook = Codebook.for_classes(classes, DIM)
            codebook.add_labels(range(classes))
            head = EBVHead(HIDDEN, codebook, margin=MARGIN, label_smoothing=SMOOTHING)
            return cls(trunk, head)

    def grow(self, classes: int, seed: int) -> None:
        """Append classes to the head."""
        with seeded(seed):
            if isinstance(self.head, EBVHead):
                old = self.head.num_classes
                self.head.add_classes(list(range(old, old + classes)))
            else:
                self.head.grow(classes)

    def learn(
        self,
        inputs: TextInputs,
        targets: NDArray[np.int64],
        schedule: Schedule,
        seed: int,
        progress: Progress,
        stage: str,
    ) -> None:
        """Train trunk and head."""
        with seeded(seed):
            train(self.trunk, self.head, inputs, targets, schedule, seed, progress, stage)

    @torch.no_grad()
    def scores(self, task: Task) -> Scores:
        """Score the task's test rows."""
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
    """Accuracy before and after languages were added."""

    before: float
    old: float
    new: float
    everything: float
    rows: int


def append_languages(
    task: Task, kind: str, old: int, replay: int, epochs: int, seed: int, progress: Progress
) -> Appended:
    """Train on the first ``old`` languages, then add the others with little of the old rows.

    The second training sees the new languages and ``replay`` rows of each old one, for three
    epochs at a quarter of the first rate, the head at the rate that suits its kind.
    """
    languages = int(task.train_targets.max()) + 1
    before, after = task.only(0, old), task.only(old, languages)
    model = Model.make(kind, old, seed)
    model.learn(
        before.train, before.train_targets, Schedule(epochs, 512, 4e-3), seed, progress,
        f"{old} languages, {kind} head",
    )  # fmt: skip
    first = model.scores(before).accuracy
    model.grow(languages - old, seed)
    kept = np.concatenate(
        [np.flatnonzero(before.train_targets == language)[:replay] for language in range(old)]
    )
    model.learn(
        after.train.joined(before.train.take(kept)),
        np.concatenate([after.train_targets, before.train_targets[kept]]),
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
class HeadCost:
    """Milliseconds and megabytes of an output layer.

    Attributes
    ----------
    classes
        How many classes.
    step
        Loss, forward and backward, of a batch of 64, ms.
    best
        Most likely class of each of 64 rows, ms.
    single
        Most likely class of one row, ms.
    memory
        Weights, their gradients and the momentum of the optimiser, and fixed buffers, MB.
    """

    classes: int
    step: float
    best: float
    single: float
    memory: float


def head_cost(classes: int, structured: bool, seed: int, features: int = 1024) -> HeadCost:
    """Measure a head on random features: medians over runs of at least half a second in all."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(64, features, generator=random)
    y = torch.randint(0, classes, (64,), generator=random)
    with seeded(seed):
        if structured:
            head = EBVHead(features, Codebook.for_classes(classes, 1024))
        else:
            head = LinearHead(features, classes)

    def step() -> None:
        head.zero_grad()
        head.loss(x, y).backward()

    def best(rows: Tensor) -> None:
        with torch.no_grad():
            if isinstance(head, EBVHead):
                head.predict_topk(rows, 1)
            else:
                head(rows).max(1)

    trained = 3 * sum(p.numel() * p.element_size() for p in head.parameters())
    fixed = sum(b.numel() * b.element_size() for b in head.buffers())
    return HeadCost(
        classes,
        _milliseconds(step),
        _milliseconds(lambda: best(x)),
        _milliseconds(lambda: best(x[:1])),
        (trained + fixed) / 1e6,
    )


def _milliseconds(work: Callable[[], None]) -> float:
    work()
    times: list[float] = []
    while len(times) < 3 or (sum(times) < 0.5 and len(times) < 30):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))
