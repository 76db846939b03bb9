"""What the label partition finds: how tight, how steady, how fast it follows, what it costs.

For each set of the mirror (``GROWLABELS_DATA``), shuffled, by linkage and by the divisive rule:
mean Jaccard index over the pairs inside the final clusters against random clusters of the same
sizes; checks at which the structure changed, in the first and in the second half of the stream.
On three sets: rows until the clusters are right again after all labels were renamed half-way. Pair
counts against one River Jaccard metric per pair.

    GROWLABELS_DATA=... python benchmarks/stream_partition.py [--sets Yeast Bibtex] [--seeds 5]
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from river import metrics

from growlabels.datasets import MultiLabelData, load_arff
from growlabels.stream import IHOMER, LinkagePartition, OdacPartition, PairCounts

RESULTS = Path(__file__).parent / "results"
LABELS = {
    "Flags": -7, "WaterQuality": -14, "Emotions": -6, "CHD_49": 6, "Yeast": -14, "Scene": -6,
    "HumanPseAAC": -14, "PlantPseAAC": -12, "Genbase": -27, "Medical": -45, "Langlog": -75,
    "Mediamill_small": -101, "CAL500": -174, "Stackex_chess": -227, "Ohsumed": 23, "Bibtex": -159,
    "Delicious": -983,
}  # fmt: skip
CLUSTERERS = {"linkage": LinkagePartition, "odac": OdacPartition}
FLIPPED = {"Yeast": 20, "Mediamill_small": 3, "Bibtex": 3}  # orders
CHECKS = 20
DRAWS = 100


def watched(
    Y: np.ndarray, clusterer: str
) -> tuple[PairCounts, LinkagePartition | OdacPartition, list[int]]:
    """Run the partition over the rows; return how many changes each of 20 checks made."""
    pairs, partition, changes = PairCounts(), CLUSTERERS[clusterer](), []
    for end in np.linspace(0, len(Y), CHECKS + 1).astype(int)[1:]:
        part = Y[int(pairs.n) : end]
        pairs.learn_rows(np.concatenate(([0], part.sum(1).cumsum())), np.nonzero(part)[1])
        changes.append(len(partition.check(pairs, int(end))))
    return pairs, partition, changes


def inside(J: np.ndarray, clusters: list[np.ndarray]) -> float:
    """Return the mean Jaccard index over all pairs inside the clusters."""
    return float(np.mean([J[a, b] for c in clusters for a, b in combinations(c, 2)]))


def tightness(Y: np.ndarray, clusterer: str, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    pairs, partition, changes = watched(Y[rng.permutation(len(Y))], clusterer)
    labels = Y.shape[1]
    J = np.zeros((labels, labels))
    a, b, _ = pairs.pairs()
    J[a, b] = J[b, a] = pairs.jaccard(0.0)
    clusters = [np.array(cluster) for cluster in partition.clusters]
    half = CHECKS // 2
    found: dict[str, float] = {
        "clusters": len(clusters),
        "grouped": sum(map(len, clusters)),
        "changed_early": sum(map(bool, changes[:half])),
        "changed_late": sum(map(bool, changes[half:])),
    }
    if clusters:
        cuts = np.cumsum([len(c) for c in clusters])
        draws = [np.split(rng.permutation(labels), cuts)[:-1] for _ in range(DRAWS)]
        found["inside"] = inside(J, clusters)
        found["random"] = float(np.mean([inside(J, draw) for draw in draws]))
    return found


def recovery(rows: MultiLabelData, clusterer: str, seed: int, step: int = 50) -> dict[str, Any]:
    """Rename all labels half-way, in a random order of the rows.

    Returns the rows after the break at which a detector of drift gave alarm and at which all old
    clusters were back, renamed (None: not in 1,200 rows); and, 500 rows after it, the share of
    the pairs inside old clusters that are together again, and the same of a learner that only
    saw these 500 rows: more cannot be asked.
    """
    rng = np.random.default_rng(seed)
    order, rename = rng.permutation(len(rows.Y)), rng.permutation(rows.Y.shape[1])
    X, Y, cut = rows.X[order], rows.Y[order], len(order) // 2
    renamed = np.zeros_like(Y)
    renamed[:, rename] = Y
    model, fresh = IHOMER(clusterer=clusterer), IHOMER(clusterer=clusterer, check_every=50)
    model.learn_many(X[:cut], Y[:cut])
    fresh.learn_many(X[cut : cut + 500], renamed[cut : cut + 500])
    old = {frozenset(rename[list(c)].tolist()) for c in model.clusters}
    found: dict[str, Any] = {"alarm": None, "right_again": None}
    for begin in range(cut, min(cut + 1200, len(order)), step):
        model.learn_many(X[begin : begin + step], renamed[begin : begin + step])
        after = begin + step - cut
        if found["right_again"] is None and {frozenset(c) for c in model.clusters} >= old:
            found["right_again"] = after
        if after == 500:
            found["back"], found["fresh"] = (back(old, m.clusters) for m in (model, fresh))
    kinds = "drift", "global drift"
    alarms = [e.row - cut for e in model.events if e.kind in kinds and e.row > cut]
    return found | {"alarm": alarms[0] if alarms else None}


def back(old: set[frozenset[int]], clusters: Sequence[Sequence[int]]) -> float:
    """Return the share of the pairs inside old clusters that are inside one now."""
    home = {label: i for i, cluster in enumerate(clusters) for label in cluster}
    pairs = [pair for cluster in old for pair in combinations(cluster, 2)]
    together = sum(home.get(a, -1) == home.get(b, -2) for a, b in pairs)
    return together / len(pairs) if pairs else float("nan")


def pair_speed(Y: np.ndarray, rows: int = 20) -> dict[str, float]:
    """Return microseconds a row of the pair counts, and of one Jaccard object per pair."""
    indptr, indices = np.concatenate(([0], Y.sum(1).cumsum())), np.nonzero(Y)[1]
    PairCounts().learn_rows(indptr[:2], indices[: indptr[1]])
    began = time.process_time()
    PairCounts().learn_rows(indptr, indices)
    ours = 1e6 * (time.process_time() - began) / len(Y)
    objects = {pair: metrics.Jaccard() for pair in combinations(range(Y.shape[1]), 2)}
    began = time.process_time()
    for y in Y[:rows].tolist():
        for (a, b), metric in objects.items():
            metric.update(y[a], y[b])
    theirs = 1e6 * (time.process_time() - began) / rows
    return {"ours_us": ours, "objects_us": theirs, "times": theirs / ours}


def average(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def line(runs: list[dict[str, float]]) -> str:
    """Return the means over the runs; of some figures over those with clusters."""
    keys = "clusters", "grouped", "inside", "random", "changed_early", "changed_late"
    mean = [average([run[key] for run in runs if key in run]) for key in keys]
    clusters, grouped, tight, loose, early, late = mean
    return f"{clusters:>9.1f}{grouped:>8.1f}{tight:>8.3f}{loose:>8.3f}{early:>22.1f}{late:>20.1f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=list(LABELS), choices=list(LABELS))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    folder = Path(os.environ["GROWLABELS_DATA"]) / "multilabel"
    results: dict[str, object] = {}
    runs: dict[str, list[dict[str, float]]] = {clusterer: [] for clusterer in CLUSTERERS}
    print(f"{'set':<16}{'clusterer':<10}{'labels':>7}{'clusters':>9}{'grouped':>8}{'inside':>8}"
          f"{'random':>8}{'changed, of 10 early':>22}{'and 10 late checks':>20}")  # fmt: skip
    for name in options.sets:
        Y = load_arff(folder / f"{name}.arff.gz", labels=LABELS[name]).Y
        for clusterer, all_runs in runs.items():
            found = [tightness(Y, clusterer, seed) for seed in range(options.seeds)]
            results[f"{name}, {clusterer}"] = found
            all_runs += found
            print(f"{name:<16}{clusterer:<10}{Y.shape[1]:>7}{line(found)}", flush=True)
        if name == "Bibtex":
            results["pair_speed"] = pair_speed(Y)
    for clusterer, all_runs in runs.items():
        paired = [run for run in all_runs if "inside" in run]
        better = sum(run["inside"] > run["random"] for run in paired)
        steady = sum(run["changed_late"] <= 1 for run in all_runs)
        results[clusterer] = {"better": better, "of": len(paired), "steady": steady}
        print(f"{clusterer}: tighter than random clusters of the same sizes in {better} of "
              f"{len(paired)} runs; at most one change in the last ten checks in {steady} of "
              f"{len(all_runs)}")  # fmt: skip
        for name, orders in FLIPPED.items():
            rows = load_arff(folder / f"{name}.arff.gz", labels=LABELS[name])
            again = [recovery(rows, clusterer, seed) for seed in range(orders)]
            results[f"{name} renamed, {clusterer}"] = again
            print(f"  {name}, labels renamed half-way: {again}", flush=True)
    if "pair_speed" in results:
        print(f"Bibtex, pair counts against an object per pair: {results['pair_speed']}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "stream_partition.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
