"""The exact head over a Kerdock codebook against a dense matrix product: speed and precision.

Per number of classes (d = 1024 unless said otherwise), one thread, CPU time, the arms measured
in turn in the same run:

* ``dense``: float32 product with the stored N x d matrix; argmax, ``torch.topk``, or
  ``F.cross_entropy`` forward and backward to the embeddings;
* ``torch``: the structured head in pure torch; ``compiled``: the same with the kernels.

A figure is the median over seeds of the least time of a seed's rounds, since other work on a
machine only ever adds. Precision: largest relative error of loss and gradient (per row, by
norm, across the row as normalising passes it on) over rows at cosine 0, .5, .9 and 1 to their
target, against float64.

    python benchmarks/classes_kernels.py [--classes 100352] [--dim 1024] [--seeds 3] [--rounds 7]
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy as dense_cross_entropy
from torch.nn.functional import normalize

from growlabels.base.runs import versions
from growlabels.classes import Codebook
from growlabels.classes.heads.cross_entropy import cross_entropy
from growlabels.classes.products.closed_vectors import class_vectors
from growlabels.classes.products.compiled_vectors import available
from growlabels.classes.products.sign_vectors import SignVectors

RESULTS = Path(__file__).parent / "results"
BATCH = 64
SCALE = 32.0
BAR = {
    "top-1, one query": 500,
    "top-1, one near a class": 500,
    "top-1, 64 queries": 80,
    "cross-entropy, 64 rows": 50,
}
Arms = dict[str, Callable[[], object]]


def seconds(call: Callable[[], object], calls: int) -> float:
    """CPU seconds of one call."""
    begin = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - begin) / calls


def tasks(dense: Tensor, twin: SignVectors, compiled: SignVectors, seed: int) -> dict:
    """Task -> arm -> what is timed."""
    generator = torch.Generator().manual_seed(seed)
    z = normalize(torch.randn(BATCH, dense.shape[1], generator=generator))
    y = torch.randint(0, len(dense), (BATCH,), generator=generator)
    free = z.clone().requires_grad_()

    def search(rows: Tensor, k: int) -> Arms:
        return {
            "dense": lambda: (rows @ dense.T).topk(k) if k > 1 else (rows @ dense.T).max(1),
            "torch": lambda: twin.topk(rows, k),
            "compiled": lambda: compiled.topk(rows, k),
        }

    # from a trained network: cosine .5 to the vector of some class
    near = normalize(0.5 * dense[y[:1]] + 0.75**0.5 * z[:1])
    return {
        "top-1, one query": search(z[:1], 1),
        "top-1, one near a class": search(near, 1),
        "top-1, 64 queries": search(z, 1),
        "top-5, 64 queries": search(z, 5),
        "all logits, 64 queries": {
            "dense": lambda: z @ dense.T,
            "torch": lambda: twin.cosines(z),
            "compiled": lambda: compiled.cosines(z),
        },
        "cross-entropy, 64 rows": {
            "dense": lambda: dense_cross_entropy(free @ dense.T * SCALE, y).backward(),
            "torch": lambda: cross_entropy(free, y, twin, SCALE).backward(),
            "compiled": lambda: cross_entropy(free, y, compiled, SCALE).backward(),
        },
    }


def speed(dense: Tensor, twin: SignVectors, compiled: SignVectors, options) -> list[dict]:
    """One row per task."""
    least: dict[tuple[str, str], list[float]] = {}
    for seed in range(options.seeds):
        for task, arms in tasks(dense, twin, compiled, seed).items():
            calls = {arm: 50 if "one" in task and arm == "compiled" else 1 for arm in arms}
            for call in arms.values():
                call()
            rounds = [
                {arm: seconds(call, calls[arm]) for arm, call in arms.items()}
                for _ in range(options.rounds)
            ]
            for arm in arms:
                least.setdefault((task, arm), []).append(min(r[arm] for r in rounds))
    rows = []
    for task in dict.fromkeys(task for task, _ in least):
        ms = {arm: 1e3 * median(least[task, arm]) for arm in ("dense", "torch", "compiled")}
        rows.append(
            {"task": task, **ms, "ratio_torch": ms["dense"] / ms["torch"],
             "ratio_compiled": ms["dense"] / ms["compiled"], "bar": BAR.get(task)}
        )  # fmt: skip
    return rows


def rows_near_targets(w: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Unit rows at cosine 0, .5, .9 and 1 to their target, a quarter each."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, len(w), (BATCH,), generator=generator)
    noise = torch.randn(BATCH, w.shape[1], generator=generator, dtype=torch.float64)
    own = w[y].double()
    noise = normalize(noise - (noise * own).sum(1, keepdim=True) * own)
    cosine = torch.tensor([0.0, 0.5, 0.9, 1.0], dtype=torch.float64).repeat(BATCH // 4)[:, None]
    return (cosine * own + (1 - cosine**2).sqrt() * noise).float(), y


def exact(z: Tensor, y: Tensor, w: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Loss and gradient per row in float64, the target left out of the sums."""
    loss, gradient = torch.empty(BATCH, dtype=torch.float64), torch.empty(z.shape).double()
    for row in range(BATCH):
        logits = scale * (w.double() @ z[row].double())
        ratio = torch.exp(logits - logits[y[row]])
        ratio[y[row]] = 0
        rest = ratio.sum()
        loss[row] = torch.log1p(rest)
        gradient[row] = scale * (ratio @ w.double() - rest * w[y[row]].double()) / (1 + rest)
    return loss, gradient


