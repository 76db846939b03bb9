"""Accuracy, calibration and rejection of output layers on one trunk: five seeds, fresh splits.

Tasks: CLINC150 (150 intents; its requests without an intent are what is to be rejected),
Omniglot (242 characters, 20 drawings each), the language names of CLDR (198 classes). A seed
draws the split: three quarters of each class to train, the rest to score; of the names it draws
which are joined. Trunk, steps and seeds are the same for every head.

Settings are chosen per head and task on one further seed (``TUNING``), on a validation quarter
of its training rows: first the head's learning rate, x1, x2 or x4 of the trunk's, then what
``HEADS`` lists for that head. "linear" is the fully connected layer at the best of these,
"linear, smoothing .1" the same at the label smoothing that the others use. No test row is seen.

Each cell (task, head, seed) goes to a file of JSON lines when it is done, and is skipped later.

    python benchmarks/classes_accuracy.py [--seeds 5] [--tasks ...] [--heads ...] [--show]
"""

import argparse
import json
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from data.clinc150 import load_clinc150
from data.omniglot import load_omniglot_small
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from growlabels.classes import Codebook, EBVHead, rejection_scores
from growlabels.classes.calibration.scores import score
from growlabels.classes.classifier.training import Schedule, TrainingRows, seeded, train
from growlabels.classes.heads.margin import angular_margin
from growlabels.classes.inputs.ngrams import hash_ngrams
from growlabels.classes.inputs.trunks import ArrayInputs, Inputs, TextInputs, TextTrunk
from growlabels.classes.products.class_vectors import DenseVectors
from growlabels.demo.data.language_names import load_language_names

HIDDEN, EMBEDDING, BUCKETS, DIM, STEPS = 256, 128, 32_768, 256, 250
TUNING = 100
RATES = (1.0, 2.0, 4.0)


class Linear(nn.Module):
    """The fully connected layer."""

    def __init__(self, classes: int, smoothing: float = 0.1) -> None:
        super().__init__()
        self.linear, self.smoothing = nn.Linear(HIDDEN, classes), smoothing

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self(x), y, label_smoothing=self.smoothing)


class Cosine(nn.Module):
    """Trained unit class vectors, angular margin .1, smoothing .1."""

    def __init__(self, classes: int, scale: float = 16.0) -> None:
        super().__init__()
        self.projection, self.scale = nn.Linear(HIDDEN, DIM), scale
        self.weight = nn.Parameter(nn.functional.normalize(torch.randn(classes, DIM), dim=1))

    def forward(self, x: Tensor) -> Tensor:
        z = nn.functional.normalize(self.projection(x), dim=1)
        return self.scale * z @ nn.functional.normalize(self.weight, dim=1).T

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        logits = self(x)
        own = logits.gather(1, y[:, None])[:, 0] / self.scale
        moved = self.scale * angular_margin(own.clamp(-0.9999, 0.9999), 0.1)[0]
        moved_logits = logits.scatter(1, y[:, None], moved[:, None])
        return nn.functional.cross_entropy(moved_logits, y, label_smoothing=0.1)


class ArcFace(nn.Module):
    """ArcFace as pytorch-metric-learning has it, with its margin of 28.6 degrees."""

    def __init__(self, classes: int, scale: float = 64.0) -> None:
        from pytorch_metric_learning.losses import ArcFaceLoss

        super().__init__()
        self.projection = nn.Linear(HIDDEN, DIM)
        self.arcface: Any = ArcFaceLoss(classes, DIM, scale=scale)

    def forward(self, x: Tensor) -> Tensor:
        return self.arcface.get_logits(self.projection(x))

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return self.arcface(self.projection(x), y)


def fixed(classes: int, dim: int = DIM, scale: float | None = None, **other: Any) -> EBVHead:
    settings = {"margin": 0.1, "label_smoothing": 0.1} | other
    kind = {"kind": "simplex"} if dim == classes - 1 else {}
    codebook = Codebook.for_classes(classes, dim, **kind)
    return EBVHead(HIDDEN, codebook, "auto" if scale is None else 1 / scale, **settings)


def random_vectors(classes: int) -> EBVHead:
    head = fixed(classes)
    head.vectors = DenseVectors(nn.functional.normalize(torch.randn(classes, DIM), dim=1), classes)
    return head


