"""What a row costs the stream learner: features, labels, labels per row, cells per row.

Made rows: normal features, labels drawn by Zipf's law (exponent 1.5) without replacement; one
thing varies at a time. CPU microseconds of ``prequential_many`` a row, best of some rounds, and
the bytes of models and tables. (10 to 100,000 labels, with the memory of the whole process:
``stream_large.py``.)

    python benchmarks/stream_scaling.py [--rows 3000] [--rounds 3]
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from growlabels.stream import IHOMER

RESULTS = Path(__file__).parent / "results"


class Shape(NamedTuple):
    """What is varied."""

    features: int = 100
    labels: int = 100
    per_row: int = 3
    density: float = 1.0


CURVES = {
    "dense features": [Shape(features=n, labels=10) for n in (10, 30, 100, 300, 1000)],
    "labels": [Shape(labels=n) for n in (10, 30, 100, 300, 1000)],
    "labels per row": [Shape(labels=300, per_row=n) for n in (1, 3, 10, 30, 100)],
    "cells per sparse row": [Shape(10_000, density=n / 10_000) for n in (10, 30, 100, 300)],
    "sparse features": [Shape(n, density=50 / n) for n in (1000, 3000, 10_000, 30_000)],
}


def drawn(shape: Shape, rows: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    cells = round(shape.features * shape.density)
    columns = np.array([rng.choice(shape.features, cells, replace=False) for _ in range(rows)])
    places = np.repeat(np.arange(rows), cells), columns.ravel()
    X = sparse.csr_array((rng.normal(size=rows * cells), places), (rows, shape.features))
    weight = 1.0 / np.arange(1, shape.labels + 1) ** 1.5
    # the largest of these keys are a draw without replacement (Efraimidis, Spirakis 2006)
    keys = np.log(rng.random((rows, shape.labels))) / weight
    chosen = np.argpartition(-keys, shape.per_row - 1, 1)[:, : shape.per_row]
    Y = np.zeros((rows, shape.labels), bool)
    np.put_along_axis(Y, chosen, True, 1)
    return (X if shape.density < 0.25 else X.toarray()), Y


def cost(shape: Shape, rows: int, rounds: int) -> dict[str, float]:
    X, Y = drawn(shape, rows)
    spent, model = [], IHOMER()
    for _ in range(rounds):
        model = IHOMER()
        began = time.process_time()
        model.prequential_many(X, Y)
        spent.append((time.process_time() - began) / rows)
    return {"microseconds": 1e6 * min(spent), "megabytes": model.n_bytes / 1e6}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cost(Shape(), 50, 1)  # compiles
    found: list[dict[str, Any]] = []
    print(f"{'':22}{'features':>9}{'labels':>8}{'per row':>9}{'cells':>7}{'us a row':>10}{'MB':>7}")
    for name, shapes in CURVES.items():
        for shape in shapes:
            figures = cost(shape, options.rows, options.rounds)
            found.append({"curve": name, **shape._asdict(), **figures})
            print(
                f"{name:22}{shape.features:>9,}{shape.labels:>8,}{shape.per_row:>9}"
                f"{shape.features * shape.density:>7.0f}{figures['microseconds']:>10.0f}"
                f"{figures['megabytes']:>7.1f}",
                flush=True,
            )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "stream_scaling.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