def across(gradient: Tensor, z: Tensor) -> Tensor:
    """Return what normalising passes on of a gradient by unit rows: the part across them."""
    gradient, z = gradient.double(), z.double()
    return gradient - (gradient * z).sum(1, keepdim=True) * z / z.square().sum(1, keepdim=True)


def precision(dense: Tensor, twin: SignVectors, compiled: SignVectors) -> list[dict]:
    """One row per temperature: the largest relative errors of loss and gradient."""
    rows = []
    w = dense[: 8 * dense.shape[1] + 100]
    heads = {
        "torch": SignVectors(twin.signs.T, len(w)),
        "compiled": type(compiled)(twin.signs.T, len(w)),
    }
    for tau in (0.2, 0.07, 0.03, 0.0128):
        z, y = rows_near_targets(w, 0)
        true_loss, true_gradient = exact(z, y, w, 1 / tau)
        found: dict[str, object] = {"tau": tau, "rows": BATCH, "classes": len(w)}
        for arm in ("dense", "torch", "compiled"):
            free = z.clone().requires_grad_()
            if arm == "dense":
                loss = dense_cross_entropy(free @ w.T / tau, y, reduction="none")
            else:
                loss = cross_entropy(free, y, heads[arm], 1 / tau, reduction="none")
            (gradient,) = torch.autograd.grad(loss.sum(), free)
            true = across(true_gradient, z)
            error = (across(gradient, z) - true).norm(dim=1) / true.norm(dim=1)
            found[f"loss_{arm}"] = ((loss.detach() - true_loss) / true_loss).abs().max().item()
            found[f"gradient_{arm}"] = error.max().item()
        rows.append(found)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, nargs="+", default=[100_352])
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, object] = {"versions": versions(), "kernels": available()}
    for count in options.classes:
        codebook = Codebook.for_classes(count, options.dim, kind="kerdock")
        compiled = class_vectors(codebook, count)
        assert isinstance(compiled, SignVectors)
        twin = SignVectors(compiled.signs.T, count)
        dense = torch.cat([compiled.select(part) for part in torch.arange(count).split(8192)])
        print(f"\n{count:,} classes, d = {options.dim}; milliseconds, and times faster than dense")
        print(
            f"{'':24}{'dense':>9}{'torch':>9}{'compiled':>10}{'torch':>9}{'compiled':>10}{'bar':>6}"
        )
        speeds = speed(dense, twin, compiled, options)
        for row in speeds:
            print(
                f"{row['task']:24}{row['dense']:9.2f}{row['torch']:9.2f}{row['compiled']:10.3f}"
                f"{row['ratio_torch']:8.1f}x{row['ratio_compiled']:9.0f}x{row['bar'] or '':>6}"
            )
        print("largest relative error against float64: loss, gradient")
        errors = precision(dense, twin, compiled)
        for row in errors:
            parts = [
                f"{arm} {row[f'loss_{arm}']:.1e}, {row[f'gradient_{arm}']:.1e}"
                for arm in ("dense", "torch", "compiled")
            ]
            print(f"tau {row['tau']:<7}{'   '.join(parts)}")
        results[str(count)] = {"speed": speeds, "precision": errors}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "classes_kernels.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
