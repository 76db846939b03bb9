"""How good the stream learner is: every row predicted before it is learned, every row scored.

For each of the 17 sets of the mirror (``GROWLABELS_DATA``), in file order and in shuffled orders:
IHOMER, four settings of Vowpal Wabbit's one-against-all, three learners of River and the majority
label set; beside them, marked as published and not measured here, MLHAT in file order. Each model
runs on each set in a process of its own. Every finished cell is one JSON line, and a cell that is
there is not computed again. A cell of a slow learner that needs more than ``--cap`` seconds of CPU
is given up and printed as such. ``--ablations`` measures what each part of IHOMER is worth.

Scene, HumanPseAAC and PlantPseAAC are sorted by class: in file order they measure persistence, so
read their shuffled rows.

    GROWLABELS_DATA=... python benchmarks/stream_quality.py [--models ihomer vw] [--sets Yeast]
        [--seeds 5] [--cap 60] [--ablations] [--table]
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from stream_ablations import ABLATIONS, ablated
from stream_peers import PEERS
from stream_tables import print_ablations, print_tables

from growlabels.datasets import load_arff
from growlabels.stream import IHOMER, ArrayRows, MultiLabelMetrics

RESULTS = Path(__file__).parent / "results" / "stream_quality.jsonl"
LABELS = {
    "Flags": 7, "CHD_49": -6, "Emotions": 6, "WaterQuality": 14, "Genbase": 27, "Medical": 45,
    "PlantPseAAC": 12, "Langlog": 75, "CAL500": 174, "Yeast": 14, "Stackex_chess": 227,
    "Mediamill_small": 101, "Scene": 6, "HumanPseAAC": 14, "Ohsumed": -23, "Bibtex": 159,
    "Delicious": 983,
}  # fmt: skip
SCORES = ("exact_match", "micro_f1", "macro_f1")


def load(name: str) -> ArrayRows:
    """Load a set; a count of labels is from the end, a negative one from the start."""
    path = Path(os.environ["GROWLABELS_DATA"]) / "multilabel" / f"{name}.arff.gz"
    data = load_arff(path, labels=-LABELS[name])
    X = data.X if sparse.issparse(data.X) else np.nan_to_num(data.X)  # missing is as good as zero
    return ArrayRows(X, data.Y)


def ours(rows: ArrayRows) -> dict[str, Any]:
    model = IHOMER()
    began = time.process_time()
    chosen = model.prequential_many(rows.X, rows.Y)
    spent = time.process_time() - began
    wide = np.zeros(rows.Y.shape, bool)
    dense: Any = chosen.toarray() if sparse.issparse(chosen) else chosen
    wide[:, np.array(model.labels_, int)] = dense
    drifts = sum(event.kind == "drift" for event in model.events)
    return figures(MultiLabelMetrics.from_arrays(rows.Y, wide), spent) | {"drifts": drifts}


def peer(make: Callable[[int], Any], rows: ArrayRows, cap: float) -> dict[str, Any]:
    """Score a learner row by row, each predicted and then learned."""
    model, metrics = make(rows.Y.shape[1]), MultiLabelMetrics()
    spent = 0.0
    for done, (x, y) in enumerate(rows):
        if spent > cap:
            return {"unfinished": done, "cap": cap}
        began = time.process_time()
        guess = model.predict_one(x)
        model.learn_one(x, y)
        spent += time.process_time() - began
        metrics.update(y, guess or {})
    return figures(metrics, spent)


def figures(metrics: MultiLabelMetrics, spent: float) -> dict[str, Any]:
    found = {name: float(getattr(metrics, name)) for name in SCORES}
    return found | {"rows": metrics.n_rows, "microseconds": 1e6 * spent / metrics.n_rows}


def measure(name: str, model: str, orders: list[str], cap: float, path: Path) -> None:
    """Measure some orders of a set in this process, one line each."""
    rows = load(name)
    if model == "ihomer" or model in ABLATIONS:
        IHOMER().prequential_many(rows.X[:3], rows.Y[:3])  # compile before the clock runs
    for order in orders:
        given = rows if order == "file" else rows.shuffled(int(order))
        if model == "ihomer":
            found = ours(given)
        elif model in ABLATIONS:
            began = time.process_time()
            metrics = MultiLabelMetrics.from_arrays(given.Y, ablated(model, given))
            found = figures(metrics, time.process_time() - began)
        else:
            found = peer(PEERS[model][1], given, cap)
        cell = {"set": name, "model": model, "order": order, **found}
        with path.open("a") as file:
            file.write(json.dumps(cell) + "\n")


def read(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        yield from map(json.loads, path.read_text().splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description="Quality of the stream learner.")
    parser.add_argument("--sets", nargs="+", default=list(LABELS), choices=list(LABELS))
    parser.add_argument("--models", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--seeds", type=int, default=5, help="shuffled orders")
    parser.add_argument("--cap", type=float, default=60.0, help="seconds of CPU a cell may take")
    parser.add_argument("--ablations", action="store_true", help="parts of IHOMER left out")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--cell", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not (Path(os.environ.get("GROWLABELS_DATA", "")) / "multilabel").is_dir():
        raise SystemExit("GROWLABELS_DATA must name the folder that holds multilabel/*.arff.gz")
    if options.cell:
        name, model, orders = options.cell
        measure(name, model, orders.split(","), options.cap, options.results)
        return
    options.results.parent.mkdir(exist_ok=True)
    models = ["ihomer", *ABLATIONS] if options.ablations else options.models
    orders = ["file", *map(str, range(options.seeds))]
    for name in options.sets if not options.table else ():
        for model in models:
            cells = [c for c in read(options.results) if (c["set"], c["model"]) == (name, model)]
            done = {cell["order"] for cell in cells}
            if wanted := [order for order in orders if order not in done]:
                cell = ["--cell", name, model, ",".join(wanted), "--cap", str(options.cap)]
                command = [sys.executable, __file__, *cell, "--results", str(options.results)]
                subprocess.run(command, check=True)
                print(f"{name} {model}: {len(wanted)} orders", file=sys.stderr, flush=True)
    cells = [c for c in read(options.results) if c["set"] in options.sets]
    if options.ablations:
        print_ablations(cells, ["ihomer", *ABLATIONS])
    else:
        print_tables(cells, options.sets)


if __name__ == "__main__":
    main()