Settings = dict[str, float]
HEADS: dict[str, tuple[Callable[..., nn.Module], list[Settings]]] = {
    # name -> how to make it, what is tried on the tuning seed after the learning rate
    "linear": (Linear, [{"smoothing": 0.0}, {"smoothing": 0.05}]),
    "Kerdock d=256, margin .1": (fixed, []),
    "linear, smoothing .1": (Linear, []),
    "Kerdock d=256, margin .2": (lambda n: fixed(n, margin=0.2), []),
    "Kerdock d=256, no margin": (lambda n: fixed(n, margin=0.0), []),
    "simplex, margin .1": (lambda n: fixed(n, n - 1), []),
    "random unit vectors d=256": (random_vectors, []),
    "trained unit vectors d=256": (Cosine, []),
    "ArcFace d=256": (ArcFace, [{"scale": 16.0}]),
}


class Task(NamedTuple):
    trunk: Callable[[], nn.Module]
    train: tuple[Inputs, NDArray[np.int64]]
    test: tuple[Inputs, NDArray[np.int64]]
    unknown: Inputs | None
    names: list[str]
    batch: int


def text_trunk() -> nn.Module:
    return TextTrunk(BUCKETS, EMBEDDING, HIDDEN, 0.2)


class Pictures(nn.Module):
    """Three convolutions with pooling and a hidden layer over drawings of 35 x 35."""

    def __init__(self) -> None:
        super().__init__()
        pairs = ((1, 16), (16, 32), (32, 64))
        blocks = [
            nn.Sequential(
                nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2)
            )
            for i, o in pairs
        ]
        self.layers = nn.Sequential(
            *blocks, nn.Flatten(), nn.Dropout(0.2),
            nn.Linear(64 * 16, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.float().view(-1, 1, 35, 35))


@cache
def clinc() -> tuple[Inputs, NDArray[np.int64], Inputs, list[str]]:
    data = load_clinc150()
    texts = [*data.train_texts, *data.validation_texts, *data.test_texts]
    labels = np.concatenate([data.train_labels, data.validation_labels, data.test_labels])
    outside = TextInputs(hash_ngrams(data.out_of_scope_test, BUCKETS))
    return TextInputs(hash_ngrams(texts, BUCKETS)), labels, outside, list(map(str, data.intents))


@cache
def drawings() -> tuple[Inputs, NDArray[np.int64], list[str]]:
    data = load_omniglot_small()
    small = data.images.reshape(-1, 35, 3, 35, 3).mean((2, 4)).reshape(-1, 35 * 35)
    return ArrayInputs(small / small.std()), data.labels, data.characters


def halves(inputs: Inputs, labels: NDArray[np.int64], seed: int) -> tuple[Any, Any]:
    """Three quarters of each class, and the rest."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    counts = np.bincount(labels)
    rank = np.arange(len(order)) - np.repeat(counts.cumsum() - counts, counts)
    first = rank < 0.75 * np.repeat(counts, counts)
    kept, held = order[first], order[~first]
    return (inputs.take(kept), labels[kept]), (inputs.take(held), labels[held])


def load(name: str, seed: int) -> Task:
    if name == "languages":
        data = load_language_names(seed)
        train_rows = TextInputs(hash_ngrams(data.train_texts, BUCKETS)), data.train_labels
        test_rows = TextInputs(hash_ngrams(data.test_texts, BUCKETS)), data.test_labels
        return Task(text_trunk, train_rows, test_rows, None, data.languages, 512)
    if name == "omniglot":
        inputs, labels, names = drawings()
        return Task(Pictures, *halves(inputs, labels, seed), None, names, 128)
    inputs, labels, outside, names = clinc()
    return Task(text_trunk, *halves(inputs, labels, seed), outside, names, 512)


TASKS = ("clinc150", "omniglot", "languages")


@torch.no_grad()
def outputs(of: Callable[[Tensor], Tensor], trunk: nn.Module, inputs: Inputs) -> NDArray[Any]:
    cuts = np.array_split(np.arange(len(inputs)), len(inputs) // 2048 + 1)
    return torch.cat([of(trunk(*inputs.batch(rows))).double() for rows in cuts]).numpy()


def run(task: Task, name: str, rate: float, settings: Settings, seed: int) -> dict[str, float]:
    """Train one head and score every test row."""
    (inputs, targets), (rows, right) = task.train, task.test
    with seeded(seed):
        trunk = task.trunk()
        head = HEADS[name][0](len(task.names), **settings)
    epochs = max(4, math.ceil(STEPS / (len(inputs) // task.batch)))
    schedule = Schedule(epochs, task.batch, 4e-3, rate)
    with seeded(seed):
        train(trunk, head, TrainingRows(inputs, targets), schedule, seed)
    shares = outputs(lambda x: torch.softmax(head(x).double(), 1), trunk, rows)
    scores = score(shares, right, task.names, int(np.bincount(targets).argmax()))
    found = {
        "accuracy": 100 * scores.accuracy,
        "calibration_error": scores.calibration_error,
        "rows": scores.rows,
    }
    if task.unknown is not None:
        surest = lambda x: (  # noqa: E731
            rejection_scores(head, x) if isinstance(head, EBVHead) else head(x).amax(1)
        )
        known, outside = (outputs(surest, trunk, part) for part in (rows, task.unknown))
        is_known = np.r_[np.ones(len(known)), np.zeros(len(outside))]
        found["auroc"] = float(roc_auc_score(is_known, np.r_[known, outside]))
    return found


class Cells:
    """Finished cells, by key, in a file of JSON lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.found = {json.dumps(cell["key"]): cell["result"] for cell in map(json.loads, lines)}

    def get(self, key: list[Any], work: Callable[[], dict[str, float]]) -> dict[str, float]:
        name = json.dumps(key)
        if name not in self.found:
            self.found[name] = work()
            with self.path.open("a") as file:
                file.write(json.dumps({"key": key, "result": self.found[name]}) + "\n")
            print(key, self.found[name], flush=True)
        return self.found[name]


def tuned(cells: Cells, task_name: str, name: str) -> tuple[float, Settings]:
    """Choose learning rate and settings on a seed of its own, on validation rows."""
    tuning = cache(lambda: validation(load(task_name, TUNING)))
    source = name if name in OWN_TUNING else "Kerdock d=256, margin .1"
    source = "linear" if name.startswith("linear") else source

    def accuracy(rate: float, settings: Settings) -> float:
        key = [task_name, source, TUNING, rate, settings]
        return cells.get(key, lambda: run(tuning(), source, rate, settings, TUNING))["accuracy"]

    rate = max(RATES, key=lambda r: accuracy(r, {}))
    choices = [{}, *HEADS[name][1]]
    return rate, max(choices, key=lambda s: accuracy(rate, s))


# The others with fixed vectors take the learning rate found for Kerdock vectors.
OWN_TUNING = (
    "linear", "Kerdock d=256, margin .1", "trained unit vectors d=256", "ArcFace d=256",
)  # fmt: skip


def validation(task: Task) -> Task:
    kept, held = halves(*task.train, TUNING)
    return task._replace(train=kept, test=held, unknown=None)


def show(cells: Cells, tasks: list[str], heads: list[str], seeds: int) -> None:
    """Print what is finished: mean and spread, and the same-seed gap to "linear"."""
    for task in tasks:
        table = {
            head: {s: cells.found[k] for s in range(seeds)
                   if (k := json.dumps([task, head, s])) in cells.found}
            for head in heads
        }  # fmt: skip
        print(f"\n{task}\n{'head':<28}{'seeds':>6}{'accuracy %':>16}{'gap to linear':>18}"
              f"{'calibration error':>19}{'AUROC':>8}")  # fmt: skip
        for head, runs in table.items():
            if not runs:
                continue
            accuracy = [r["accuracy"] for r in runs.values()]
            both = [s for s in runs if s in table.get("linear", {})]
            gaps = [runs[s]["accuracy"] - table["linear"][s]["accuracy"] for s in both]
            error = np.mean([r["calibration_error"] for r in runs.values()])
            area = np.mean([r.get("auroc", math.nan) for r in runs.values()])
            print(
                f"{head:<28}{len(runs):>6}{np.mean(accuracy):>9.2f} ±{spread(accuracy):>5.2f}"
                f"{np.mean(gaps) if gaps else math.nan:>+11.2f} ±{interval(gaps):>5.2f}"
                f"{error:>19.4f}{area:>8.3f}"
            )


def spread(values: list[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def interval(values: list[float]) -> float:
    """Half the width of Student's 95 % interval of the mean."""
    from scipy.stats import t

    n = len(values)
    return float(t.ppf(0.975, n - 1)) * spread(values) / n**0.5 if n > 1 else math.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--heads", nargs="+", default=list(HEADS), choices=list(HEADS))
    parser.add_argument("--show", action="store_true", help="only print what is finished")
    folder = Path(__file__).parent / "results"
    parser.add_argument("--results", type=Path, default=folder / "classes_accuracy.jsonl")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.results.parent.mkdir(exist_ok=True)
    cells = Cells(options.results)
    for seed in range(0 if options.show else options.seeds):
        for task_name in options.tasks:
            task = cache(lambda name=task_name, s=seed: load(name, s))
            for name in options.heads:
                rate, settings = tuned(cells, task_name, name)
                cells.get(
                    [task_name, name, seed],
                    lambda: run(task(), name, rate, settings, seed),  # noqa: B023
                )
    show(cells, options.tasks, options.heads, options.seeds)


if __name__ == "__main__":
    main()
