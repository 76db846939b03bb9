"""How good the stream learner is: every row predicted before it is learned, every row scored.

For each set of the mirror (``GROWLABELS_DATA``), in file order and in shuffled orders: IHOMER, the
most frequent label set, and River's logistic regression per label (binary relevance; left out
where it would take very long). Beside them, marked as published and not measured here, the figures
of MLHAT in file order. Scene, HumanPseAAC and PlantPseAAC are sorted by class: in file order they
measure persistence, so read their shuffled rows.

    GROWLABELS_DATA=... python benchmarks/stream_quality.py [--sets Yeast Scene] [--seeds 5]
        [--no-peers]
"""

import argparse
import csv
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import sparse

from growlabels.datasets import MultiLabelData, load_arff
from growlabels.stream import (
    IHOMER,
    ArrayRows,
    BinaryRelevance,
    MajorityLabels,
    MultiLabelMetrics,
    prequential,
)

RESULTS = Path(__file__).parent / "results"
LABELS = {
    "Flags": 7, "WaterQuality": 14, "Emotions": 6, "CHD_49": -6, "Yeast": 14, "Scene": 6,
    "HumanPseAAC": 14, "PlantPseAAC": 12, "Genbase": 27, "Medical": 45, "Langlog": 75,
    "Mediamill_small": 101, "CAL500": 174, "Stackex_chess": 227, "Ohsumed": -23, "Bibtex": 159,
    "Delicious": 983,
}  # fmt: skip
PUBLISHED = {"HumanPseAAC": "Human", "PlantPseAAC": "Plant", "Stackex_chess": "Stackex"}
SCORES = {"exact_match": "subset_acc", "micro_f1": "micro_f1", "macro_f1": "macro_f1"}
MOST_CELLS = 5_000_000  # rows x features x labels that the slow peer is given


def load(folder: Path, name: str) -> MultiLabelData:
    """Load a set; a count of labels is from the end, a negative one from the start."""
    data = load_arff(folder / "multilabel" / f"{name}.arff.gz", labels=-LABELS[name])
    if sparse.issparse(data.X):
        return data
    return data._replace(X=np.nan_to_num(data.X))  # a missing value counts as none


def ours(X: np.ndarray, Y: np.ndarray) -> dict[str, float]:
    model = IHOMER()
    began = time.process_time()
    chosen = model.prequential_many(X, Y)
    spent = time.process_time() - began
    metrics = MultiLabelMetrics.from_arrays(Y, chosen)
    drifts = sum(event.kind == "drift" for event in model.events)
    return scores(metrics) | {"microseconds": 1e6 * spent / len(Y), "drifts": drifts}


def peer(model: object, X: np.ndarray, Y: np.ndarray) -> dict[str, float]:
    began = time.process_time()
    found = prequential(model, ArrayRows(X, Y))  # type: ignore[arg-type]
    spent = time.process_time() - began
    return scores(found) | {"microseconds": 1e6 * spent / len(Y)}


def scores(found: object) -> dict[str, float]:
    return {name: float(getattr(found, name)) for name in SCORES}


def measured(data: MultiLabelData, seeds: int, peers: bool) -> Iterator[dict[str, object]]:
    rows = data.Y.shape[0]
    cells = data.X.nnz if sparse.issparse(data.X) else data.X.size
    for seed in range(-1, seeds):
        order = np.random.default_rng(seed).permutation(rows) if seed >= 0 else np.arange(rows)
        X, Y = data.X[order], data.Y[order]
        common = {"order": "file" if seed < 0 else f"shuffled {seed}", "rows": rows}
        yield common | {"model": "IHOMER"} | ours(X, Y)
        if peers and seed < 1:
            yield common | {"model": "majority set"} | peer(MajorityLabels(), X, Y)
            if cells * data.Y.shape[1] <= MOST_CELLS:
                name = "River logistic regression"
                yield common | {"model": name} | peer(BinaryRelevance(), X, Y)


def published(folder: Path, name: str) -> dict[str, object] | None:
    found: dict[str, object] = {"model": "MLHAT (published)", "order": "file"}
    for score, kind in SCORES.items():
        with (folder / "published" / f"mlhat_{kind}.csv").open() as file:
            for row in csv.DictReader(file):
                if row["Dataset"] == PUBLISHED.get(name, name):
                    found[score] = float(row["MLHAT"])
    return found if len(found) > 2 else None


def line(name: str, rows: list[dict]) -> None:
    values = "/".join(f"{np.mean([r[score] for r in rows]):.3f}" for score in SCORES)
    spread = np.std([r["micro_f1"] for r in rows])
    cost = [r["microseconds"] for r in rows if "microseconds" in r]
    order = rows[0]["order"].split()[0]
    print(
        f"{name:<16}{order:<10}{rows[0]['model']:<27}{values:<19}"
        f"{f'+-{spread:.3f}' if len(rows) > 1 else '':<8}"
        f"{f'{np.median(cost):8.0f} us a row' if cost else ''}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Quality of the stream learner.")
    parser.add_argument("--sets", nargs="+", default=list(LABELS), choices=list(LABELS))
    parser.add_argument("--seeds", type=int, default=5, help="shuffled orders")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    folder = Path(os.environ.get("GROWLABELS_DATA", ""))
    if not (folder / "multilabel").is_dir():
        raise SystemExit("GROWLABELS_DATA must name the folder that holds multilabel/*.arff.gz")
    IHOMER().prequential_many(np.eye(3), np.eye(3))  # compile before the clock runs
    print("exact match / micro F1 / macro F1 over all rows; +- is the spread over orders")
    results = []
    for name in options.sets:
        rows: list[dict] = list(measured(load(folder, name), options.seeds, not options.no_peers))
        rows += [row] if (row := published(folder, name)) else []
        for key in dict.fromkeys((r["model"], r["order"].split()[0]) for r in rows):
            line(name, [r for r in rows if (r["model"], r["order"].split()[0]) == key])
        results += [{"set": name} | row for row in rows]
    for order in ("file", "shuffled"):
        mine = [r for r in results if r["model"] == "IHOMER" and r["order"].startswith(order)]
        means = [
            [np.mean([r[score] for r in mine if r["set"] == name]) for score in SCORES]
            for name in options.sets
        ]
        print(f"mean over {len(options.sets)} sets, {order}: {np.round(np.mean(means, 0), 4)}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "stream_quality.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
