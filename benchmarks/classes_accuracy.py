"""Accuracy and calibration of output layers on one trunk, with fresh splits per seed.

Tasks: the language names of CLDR (198 classes; a seed draws which names are joined) and CLINC150
(150 intents; a seed draws the split of all in-scope rows, three quarters to train). Trunk,
schedule and seeds are the same for every head; the linear head runs at its label smoothings and
at both learning rates, so that it is compared at its best. All test rows are scored.

    python benchmarks/classes_accuracy.py [--seeds 5] [--tasks languages clinc150] [--heads ...]
"""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from growlabels.base.progress import silent
from growlabels.classes import Codebook, EBVHead
from growlabels.classes._loss import angular_margin
from growlabels.classes._text import hash_ngrams
from growlabels.classes._training import Schedule
from growlabels.classes._transform import DenseVectors
from growlabels.classes._trunks import TextInputs, TextTrunk
from growlabels.demo._classes_measure import (
    BUCKETS,
    EMBEDDING,
    HIDDEN,
    LinearHead,
    Model,
    Task,
    language_task,
)

RESULTS = Path(__file__).parent / "results"


class CosineHead(nn.Module):
    """Trained unit class vectors with an angular margin."""

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.projection = nn.Linear(HIDDEN, dim)
        self.weight = nn.Parameter(nn.functional.normalize(torch.randn(classes, dim), dim=1))

    def forward(self, x: Tensor) -> Tensor:
        z = nn.functional.normalize(self.projection(x), dim=1)
        return 16.0 * z @ nn.functional.normalize(self.weight, dim=1).T

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        logits = self(x)
        own = logits.gather(1, y[:, None]) / 16.0
        moved = 16.0 * angular_margin(own[:, 0].clamp(-0.9999, 0.9999), 0.1)[0]
        return nn.functional.cross_entropy(
            logits.scatter(1, y[:, None], moved[:, None]), y, label_smoothing=0.1
        )


def fixed(classes: int, dim: int = 256, margin: float = 0.1, smoothing: float = 0.1) -> EBVHead:
    return EBVHead(
        HIDDEN, Codebook.for_classes(classes, dim), margin=margin, label_smoothing=smoothing
    )


def random_vectors(classes: int) -> EBVHead:
    head = fixed(classes)
    vectors = nn.functional.normalize(torch.randn(classes, 256), dim=1)
    head.vectors = DenseVectors(vectors, classes)
    return head


class UnsmoothedLinear(LinearHead):
    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self(x), y)


Heads = dict[str, tuple[Callable[[int], nn.Module], float]]
HEADS: Heads = {  # name -> how to make it, its learning rate in units of the trunk's
    "linear": (lambda n: LinearHead(HIDDEN, n), 1.0),
    "linear, rate x2": (lambda n: LinearHead(HIDDEN, n), 2.0),
    "linear, no smoothing": (lambda n: UnsmoothedLinear(HIDDEN, n), 1.0),
    "Kerdock d=256, margin .1": (fixed, 2.0),
    "Kerdock d=256, no margin": (lambda n: fixed(n, margin=0.0), 2.0),
    "Kerdock d=64, margin .1": (lambda n: fixed(n, dim=64), 2.0),
    "random unit vectors d=256": (random_vectors, 2.0),
    "trained unit vectors d=256": (lambda n: CosineHead(n, 256), 2.0),
}


def clinc_task(seed: int) -> Task:
    """All in-scope rows, split afresh: three quarters of each intent to train."""
    from growlabels.datasets import load_clinc150

    data = load_clinc150()
    texts = [*data.train_texts, *data.validation_texts, *data.test_texts]
    labels = np.concatenate([data.train_labels, data.validation_labels, data.test_labels])
    random = np.random.default_rng(seed)
    order = random.permutation(len(texts))
    order = order[np.argsort(labels[order], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(labels[order]) > 0])
    counts = np.diff(np.r_[starts, len(order)])
    rank = np.arange(len(order)) - np.repeat(starts, counts)
    train = rank < 0.75 * np.repeat(counts, counts)
    bags = TextInputs(hash_ngrams(texts, BUCKETS))
    names = [str(name) for name in data.intents]
    kept, held = order[train], order[~train]
    return Task(bags.take(kept), labels[kept], bags.take(held), labels[held], names)


TASKS: dict[str, Callable[[int], Task]] = {
    "languages": lambda seed: language_task(seed, None),
    "clinc150": clinc_task,
}


def run(task: Task, name: str, seed: int) -> dict[str, float]:
    """Train one head and score every test row."""
    make, factor = HEADS[name]
    classes = len(task.names)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Model(TextTrunk(BUCKETS, EMBEDDING, HIDDEN, 0.2), make(classes))  # type: ignore[arg-type]
    epochs = max(5, math.ceil(400 / (len(task.train) // 512)))
    schedule = Schedule(epochs, 512, 4e-3, factor)
    model.learn(task.train, task.train_targets, schedule, seed, silent, "")
    scores = model.scores(task)
    return {
        "accuracy": 100 * scores.accuracy,
        "calibration_error": scores.calibration_error,
        "rows": scores.rows,
        "parameters": model.head_parameters,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--heads", nargs="+", default=list(HEADS), choices=list(HEADS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, dict[str, list[dict[str, float]]]] = {}
    for task_name in options.tasks:
        found = results[task_name] = {name: [] for name in options.heads}
        for seed in range(options.seeds):
            task = TASKS[task_name](seed)
            for name in options.heads:
                found[name].append(run(task, name, seed))
        print(f"\n{task_name}: {found[options.heads[0]][0]['rows']:,.0f} test rows a seed")
        print(f"{'head':<28}{'parameters':>11}{'accuracy %':>18}{'calibration error':>19}")
        for name, runs in found.items():
            accuracy = [r["accuracy"] for r in runs]
            error = np.mean([r["calibration_error"] for r in runs])
            spread = np.std(accuracy, ddof=1) if len(accuracy) > 1 else math.nan
            print(
                f"{name:<28}{runs[0]['parameters']:>11,.0f}{np.mean(accuracy):>10.2f} "
                f"±{spread:>5.2f}{error:>19.4f}"
            )
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "classes_accuracy.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
