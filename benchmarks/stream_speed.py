"""How fast the stream learner is: rows predicted and learned in a second, on one thread.

On Yeast (from the package river), each in turn within one process, several rounds, the best
round counts: ``prequential_many``, the loop of ``predict_one`` and ``learn_one`` over dicts, and
River's logistic regression per label: without a scaler, with one, and with one for each label.
With ``GROWLABELS_DATA`` the same on every set of the mirror, beside Vowpal Wabbit's one-against-all
through its Python interface (rows given as text that was made before the clock ran) and our linear
experts alone (``stream_linear.py``), and the counts of label pairs on Bibtex against one Jaccard
object of River per pair. Then the seconds a fresh process needs until its first prediction. (What a
row costs by features, labels and cells: ``stream_scaling.py``.)

    GROWLABELS_DATA=... python benchmarks/stream_speed.py [--rounds 3] [--rows 800]
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from river import linear_model, metrics, multioutput, preprocessing
from scipy import sparse
from stream_linear import linear_only
from stream_quality import LABELS, load

from growlabels.datasets import load_yeast
from growlabels.stream import IHOMER, BinaryRelevance
from growlabels.stream.clusters.pair_counts import PairCounts

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


def rates(runs: dict[str, tuple[Callable[[], Any], int]], rounds: int) -> dict[str, float]:
    """Rows a second of each in its best round; in every round all take their turn."""
    found = dict.fromkeys(runs, 0.0)
    for _ in range(rounds):
        for name, (run, rows) in runs.items():
            found[name] = max(found[name], rate(run, rows, 1))
    return found


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
        "River, no scaler": rate(loop(without_scaler, rows), len(rows), 1),
        "River, one scaler": rate(loop(BinaryRelevance, rows), len(rows), 1),
        "River, one scaler per label": rate(
            loop(lambda: IndependentLabels(Y.shape[1]), rows), len(rows), 1
        ),
    }


def without_scaler() -> Any:
    return multioutput.PerOutputClassifier(linear_model.LogisticRegression())


def at_once(rows: Any) -> Callable[[], None]:
    """Predict and learn all rows in one compiled loop."""
    return lambda: IHOMER().prequential_many(rows.X, rows.Y)


def vowpal(rows: Any) -> Callable[[], None]:
    """Predict and learn rows of text by Vowpal Wabbit, one against all."""
    from vowpalwabbit import Workspace

    labels = rows.Y.shape[1]
    texts = []
    for x, y in zip(sparse.csr_array(rows.X), sparse.csr_array(rows.Y), strict=True):
        cells = " ".join(f"{j}:{v:.6g}" for j, v in zip(x.indices, x.data, strict=True))
        names = ",".join(map(str, y.indices)) or str(labels)
        texts.append((f" |f {cells}", f"{names} |f {cells}"))

    def run() -> None:
        model = Workspace(f"--multilabel_oaa {labels + 1} --loss_function logistic -b 24 --quiet")
        for x, xy in texts:
            model.predict(x)
            model.learn(xy)
        model.finish()

    return run


def on_sets(rounds: int) -> list[dict[str, Any]]:
    """Rows a second on every set, all rows; River on the first 100 of each."""
    found = []
    for name in LABELS:
        rows = load(name)
        few = [(x, y) for x, y in itertools.islice(rows, 100)]
        speed = rates(
            {
                "ihomer": (at_once(rows), len(rows)),
                "vw": (vowpal(rows), len(rows)),
                "linear A": (lambda rows=rows: linear_only(rows, False), len(rows)),
                "both linear": (lambda rows=rows: linear_only(rows, True), len(rows)),
                "ihomer, dicts": (loop(IHOMER, few), len(few)),
                "river": (loop(without_scaler, few), len(few)),
            },
            rounds,
        )
        found.append({"set": name, **speed})
        print(
            f"{name:<17}{1e6 / speed['ihomer']:>9.0f}{1e6 / speed['vw']:>9.0f}"
            f"{speed['ihomer'] / speed['vw']:>8.2f}{speed['ihomer'] / speed['river']:>9.1f}"
            f"{speed['ihomer, dicts'] / speed['river']:>9.1f}"
            f"{speed['linear A'] / speed['vw']:>9.1f}{speed['both linear'] / speed['vw']:>9.1f}",
            flush=True,
        )
    for ours, peer in (
        ("ihomer", "vw"), ("linear A", "vw"), ("both linear", "vw"),
        ("ihomer", "river"), ("ihomer, dicts", "river"),
    ):  # fmt: skip
        ratios = [row[ours] / row[peer] for row in found]
        print(f"{ours} / {peer}: median {np.median(ratios):.2f}, least {min(ratios):.2f}")
    return found


def on_pairs(rounds: int, most: int = 5) -> dict[str, float]:
    """Rows of Bibtex (159 labels) counted a second: all pairs at once, and an object a pair."""
    Y = np.asarray(load("Bibtex").Y, bool)
    truth = sparse.csr_array(Y)
    rows = np.stack((truth.indptr[:-1], truth.indptr[1:]), 1)

    def count() -> None:
        counts = PairCounts(10_000.0, 1_000_000)
        counts.learn_rows(truth.indptr.astype(np.int64), truth.indices.astype(np.int64))

    def objects() -> None:
        pairs = list(itertools.combinations(range(Y.shape[1]), 2))
        jaccard = {pair: metrics.Jaccard() for pair in pairs}
        for y in Y[:most].tolist():
            for a, b in pairs:
                jaccard[a, b].update(y[a], y[b])

    count()
    return {"pairs": rate(count, len(rows), rounds), "objects": rate(objects, most, 1)}


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
    sets: list[dict[str, Any]] = []
    pairs: dict[str, float] = {}
    if "GROWLABELS_DATA" in os.environ:
        print("microseconds a row: ours, VW; times as fast: as VW, as River; by dicts as River; "
              "one linear expert and both as VW")  # fmt: skip
        sets = on_sets(options.rounds)
        pairs = on_pairs(options.rounds)
        print(f"pairs of 159 labels: {pairs['pairs'] / pairs['objects']:.0f} times River's objects")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "stream_speed.json").write_text(
        json.dumps(
            {
                "yeast": yeast,
                "sets": sets,
                "pairs": pairs,
                "start_seconds": seconds,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
