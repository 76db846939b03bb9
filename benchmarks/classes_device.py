"""Head, loss and search beside a dense layer on one device: milliseconds and largest error.

Random features of length 512, a batch of 256; EBVHead in pure torch, as it runs on CUDA, beside
the same vectors as a stored matrix. ``loss`` is forward and backward. Wall time, medians of 20
runs after 3, with the device synchronised; the arms take turns. Errors are against the matrix.

    python benchmarks/classes_device.py [--device cuda] [--classes 1000 10000 100000]
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from growlabels.classes import Codebook, EBVHead

FEATURES, BATCH, RUNS = 512, 256, 20


def milliseconds(works: list[Callable[[], object]], device: str) -> list[float]:
    """Return the median time of each of some works, which take turns."""
    times: list[list[float]] = [[] for _ in works]
    for run in range(RUNS + 3):
        for work, found in zip(works, times, strict=True):
            _wait(device)
            start = time.perf_counter()
            work()
            _wait(device)
            if run >= 3:
                found.append(time.perf_counter() - start)
    return [1000 * float(np.median(found)) for found in times]


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def rows(classes: int, device: str) -> list[tuple[str, float, float, float]]:
    """Return what was done, times of head and matrix, and the largest difference."""
    torch.manual_seed(0)
    codebook = Codebook.for_classes(classes)
    head = EBVHead(FEATURES, codebook, num_classes=classes).to(device)
    matrix = torch.from_numpy(codebook.vectors(range(classes))).to(device)
    x = torch.randn(BATCH, FEATURES, device=device)
    y = torch.randint(0, classes, (BATCH,), device=device)

    def dense() -> Tensor:
        return head.embed(x) @ matrix.T * head.scale

    def loss() -> Tensor:
        return nn.functional.cross_entropy(dense(), y)

    def step(of: Callable[[], Tensor]) -> Tensor:
        head.zero_grad()
        found = of()
        found.backward()
        return found.detach()

    with torch.no_grad():
        gaps = [
            (head(x) - dense()).abs().max(),
            (head.loss(x, y) - loss()).abs(),
            (head.predict_topk(x, 1)[0] - dense().topk(1)[0]).abs().max(),
        ]
        logits = milliseconds([lambda: head(x), dense], device)
        search = milliseconds([lambda: head.predict_topk(x, 1), lambda: dense().topk(1)], device)
    trained = milliseconds([lambda: step(lambda: head.loss(x, y)), lambda: step(loss)], device)
    names = ("logits", "loss", "search")
    return [
        (name, own, other, float(gap))
        for name, (own, other), gap in zip(names, (logits, trained, search), gaps, strict=True)
    ]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--classes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    options = parser.parse_args()
    name = torch.cuda.get_device_name() if options.device.startswith("cuda") else options.device
    print(f"{name}, torch {torch.__version__}")
    print(f"{'classes':>9} {'what':>7} {'head, ms':>10} {'dense, ms':>10} {'difference':>11}")
    for classes in options.classes:
        for what, own, other, gap in rows(classes, options.device):
            print(f"{classes:>9,} {what:>7} {own:>10.3f} {other:>10.3f} {gap:>11.2g}")


if __name__ == "__main__":
    main()
