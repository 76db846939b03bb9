"""The paper's system, measured: a Bernoulli tree per cluster, and what the clusters are worth.

For each set of the mirror (``GROWLABELS_DATA``), in file order and in shuffled orders, every row
predicted before it is learned and every row scored: ``IHOMER()`` and ``IHOMER(preset="paper")``
with clusters by linkage, by the divisive-agglomerative rule of the paper, and with random clusters
of the sizes that linkage found. A sign test over all runs compares the mean Jaccard index of
linkage with that of random clusters. Finished cells are kept in ``results/stream_paper.jsonl`` and
not run again.

    GROWLABELS_DATA=... python benchmarks/stream_paper.py [--sets Yeast] [--seeds 5] [--table]
"""

import argparse
import json
import math
import os
import time
from pathlib import Path

import numpy as np
from scipy import sparse

from growlabels.datasets import load_arff
from growlabels.stream import IHOMER, MultiLabelMetrics

RESULTS = Path(__file__).parent / "results" / "stream_paper.jsonl"
LABELS = {
    "Flags": -7, "CHD_49": 6, "Emotions": -6, "WaterQuality": -14, "Yeast": -14, "Scene": -6,
    "PlantPseAAC": -12, "Genbase": -27, "Medical": -45, "HumanPseAAC": -14, "CAL500": -174,
    "Langlog": -75, "Stackex_chess": -227, "Mediamill_small": -101, "Ohsumed": 23, "Bibtex": -159,
    "Delicious": -983,
}  # fmt: skip
MODELS = {
    "default": {},
    "paper, linkage": {"preset": "paper"},
    "paper, odac": {"preset": "paper", "clusterer": "odac"},
    "paper, random": {"preset": "paper", "clusterer": "random"},
}
SCORES = "exact_match", "micro_f1", "macro_f1", "jaccard"
FILE = -1
"""Stands for the file's own order where others have the seed of a shuffle."""


def measured(name: str, model: str, seed: int) -> dict[str, object]:
    """Run one cell: a set in one order under one model."""
    data = load_arff(
        Path(os.environ["GROWLABELS_DATA"]) / "multilabel" / f"{name}.arff.gz", labels=LABELS[name]
    )
    order = np.arange(data.Y.shape[0])
    if seed != FILE:
        order = np.random.default_rng(seed).permutation(order)
    X = data.X.tocsr()[order] if sparse.issparse(data.X) else np.nan_to_num(data.X)[order]
    Y = np.asarray(data.Y)[order].astype(bool)
    learner = IHOMER(seed=max(seed, 0), **MODELS[model])
    began = time.process_time()
    found = learner.prequential_many(X, Y)
    seconds = time.process_time() - began
    chosen = np.zeros(Y.shape, bool)
    chosen[:, learner.labels_] = found.toarray() if sparse.issparse(found) else found
    metrics = MultiLabelMetrics()
    for truth, guess in zip(Y, chosen, strict=True):
        metrics.update(set(np.flatnonzero(truth).tolist()), set(np.flatnonzero(guess).tolist()))
    kinds = [event.kind for event in learner.events]
    return {
        "set": name,
        "model": model,
        "seed": seed,
        "rows": len(Y),
        **{score: float(getattr(metrics, score)) for score in SCORES},
        "microseconds": 1e6 * seconds / len(Y),
        "clusters": len(learner.clusters),
        "alarms": kinds.count("local drift") + kinds.count("drift"),
        "global_alarms": kinds.count("global drift"),
        "swaps": kinds.count("swap"),
    }


def sign_test(wins: int, losses: int) -> float:
    """Return the two-sided chance of so uneven a split of fair coins."""
    n, least = wins + losses, min(wins, losses)
    return min(1.0, 2.0 * sum(math.comb(n, k) for k in range(least + 1)) / 2.0**n) if n else 1.0


def table(cells: list[dict]) -> None:
    """Print the means over the orders, the means over the sets, and the sign test."""
    models = list(MODELS)
    print(f"{'set':<16}{'orders':>7}  " + "".join(f"{model:<26}" for model in models))
    rows: dict[str, list[list[float]]] = {model: [] for model in models}
    for name in LABELS:
        cell = {m: [c for c in cells if c["set"] == name and c["model"] == m] for m in models}
        if not all(cell.values()):
            continue
        line = f"{name:<16}{min(map(len, cell.values())):>7}  "
        for model in models:
            means = [float(np.mean([c[score] for c in cell[model]])) for score in SCORES]
            rows[model].append(means)
            cost = np.median([c["microseconds"] for c in cell[model]])
            line += f"{'/'.join(f'{value:.3f}' for value in means[:3])} {cost:6.0f}us ".ljust(26)
        print(line)
    for model, means in rows.items():
        if means:
            print(f"mean over {len(means)} sets, {model:<16}", np.round(np.mean(means, 0), 4))
    for against in ("paper, random", "paper, odac"):
        other = {(c["set"], c["seed"]): c["jaccard"] for c in cells if c["model"] == against}
        gaps = [
            c["jaccard"] - other[c["set"], c["seed"]]
            for c in cells
            if c["model"] == "paper, linkage" and (c["set"], c["seed"]) in other
        ]
        wins, losses = sum(g > 1e-12 for g in gaps), sum(g < -1e-12 for g in gaps)
        print(
            f"Jaccard index, linkage against {against}: better in {wins}, worse in {losses}, "
            f"equal in {len(gaps) - wins - losses}; p = {sign_test(wins, losses):.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=list(LABELS), choices=list(LABELS))
    parser.add_argument("--seeds", type=int, default=5, help="shuffled orders")
    parser.add_argument("--table", action="store_true", help="print what is there; run nothing")
    options = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.is_file() else []
    cells = [json.loads(line) for line in lines]
    done = {(c["set"], c["model"], c["seed"]) for c in cells}
    if not options.table:
        for kind in MODELS.values():  # compile before the clock runs
            IHOMER(**kind).prequential_many(np.eye(3), np.eye(3))
    for seed in () if options.table else (FILE, *range(options.seeds)):
        for name in options.sets:
            for model in MODELS:
                if (name, model, seed) in done:
                    continue
                cells.append(measured(name, model, seed))
                with RESULTS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(cells[-1]) + "\n")
    for title, own in (("file order", True), ("shuffled", False)):
        print(title)
        table([cell for cell in cells if (cell["seed"] == FILE) == own])


if __name__ == "__main__":
    main()
