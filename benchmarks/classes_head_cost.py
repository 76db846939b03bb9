"""Cost of an output layer by the number of classes: step, top-1, memory, precision.

One thread, processor seconds, medians; random features of length 1024, batch of 64, d = 1024.
Per number of classes, in the same run:

* ``linear``: a trained layer, features x classes;
* ``dense fixed``: the same Kerdock vectors as a stored matrix, logits and cross-entropy by torch;
* ``torch``: the fast transform and one-pass loss in plain torch;
* ``head``: EBVHead as people get it (compiled kernels where they apply).

All but ``linear`` start from the same unit embeddings, without the projection. Memory counts
weights, gradients and momentum, and fixed matrices. The second table is the relative error of the
loss and its gradient against float64 for rows at given cosines to their target.

    python benchmarks/classes_head_cost.py [--classes 1000 10000 100352] [--seeds 3]
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from growlabels.classes import Codebook
from growlabels.classes._closed_vectors import class_vectors
from growlabels.classes._loss import cross_entropy
from growlabels.classes._transform import ClassVectors, SignVectors

RESULTS = Path(__file__).parent / "results"
DIM, BATCH, SCALE = 1024, 64, 32.0


def milliseconds(work: Callable[[], object]) -> float:
    """Median processor time of a few runs after one to warm up."""
    work()
    times: list[float] = []
    while len(times) < 3 or (sum(times) < 0.5 and len(times) < 50):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * float(np.median(times))


def plain_torch(codebook: Codebook, classes: int) -> SignVectors:
    bases = -(-classes // codebook.dim)
    return SignVectors(torch.from_numpy(codebook.sign_rows[:bases].copy()), classes)


def dense_cost(w: Tensor, z: Tensor, y: Tensor, trained: bool) -> dict[str, float]:
    """A matrix of classes by dim: fixed, or with a gradient."""
    weight = nn.Parameter(w, requires_grad=trained)
    scale = 1.0 if trained else SCALE

    def step() -> None:
        weight.grad = None
        rows = z.clone().requires_grad_()
        nn.functional.cross_entropy(scale * (rows @ weight.T), y).backward()

    with torch.no_grad():
        best = milliseconds(lambda: (z @ weight.T).max(1))
        single = milliseconds(lambda: (z[:1] @ weight.T).max(1))
    copies = 3 if trained else 1
    return {
        "step": milliseconds(step),
        "best": best,
        "single": single,
        "memory": copies * w.numel() * 4 / 1e6,
    }


def structured_cost(vectors: ClassVectors, z: Tensor, y: Tensor) -> dict[str, float]:
    """The transform, in torch or compiled; no matrix."""

    def step() -> None:
        rows = z.clone().requires_grad_()
        cross_entropy(rows, y, vectors, SCALE).backward()

    with torch.no_grad():
        best = milliseconds(lambda: vectors.topk(z, 1))
        single = milliseconds(lambda: vectors.topk(z[:1], 1))
    memory = sum(b.numel() * b.element_size() for b in vectors.buffers()) / 1e6
    return {"step": milliseconds(step), "best": best, "single": single, "memory": memory}


def cost(classes: int, seed: int) -> dict[str, dict[str, float]]:
    """All methods at one size."""
    random = torch.Generator().manual_seed(seed)
    z = nn.functional.normalize(torch.randn(BATCH, DIM, generator=random), dim=1)
    y = torch.randint(0, classes, (BATCH,), generator=random)
    codebook = Codebook.for_classes(classes, DIM)
    w = torch.from_numpy(codebook.vectors(range(classes)))
    found = {
        "linear": dense_cost(w, z, y, trained=True),
        "dense fixed": dense_cost(w, z, y, trained=False),
    }
    del w
    found["torch"] = structured_cost(plain_torch(codebook, classes), z, y)
    found["head"] = structured_cost(class_vectors(codebook, classes), z, y)
    return found


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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--classes", type=int, nargs="+", default=[1000, 10_000, 100_352])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, object] = {}
    for classes in options.classes:
        runs = [cost(classes, seed) for seed in range(options.seeds)]
        mean = {
            method: {k: float(np.mean([run[method][k] for run in runs])) for k in runs[0][method]}
            for method in runs[0]
        }
        results[str(classes)] = mean
        print(f"\n{classes:,} classes, mean of {options.seeds} seeds (x: linear / dense fixed)")
        print(f"{'':<14}{'step ms':>10}{'top-1 of 64':>13}{'of 1':>9}{'memory MB':>11}  ratios")
        for method, row in mean.items():
            ratios = "  ".join(
                f"{name} {mean['linear'][name] / row[name]:.1f}x / "
                f"{mean['dense fixed'][name] / row[name]:.1f}x"
                for name in ("step", "best", "single")
            )
            print(
                f"{method:<14}{row['step']:>10.2f}{row['best']:>13.2f}{row['single']:>9.3f}"
                f"{row['memory']:>11.2f}  {ratios}"
            )
    errors = {
        str(cosine): precision(20_000, cosine, seed=0) for cosine in (0.0, 0.5, 0.9, 0.999, 1.0)
    }
    results["relative_error"] = errors
    print("\nrelative error against float64 at 20,000 classes, scale 32")
    for cosine, error in errors.items():
        print(f"cosine {cosine:>5}: loss {error['loss']:.1e}, gradient {error['gradient']:.1e}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "classes_head_cost.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
