"""Overlapping classes: what of the fixed head costs accuracy against a trained layer.

Eight classes that overlap (scikit-learn's ``make_classification``, ``class_sep`` 1, three draws of
20, 30 and 40 features), half of 3,000 rows to train. Trunk, its first weights, batches and steps
are those that ``EBVClassifier`` takes by default; each line differs in one thing from a line above
it. "right early" is the share of training rows that are right after 8 of 50 passes, "moved" how far
the trunk's weights end from where they began; the gap has its 95 % interval over all runs.

    python benchmarks/classes_overlap.py [--seeds 3] [--draws 3]
"""

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import make_classification
from torch import Tensor, nn

from growlabels.classes import Codebook, EBVHead
from growlabels.classes.calibration.scores import score
from growlabels.classes.classifier.training import Schedule, TrainingRows, seeded, train
from growlabels.classes.inputs.readers import ArrayReader
from growlabels.classes.inputs.trunks import ArrayInputs, ArrayTrunk

CLASSES, ROWS, HIDDEN, DIM = 8, 3000, 256, 256
SIZES = ((20, 10), (30, 12), (40, 15))  # features, and how many of them are informative
BATCH, EPOCHS, EARLY = 187, 50, 8


class Free(nn.Module):
    """Fixed orthogonal class vectors below features of free length.

    With ``bound`` the embedding z becomes z / sqrt(bound^2 + |z|^2): short ones keep their length
    but for a factor, long ones come near length 1.
    """

    def __init__(self, dim: int, scale: float, smoothing: float, bound: float = 0.0) -> None:
        super().__init__()
        self.projection = nn.Linear(HIDDEN, dim)
        self.scale, self.smoothing, self.bound = scale, smoothing, bound

    def forward(self, x: Tensor) -> Tensor:
        z = self.projection(x)
        if self.bound:
            z = z / (self.bound**2 + z.square().sum(1, keepdim=True)).sqrt()
        return self.scale * z[:, :CLASSES]

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self(x), y, label_smoothing=self.smoothing)


def unit(margin: float, smoothing: float) -> EBVHead:
    return EBVHead(HIDDEN, Codebook.for_classes(CLASSES), "auto", margin, smoothing)


HEADS: dict[str, tuple[Callable[[], nn.Module], float]] = {
    # name -> how to make it, its learning rate in units of the trunk's
    "trained layer": (partial(Free, CLASSES, 1.0, 0.0), 1.0),
    "trained layer, smoothing .1": (partial(Free, CLASSES, 1.0, 0.1), 1.0),
    "trained layer, twice the rate": (partial(Free, CLASSES, 1.0, 0.0), 2.0),
    "fixed vectors, d = 256, free length": (partial(Free, DIM, 1.0, 0.0), 2.0),
    "  logits times 4": (partial(Free, DIM, 4.0, 0.0), 2.0),
    "  logits times 12": (partial(Free, DIM, 12.0, 0.0), 2.0),
    "  logits bounded by 12, softly": (partial(Free, DIM, 12.0, 0.0, 12.0), 2.0),
    "unit length, scale 12 (automatic)": (partial(unit, 0.0, 0.0), 2.0),
    "  margin .2": (partial(unit, 0.2, 0.0), 2.0),
    "  smoothing .1": (partial(unit, 0.0, 0.1), 2.0),
    "  margin .2, smoothing .1 (the default)": (partial(unit, 0.2, 0.1), 2.0),
}


class Draw(NamedTuple):
    train: tuple[ArrayInputs, NDArray[np.int64]]
    test: tuple[ArrayInputs, NDArray[np.int64]]
    features: int


def draw(number: int, seed: int) -> Draw:
    """Draw a task, and split it in halves; columns are standardised on the training half."""
    features, informative = SIZES[number % len(SIZES)]
    x, y = make_classification(
        ROWS, features, n_informative=informative, n_classes=CLASSES, class_sep=1.0,
        random_state=10 * number + 1,
    )  # fmt: skip
    order = np.random.default_rng(seed).permutation(ROWS)
    kept, held = order[: ROWS // 2], order[ROWS // 2 :]
    reader = ArrayReader.of(x[kept])
    return Draw((reader.inputs(x[kept]), y[kept]), (reader.inputs(x[held]), y[held]), features)


@torch.no_grad()
def shares(trunk: nn.Module, head: nn.Module, inputs: ArrayInputs) -> NDArray[np.float64]:
    rows = inputs.batch(np.arange(len(inputs)))
    return torch.softmax(head(trunk(*rows)).double(), 1).numpy()


def run(name: str, task: Draw, seed: int) -> list[float]:
    """Train one head; returns accuracy, calibration error, right early, moved."""
    (inputs, targets), (rows, right) = task.train, task.test
    make, rate = HEADS[name]
    with seeded(seed):
        trunk, head = ArrayTrunk(task.features, HIDDEN, 0.2), make()
    first = nn.utils.parameters_to_vector(trunk.parameters()).detach().clone()
    passes: list[float] = []

    def watch() -> bool:
        trunk.eval()
        passes.append(float((shares(trunk, head, inputs).argmax(1) == targets).mean()))
        trunk.train()
        return False

    with seeded(seed):
        rows_in = TrainingRows(inputs, targets)
        train(trunk, head, rows_in, Schedule(EPOCHS, BATCH, 4e-3, rate), seed, stop=watch)
    names = [str(i) for i in range(CLASSES)]
    found = score(shares(trunk, head, rows), right, names, int(np.bincount(targets).argmax()))
    last = nn.utils.parameters_to_vector(trunk.parameters()).detach()
    return [
        found.accuracy,
        found.calibration_error,
        passes[EARLY - 1],
        float((last - first).norm()),
    ]


def interval(values: NDArray[Any]) -> float:
    """Half the width of Student's 95 % interval of the mean."""
    from scipy.stats import t

    n = len(values)
    return float(t.ppf(0.975, n - 1) * values.std(ddof=1) / n**0.5) if n > 1 else np.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cells = [(number, seed) for number in range(options.draws) for seed in range(options.seeds)]
    print(f"{'head':<42}{'accuracy':>9}{'gap to trained':>17}{'calibration':>13}"
          f"{'right early':>13}{'moved':>7}")  # fmt: skip
    baseline = np.zeros(len(cells))
    for name in HEADS:
        found = np.array([run(name, draw(*cell), cell[1]) for cell in cells])
        if name == "trained layer":
            baseline = found[:, 0]
        gap = found[:, 0] - baseline
        mean = found.mean(0)
        print(f"{name:<42}{mean[0]:>9.3f}{gap.mean():>+9.3f} ± {interval(gap):.3f}"
              f"{mean[1]:>13.3f}{mean[2]:>13.2f}{mean[3]:>7.1f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
