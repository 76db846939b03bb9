"""Measure what an output layer costs: CPU time of training and search, and memory."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from growlabels.classes import Codebook, EBVHead, seeded
from growlabels.report import Plot, Table, line_plot

SMOOTHING = 0.1
LINEAR = "trained linear layer"
NAMES = {"linear": LINEAR, "ebv": "fixed vectors (d=1024)"}
COUNTS = (1_000, 10_000, 100_352)
ROWS, FEATURES = 64, 1024
FEWEST, MOST = 5, 30  # timed calls of each arm
ENOUGH = 1.0  # seconds of CPU time of all arms together


class LinearHead(nn.Module):
    """A trained linear output layer with the methods of EBVHead that the demo calls."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self(x), y, label_smoothing=SMOOTHING)

    def grow(self, classes: int) -> None:
        """Append untrained classes; the weights of the old classes do not change."""
        old = self.linear
        self.linear = nn.Linear(old.in_features, old.out_features + classes)
        with torch.no_grad():
            self.linear.weight[: old.out_features] = old.weight
            self.linear.bias[: old.out_features] = old.bias


@dataclass(frozen=True)
class HeadCost:
    """Cost of an output layer.

    Attributes
    ----------
    classes
        Number of classes.
    step
        CPU time of one training step (loss and gradient of 64 rows), in milliseconds.
    best
        CPU time of finding the most probable class of each of 64 rows, in milliseconds.
    single
        CPU time of finding the most probable class of one row, in milliseconds.
    memory
        Weights, their gradients, the optimiser's momentum and fixed buffers, in megabytes.
    """

    classes: int
    step: float
    best: float
    single: float
    memory: float


def head_costs(classes: int, seed: int) -> dict[str, HeadCost]:
    """Measure fixed class vectors (``"ebv"``) and a trained layer (``"linear"``) side by side.

    Parameters
    ----------
    classes
        Number of classes.
    seed
        Seed of the random features, of the targets and of the trained layer's weights.
    """
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(ROWS, FEATURES, generator=random)
    y = torch.randint(0, classes, (ROWS,), generator=random)
    with seeded(seed):
        heads: dict[str, EBVHead | LinearHead] = {
            "ebv": EBVHead(FEATURES, Codebook.for_classes(classes, 1024)),
            "linear": LinearHead(FEATURES, classes),
        }

    def timed(work: Callable[[EBVHead | LinearHead], None]) -> dict[str, float]:
        return cpu_milliseconds({k: lambda head=head: work(head) for k, head in heads.items()})

    def step(head: EBVHead | LinearHead) -> None:
        head.zero_grad()
        head.loss(x, y).backward()

    steps = timed(step)
    best = timed(lambda head: _find_best(head, x))
    single = timed(lambda head: _find_best(head, x[:1]))
    return {
        kind: HeadCost(classes, steps[kind], best[kind], single[kind], _megabytes(head))
        for kind, head in heads.items()
    }


def cpu_milliseconds(arms: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median CPU time of one call of each arm, in milliseconds.

    The arms are called in turn, so that another process on the machine affects all of them
    alike. CPU time is that of the whole process, summed over its threads; it does not include
    the time in which the process waits for a core. Each arm is called once before the
    measurement, then 5 to 30 times.

    Parameters
    ----------
    arms
        Name -> function without arguments.
    """
    for work in arms.values():
        work()
    spent: dict[str, list[float]] = {name: [] for name in arms}
    for done in range(MOST):
        if done >= FEWEST and sum(map(sum, spent.values())) >= ENOUGH:
            break
        for name, work in arms.items():
            start = time.process_time()
            work()
            spent[name].append(time.process_time() - start)
    return {name: 1000 * median(times) for name, times in spent.items()}


def cost_table(costs: Mapping[str, Sequence[HeadCost]]) -> Table:
    """Show the costs of both layers at every number of classes, and their ratio."""
    rows: list[tuple[str, ...]] = []
    for linear, fixed in zip(costs["linear"], costs["ebv"], strict=True):
        pairs = [
            (getattr(linear, figure), getattr(fixed, figure))
            for figure in ("step", "best", "single", "memory")
        ]
        for place, name in enumerate(NAMES.values()):
            shown = (f"{pair[place]:,.{d}f}" for pair, d in zip(pairs, (2, 2, 3, 1), strict=True))
            rows.append((f"{linear.classes:,}", name, *shown))
        rows.append(("", "ratio", *(f"{first / second:.1f}x" for first, second in pairs)))
    return Table(
        "Cost of the output layer",
        [
            "classes",
            "output layer",
            "training step, CPU ms",
            "best class of 64 rows, CPU ms",
            "best class of 1 row, CPU ms",
            "memory, MB",
        ],
        rows,
        "Random features of length 1024, batches of 64 rows. CPU time is summed over threads; the "
        "layers take turns, and the median counts. Memory: weights, gradients and momentum. "
        "Ratio: trained layer to fixed vectors. Both layers are exact; the fixed vectors are "
        "never stored as a matrix.",
    )


def cost_plot(costs: Mapping[str, Sequence[HeadCost]]) -> Plot:
    """Plot the CPU time of a training step against the number of classes."""
    series = {name: [cost.step for cost in costs[kind]] for kind, name in NAMES.items()}
    counts = [float(cost.classes) for cost in costs["ebv"]]
    ends = ", ".join(f"{name} {values[-1]:.1f}" for name, values in series.items())
    return line_plot(
        "One training step of the output layer",
        {name: (counts, values) for name, values in series.items()},
        "classes",
        "milliseconds of CPU time",
        f"CPU time of one step against the number of classes; at {counts[-1]:,.0f} classes, in "
        f"ms: {ends}.",
        log_x=True,
        log_y=True,
    )


@torch.no_grad()
def _find_best(head: EBVHead | LinearHead, x: Tensor) -> None:
    if isinstance(head, EBVHead):
        head.predict_topk(x, 1)
    else:
        head(x).max(1)


def _megabytes(head: nn.Module) -> float:
    trained = 3 * sum(p.numel() * p.element_size() for p in head.parameters())
    fixed = sum(b.numel() * b.element_size() for b in head.buffers())
    return (trained + fixed) / 1e6
