"""How fast the stream learner is: rows predicted and learned in a second, on one thread.

On Yeast (from the package river), each in turn within one process, several rounds, the best
round counts: ``prequential_many``, the loop of ``predict_one`` and ``learn_one`` over dicts, and
River's logistic regression per label, both as River chains it and as one scaler and one
regression per label. Then our cost against features, labels and density on synthetic rows, and the
seconds a fresh process needs until its first prediction.

    python benchmarks/stream_speed.py [--rounds 3] [--rows 800]
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from river import linear_model, preprocessing
from scipy import sparse

from growlabels.datasets import load_yeast
from growlabels.stream import IHOMER, BinaryRelevance

RESULTS = Path(__file__).parent / "results"
START = """
import time
began = time.perf_counter()
from growlabels.stream import IHOMER
model = IHOMER()
model.learn_one({"a": 1.0}, {"x"})
model.predict_one({"a": 1.0})
print(time.perf_counter() - began)
"""


class IndependentLabels:
    """A standard scaler and a logistic regression of River for each label by itself."""

    def __init__(self, labels: int) -> None:
        self._models = [
            preprocessing.StandardScaler() | linear_model.LogisticRegression()
            for _ in range(labels)
        ]

    def predict_one(self, x: dict) -> dict:
        return {label: model.predict_one(x) for label, model in enumerate(self._models)}

    def learn_one(self, x: dict, y: dict) -> None:
        for label, model in enumerate(self._models):
            model.learn_one(x, y[label])


def rate(run: Callable[[], Any], rows: int, rounds: int) -> float:
    """Rows a second in the best of some rounds."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        run()
        spent.append(time.process_time() - began)
    return rows / min(spent)


def loop(make: Callable[[], Any], rows: list[tuple[dict, dict]]) -> Callable[[], None]:
    def run() -> None:
        model = make()
        for x, y in rows:
            model.predict_one(x)
            model.learn_one(x, y)

    return run


def on_yeast(rounds: int, most: int) -> dict[str, float]:
    X, Y, _, _ = load_yeast()
    pairs = list(zip(X[:most].tolist(), Y[:most].tolist(), strict=True))
    rows = [(dict(enumerate(x)), dict(enumerate(y))) for x, y in pairs]
    return {
        "IHOMER, prequential_many": rate(lambda: IHOMER().prequential_many(X, Y), len(X), rounds),
        "IHOMER, loop over dicts": rate(loop(IHOMER, rows), len(rows), rounds),
        "River, one scaler": rate(loop(BinaryRelevance, rows), len(rows), 1),
        "River, one scaler per label": rate(
            loop(lambda: IndependentLabels(Y.shape[1]), rows), len(rows), 1
        ),
    }


def synthetic(features: int, labels: int, density: float, rows: int) -> tuple[Any, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, features)) * (rng.random((rows, features)) < density)
    Y = np.zeros((rows, labels), bool)
    for y in Y:
        y[np.minimum(rng.zipf(1.5, 3) - 1, labels - 1)] = True
    return (sparse.csr_array(X) if density < 0.25 else X), Y


def scaling(rounds: int, rows: int) -> list[dict[str, float]]:
    found = []
    for features, labels, density in (
        (20, 10, 1.0), (100, 10, 1.0), (500, 10, 1.0), (1000, 10, 1.0), (100, 100, 1.0),
        (100, 1000, 1.0), (1000, 10, 0.02), (1000, 100, 0.02), (1000, 1000, 0.02),
        (10_000, 100, 0.005),
    ):  # fmt: skip
        X, Y = synthetic(features, labels, density, rows)
        speed = rate(lambda X=X, Y=Y: IHOMER().prequential_many(X, Y), rows, rounds)
        found.append(
            {"features": features, "labels": labels, "density": density, "rows_a_second": speed}
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of the stream learner.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=800, help="rows for the slow ones")
    options = parser.parse_args()
    fresh = subprocess.run(
        [sys.executable, "-c", START], capture_output=True, text=True, check=True
    )
    seconds = float(fresh.stdout)
    again = subprocess.run(
        [sys.executable, "-c", START], capture_output=True, text=True, check=True
    )
    print(f"first prediction of a fresh process: {float(again.stdout):.2f} s (then: {seconds:.2f})")
    yeast = on_yeast(options.rounds, options.rows)
    slowest = min(yeast.values())
    for name, speed in yeast.items():
        print(f"{name:<30}{speed:>10.0f} rows a second{speed / slowest:>8.1f} x")
    print(f"{'features':>9}{'labels':>8}{'density':>9}{'rows a second':>15}")
    curve = scaling(options.rounds, options.rows)
    for row in curve:
        print("{features:>9}{labels:>8}{density:>9}{rows_a_second:>15.0f}".format(**row))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "stream_speed.json").write_text(
        json.dumps({"yeast": yeast, "scaling": curve, "start_seconds": seconds}, indent=1)
    )


if __name__ == "__main__":
    main()
