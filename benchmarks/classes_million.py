"""A million classes trained in bounded memory, and a hundred million addressed by proof.

Features are ``x = A w_c + noise``: the class vector through a fixed random matrix. The
projection has to find its way back, and is scored on other rows, whose classes it has mostly
never seen. SGD with momentum, one thread.

Memory is what the process holds at its peak above what it held before the layer was made
(weights, gradients, momentum, everything that a step needs), measured, beside what the weights,
gradients and momentum come to on paper. The fully connected layer is measured at fewer classes,
where the figure on paper is seen to hold, and computed at the full number.

    python benchmarks/classes_million.py [--classes 1000000] [--steps 200] [--seeds 2]
"""

import argparse
import ctypes
import gc
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from growlabels.classes import Codebook, EBVHead

RESULTS = Path(__file__).parent / "results"
FEATURES, BATCH, MOMENTUM, RATE, NOISE = 1024, 64, 0.9, 0.3, 0.01
LINEAR_CLASSES = 50_000  # where the fully connected layer is measured
COPIES = 3  # weight, gradient, momentum


def made(codebook: Codebook, classes: int, batches: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Return batches of rows of random classes."""
    random = torch.Generator().manual_seed(seed)
    fixed = torch.Generator().manual_seed(17)
    matrix = torch.randn(codebook.dim, FEATURES, generator=fixed) / FEATURES**0.5
    found = []
    for _ in range(batches):
        y = torch.randint(0, classes, (BATCH,), generator=random)
        x = torch.from_numpy(codebook.vectors(y.numpy())) @ matrix
        found.append((x + NOISE * torch.randn(BATCH, FEATURES, generator=random), y))
    return found


def memory(name: str) -> int:
    """Bytes of this process: ``VmRSS`` now, ``VmHWM`` at the peak."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split(f"{name}:")[1].split()[0])


def peak_above(work: Callable[[], object]) -> int:
    """Call ``work``; return the largest memory beyond that before, in bytes (Linux)."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # freed memory must not hide what is taken next
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = memory("VmRSS")
    work()
    return memory("VmHWM") - before


def train(head: EBVHead, batches: list[tuple[Tensor, Tensor]]) -> list[float]:
    """Return the loss of each step."""
    optimizer = torch.optim.SGD(head.parameters(), lr=RATE, momentum=MOMENTUM)
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = head.loss(x, y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def fixed_vectors(classes: int, steps: int, seed: int) -> dict[str, float]:
    """Train over all classes; memory, seconds a step, loss and accuracy on other rows."""
    codebook = Codebook.for_classes(classes)
    few = 8 * codebook.dim
    warm = EBVHead(FEATURES, Codebook.for_classes(few, codebook.dim))
    train(warm, made(codebook, few, 1, seed))  # compiles
    warm.predict_topk(torch.zeros(BATCH, FEATURES), 1)
    del warm
    batches = made(codebook, classes, steps, seed)
    other = made(codebook, classes, 8, seed + 1000)
    found: dict[str, float] = {}

    def work() -> None:
        torch.manual_seed(seed)
        head = EBVHead(FEATURES, codebook)
        found["before"] = accuracy(head, other)
        start = time.process_time()
        losses = train(head, batches)
        found["step"] = (time.process_time() - start) / steps
        found["first"], found["last"] = losses[0], float(np.mean(losses[-5:]))
        found["after"] = accuracy(head, other)
        weights = sum(p.numel() * p.element_size() for p in head.parameters())
        fixed = sum(b.numel() * b.element_size() for b in head.vectors.buffers())
        found["paper"] = COPIES * weights + fixed

    found["peak"] = peak_above(work)
    return found


def accuracy(head: EBVHead, batches: list[tuple[Tensor, Tensor]]) -> float:
    """Share of rows whose class comes first among all."""
    right = [head.predict_topk(x, 1)[1][:, 0] == y for x, y in batches]
    return float(torch.cat(right).float().mean())


def linear(classes: int) -> dict[str, float]:
    """Two steps of a fully connected layer: measured memory, and what it is on paper."""

    def work() -> None:
        layer = nn.Linear(FEATURES, classes)
        optimizer = torch.optim.SGD(layer.parameters(), lr=RATE, momentum=MOMENTUM)
        random = torch.Generator().manual_seed(0)
        for _ in range(2):
            optimizer.zero_grad()
            x = torch.randn(BATCH, FEATURES, generator=random)
            y = torch.randint(0, classes, (BATCH,), generator=random)
            nn.functional.cross_entropy(layer(x), y).backward()
            optimizer.step()

    return {"peak": peak_above(work), "paper": paper_linear(classes)}


def paper_linear(classes: int) -> float:
    """Bytes of weight, bias, their gradients and momentum; logits are not counted."""
    return COPIES * 4.0 * (FEATURES + 1) * classes


def addressed(capacity: int) -> dict[str, object]:
    """Seconds and memory until the last of very many vectors is there, with its proof."""
    found: dict[str, object] = {}

    def work() -> None:
        start = time.process_time()
        codebook = Codebook.for_classes(capacity)
        certificate = codebook.certificate()
        places = np.random.default_rng(0).integers(0, capacity, 62)
        vectors = codebook.vectors([*places, 0, capacity - 1])
        gram = np.abs(vectors @ vectors.T - np.eye(64))
        found.update(
            kind=codebook.kind,
            dim=codebook.dim,
            capacity=codebook.capacity,
            alpha=certificate.alpha,
            proved=certificate.proved,
            sampled=float(gram.max()),
            seconds=time.process_time() - start,
        )

    found["peak"] = peak_above(work)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--classes", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    runs = [fixed_vectors(options.classes, options.steps, s) for s in range(options.seeds)]
    ours = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
    dense = linear(LINEAR_CLASSES)
    full = paper_linear(options.classes)
    ratio = full / max(run["peak"] for run in runs)
    print(f"{options.classes:,} classes, {FEATURES} features, batch of {BATCH}, memory in MB")
    print(f"{'':<34}{'paper':>10}{'measured peak':>16}")
    print(f"{'fixed vectors':<34}{ours['paper'] / 1e6:>10.1f}{ours['peak'] / 1e6:>16.1f}")
    name = f"fully connected, {LINEAR_CLASSES:,}"
    print(f"{name:<34}{dense['paper'] / 1e6:>10.1f}{dense['peak'] / 1e6:>16.1f}")
    print(f"{'fully connected, all':<34}{full / 1e6:>10.1f}")
    print(f"fully connected on paper / fixed vectors at their measured peak: {ratio:.0f}x")
    print(
        f"{options.steps} steps of {ours['step']:.3f} s, mean of {options.seeds} seeds: loss "
        f"{ours['first']:.2f} -> {ours['last']:.2f}, top-1 on other rows "
        f"{ours['before']:.3f} -> {ours['after']:.3f}"
    )
    hundred = addressed(10**8)
    print(f"10^8 vectors: {hundred}")
    RESULTS.mkdir(exist_ok=True)
    results = {"fixed": ours, "linear": dense, "ratio": ratio, "addressed": hundred}
    (RESULTS / "classes_million.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
