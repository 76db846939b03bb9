"""Cost of an output layer by the number of classes: step, top-1, memory, precision.

One thread, processor seconds, medians; random features of length 1024, batch of 64, d = 1024.
Per number of classes, in the same run:

* ``linear, SGD``, ``linear, AdamW``: a trained layer, features x classes, its optimiser's step
  (momentum .9) included;
* ``dense fixed``: the same vectors as a stored matrix, logits and cross-entropy by torch;
* ``streamed``: the same in chunks of 8,192 classes, twice, without the logits of all;
* ``sampled``: 1,024 classes drawn anew each step, with the logQ correction (not exact);
* ``torch``: the fast transform and one-pass loss in plain torch;
* ``head``: EBVHead as people get it (compiled kernels where they apply);
* ``projection``: the trained layer below fixed vectors, features x d, with momentum.

All but ``linear`` and ``projection`` start from the same unit embeddings: add ``projection`` to
them before comparing with ``linear``. Memory is of what stays: weights, gradients, the optimiser's
state, fixed matrices, computed. The peak is measured (Linux): vectors or weights, and what a step
takes beyond them, gradients, state and logits included. Arms whose matrices need more than
``--gigabytes`` are not run. The second table is the relative error of the loss and its gradient
against float64 for rows at given cosines to their target. Finished cells are kept in
``results/classes_head_cost.jsonl`` and not measured again.

    python benchmarks/classes_head_cost.py [--classes 1000 10000 100352 1000000] [--seeds 3]
        [--gigabytes 2]
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from classes_million import peak_above
from torch import Tensor, nn

from growlabels.classes import Codebook
from growlabels.classes.heads.cross_entropy import cross_entropy
from growlabels.classes.products.class_vectors import ClassVectors
from growlabels.classes.products.closed_vectors import class_vectors
from growlabels.classes.products.sign_vectors import SignVectors

RESULTS = Path(__file__).parent / "results"
DIM, BATCH, SCALE = 1024, 64, 32.0
SAMPLES, CHUNK = 1024, 8192
COPIES = {"linear, SGD": 3, "linear, AdamW": 4, "dense fixed": 1, "streamed": 1}
METHODS = [*COPIES, "sampled", "torch", "head", "projection"]


def milliseconds(work: Callable[[], object]) -> float:
    """Median processor time of a few runs after one to warm up."""
    work()
    times: list[float] = []
    while len(times) < 3 or (sum(times) < 0.5 and len(times) < 50):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * float(np.median(times))


Step = Callable[[], None]


def peak(make: Callable[[], Step]) -> dict[str, float]:
    """Megabytes that two steps take beyond the vectors or weights."""
    make()()  # compiles, loads

    def work() -> None:
        step = make()
        step()
        step()

    return {"peak": peak_above(work) / 1e6}


def dense_cost(method: str, w: Tensor, z: Tensor, y: Tensor) -> dict[str, float]:
    """A matrix of classes by dim: trained, or fixed."""
    with torch.no_grad():
        best = milliseconds(lambda: (z @ w.T).max(1))
        single = milliseconds(lambda: (z[:1] @ w.T).max(1))
    found = {"step": milliseconds(dense_step(method, w, z, y)), "best": best, "single": single}
    found |= peak(lambda: dense_step(method, w, z, y))
    found["peak"] += w.numel() * w.element_size() / 1e6
    return found


def dense_step(method: str, w: Tensor, z: Tensor, y: Tensor) -> Step:
    """Make a step of training, which changes ``w`` where that is trained."""
    trained = method.startswith("linear")
    weight = nn.Parameter(w, requires_grad=trained)
    scale = 1.0 if trained else SCALE
    kinds = {
        "linear, SGD": lambda: torch.optim.SGD([weight], 1e-3, momentum=0.9),
        "linear, AdamW": lambda: torch.optim.AdamW([weight], 1e-3),
    }
    optimizer = kinds[method]() if trained else None

    def step() -> None:
        rows = z.clone().requires_grad_()
        if method == "streamed":
            rows.grad = streamed_gradient(z, y, w)
            return
        nn.functional.cross_entropy(scale * (rows @ weight.T), y).backward()
        if optimizer is not None:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return step


def streamed_gradient(z: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """Gradient of the mean cross-entropy in two passes over chunks of the classes."""
    parts = [(SCALE * (z @ part.T)).logsumexp(1) for part in w.split(CHUNK)]
    total = torch.stack(parts).logsumexp(0)[:, None]
    gradient = -w[y]
    for part in w.split(CHUNK):
        gradient += (SCALE * (z @ part.T) - total).exp() @ part
    return gradient * (SCALE / len(z))


def sampled_cost(vectors: ClassVectors, z: Tensor, y: Tensor) -> dict[str, float]:
    """Targets against a sample of the classes; nothing to search with."""
    correction = np.log(SAMPLES / vectors.n_classes)

    def step() -> None:
        rows = z.clone().requires_grad_()
        drawn = torch.randint(vectors.n_classes, (SAMPLES,))
        own = SCALE * (rows * vectors.select(y).float()).sum(1)
        others = SCALE * (rows @ vectors.select(drawn).float().T) - correction
        others = others.masked_fill(drawn == y[:, None], -torch.inf)
        nn.functional.softplus(others.logsumexp(1) - own).mean().backward()

    return {"step": milliseconds(step)} | peak(lambda: step)


def structured_cost(vectors: ClassVectors, z: Tensor, y: Tensor) -> dict[str, float]:
    """The transform, in torch or compiled; no matrix."""

    def step() -> None:
        rows = z.clone().requires_grad_()
        cross_entropy(rows, y, vectors, SCALE).backward()

    with torch.no_grad():
        best = milliseconds(lambda: vectors.topk(z, 1))
        single = milliseconds(lambda: vectors.topk(z[:1], 1))
    found = {"step": milliseconds(step), "best": best, "single": single}
    return found | peak(lambda: step)


def projection_cost(features: Tensor) -> dict[str, float]:
    """The linear layer that makes the embeddings, and their length."""
    layer = nn.Linear(DIM, DIM)
    optimizer = torch.optim.SGD(layer.parameters(), 1e-3, momentum=0.9)

    def step() -> None:
        rows = features.clone().requires_grad_()
        nn.functional.normalize(layer(rows), dim=1).sum().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    with torch.no_grad():
        best = milliseconds(lambda: nn.functional.normalize(layer(features), dim=1))
        single = milliseconds(lambda: nn.functional.normalize(layer(features[:1]), dim=1))
    memory = sum(p.numel() * p.element_size() for p in layer.parameters()) / 1e6
    found = {"step": milliseconds(step), "best": best, "single": single, "memory": 3 * memory}
    found |= peak(lambda: step)
    return found | {"peak": found["peak"] + 2 * memory}  # weights and momentum were there


def cost(method: str, classes: int, seed: int, gigabytes: float) -> dict[str, float]:
    """One method at one size; nothing but memory where its matrices are too large to run."""
    random = torch.Generator().manual_seed(seed)
    z = nn.functional.normalize(torch.randn(BATCH, DIM, generator=random), dim=1)
    y = torch.randint(0, classes, (BATCH,), generator=random)
    if method == "projection":
        return projection_cost(z)
    codebook = Codebook.for_classes(classes, DIM)
    if method in COPIES:
        memory = {"memory": COPIES[method] * classes * DIM * 4 / 1e6}
        if memory["memory"] > 1000 * gigabytes:
            return memory
        w = torch.from_numpy(codebook.vectors(range(classes)))
        return dense_cost(method, w, z, y) | memory
    vectors = class_vectors(codebook, classes)
    memory = {"memory": sum(b.numel() * b.element_size() for b in vectors.buffers()) / 1e6}
    if method == "sampled":
        return _with_vectors(sampled_cost(vectors, z, y) | memory)
    if method == "torch":
        assert isinstance(vectors, SignVectors)
        vectors = SignVectors(vectors.signs.T, classes, vectors.sign_bases)
    return _with_vectors(structured_cost(vectors, z, y) | memory)


def _with_vectors(found: dict[str, float]) -> dict[str, float]:
    return found | {"peak": found["peak"] + found["memory"]}


def precision(classes: int, cosine: float, seed: int) -> dict[str, float]:
    """Worst relative error of loss and tangential gradient against float64, 16 rows."""
    random = torch.Generator().manual_seed(seed)
    codebook = Codebook.for_classes(classes, DIM)
    vectors = class_vectors(codebook, classes)
    w = torch.from_numpy(codebook.vectors(range(classes)))
    y = torch.randint(0, classes, (16,), generator=random)
    across = torch.randn(16, DIM, generator=random)
    own = w[y]
    across -= (across * own).sum(1, keepdim=True) * own
    x = cosine * own + (1 - cosine**2) ** 0.5 * nn.functional.normalize(across, dim=1)
    x.requires_grad_()
    loss = cross_entropy(nn.functional.normalize(x, dim=1), y, vectors, SCALE, reduction="none")
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    exact_x = x.detach().double().requires_grad_()
    logits = SCALE * nn.functional.normalize(exact_x, dim=1) @ w.double().T
    target = logits.gather(1, y[:, None])[:, 0]
    rest = logits.scatter(1, y[:, None], -torch.inf).logsumexp(1)
    exact = torch.log1p(torch.exp(rest - target))
    (exact_gradient,) = torch.autograd.grad(exact.sum(), exact_x)
    off = (gradient - exact_gradient).norm(dim=1) / exact_gradient.norm(dim=1)
    return {
        "loss": float(((loss - exact) / exact).detach().abs().max()),
        "gradient": float(off.max()),
    }


def table(classes: int, cells: list[dict]) -> None:
    """Mean over seeds of each method, and its ratio to ``head`` in the same run."""
    mine = [cell for cell in cells if cell["classes"] == classes]
    seeds = len({cell["seed"] for cell in mine})
    print(f"\n{classes:,} classes, mean of {seeds} seeds (x: times the head's)")
    columns = ("step ms", "top-1 of 64", "of 1", "memory MB", "peak MB")
    print(f"{'':<16}" + "".join(f"{column:>20}" for column in columns))
    mean: dict[str, dict[str, float]] = {}
    for method in METHODS:
        runs = [cell["found"] for cell in mine if cell["method"] == method]
        mean[method] = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
    for method, row in mean.items():
        shown = [
            f"{row[name]:.4g} ({row[name] / mean['head'][name]:.3g}x)" if name in row else "-"
            for name in ("step", "best", "single", "memory", "peak")
        ]
        print(f"{method:<16}" + "".join(f"{text:>20}" for text in shown))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--classes", type=int, nargs="+", default=[1000, 10_000, 100_352, 1_000_000]
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=2.0, help="most for stored matrices")
    options = parser.parse_args()
    torch.set_num_threads(1)
    RESULTS.mkdir(exist_ok=True)
    kept = RESULTS / "classes_head_cost.jsonl"
    cells = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    done = {(cell["classes"], cell["seed"], cell["method"]) for cell in cells}
    for classes in options.classes:
        for seed in range(options.seeds):
            for method in METHODS:
                if (classes, seed, method) in done:
                    continue
                cell = {"classes": classes, "seed": seed, "method": method}
                cells.append(cell | {"found": cost(method, classes, seed, options.gigabytes)})
                with kept.open("a") as file:
                    file.write(json.dumps(cells[-1]) + "\n")
        table(classes, cells)
    print("\nrelative error against float64 at 20,000 classes, scale 32")
    for cosine in (0.0, 0.5, 0.9, 0.999, 1.0):
        error = precision(20_000, cosine, seed=0)
        print(f"cosine {cosine:>5}: loss {error['loss']:.1e}, gradient {error['gradient']:.1e}")


if __name__ == "__main__":
    main()
