"""Would the paper's trees pay as one more expert of IHOMER? Reaches into the learner on purpose.

For each set of the mirror (``GROWLABELS_DATA``), in shuffled orders, every row predicted before it
is learned and every row scored: the eight experts, stack and decoder of the default, and the same
with a ninth column in the stack, the log odds of ``preset="paper"`` (a Bernoulli tree per
cluster by linkage). Both without ADWIN's restarts, which none of these orders has. Finished cells
are kept in ``results/stream_trees.jsonl`` and not run again.

    GROWLABELS_DATA=... python benchmarks/stream_trees.py [--sets Yeast] [--seeds 3] [--table]
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse
from stream_quality import LABELS as SETS
from stream_quality import SCORES, load

from growlabels.stream import IHOMER, ArrayRows, MultiLabelMetrics
from growlabels.stream.experts.label_sets import empty_sets, grown_sets
from growlabels.stream.experts.loop import best_mode, learn_row, score_row
from growlabels.stream.experts.predict import PARTS, PRIOR, choose, consult, observe
from growlabels.stream.experts.scratch import MIXED, make_room
from growlabels.stream.experts.stack import PENALTY, Stack
from growlabels.stream.experts.state import FEATURES, LABELS, RIDGE, new_experts
from growlabels.stream.numeric.arithmetic import copy, mix
from growlabels.stream.numeric.rows import Rows

RESULTS = Path(__file__).parent / "results" / "stream_trees.jsonl"
MODELS = "eight experts", "and the trees"
SLOTS = 1000
KEEP_RECENT = math.pow(2.0, -1.0 / 5.0)


def in_order(rows: ArrayRows) -> Rows:
    """Number the labels from 1 as they appear, as the learner does."""
    Y = np.asarray(rows.Y, bool)
    first = np.where(Y.any(0), Y.argmax(0), len(Y))
    X, truth = sparse.csr_array(rows.X), sparse.csr_array(Y[:, np.argsort(first, kind="stable")])
    X.eliminate_zeros()
    parts = X.indptr, X.indices, X.data.astype(float), truth.indptr, truth.indices + 1
    return Rows(*(p if p.dtype == float else p.astype(np.int64) for p in parts))


def tree_odds(given: Rows, labels: int) -> NDArray[np.float64]:
    """Return the trees' log odds before each row is learned: (rows, labels + 1)."""
    engine = IHOMER(preset="paper")._engine
    odds = np.full((given.x_start.size - 1, labels + 1), -6.0)
    for r in range(len(odds)):
        row = given.part(r, r + 1)
        found = engine.logits(row)[0]
        odds[r, : found.size] = found
        engine.learn(row, keep=False)
    return odds


@njit(error_model="numpy", _nrt=False)
def _run(mode, experts, stack, sets, room, parts, rows, odds, chosen):
    x_start, x_index, x_value, y_start, y_index = rows
    totals, cells = experts.totals, (x_start, x_index, x_value)
    for r in range(x_start.size - 1):
        index = x_index[x_start[r] : x_start[r + 1]]
        present = y_index[y_start[r] : y_start[r + 1]]
        features = max(totals[FEATURES], index[-1] + 1 if index.size > 0 else 0)
        known = totals[LABELS]
        labels = max(known, present[-1] + 1 if present.size > 0 else 0)
        view = observe(mode, experts, room, cells, r, features, known, labels, True)
        said, near, absent = consult(mode, KEEP_RECENT, experts, sets, room, view, known)
        experts_and_one = stack.weights.size
        heard = parts[: experts_and_one * labels].reshape((experts_and_one, labels))
        for part in range(PARTS):
            copy(said[part], heard[part])
        heard[experts_and_one - 1] = 1.0
        if odds.size > 0:
            heard[PARTS, :] = odds[r, 0]
            copy(odds[r, :known], heard[PARTS])
        z = room.labels[MIXED][:labels]
        mix(stack.weights, heard, z)
        choose(stack.hits, experts, sets, room, z[:known], heard[PRIOR], near, absent, chosen[r])
        learn_row(mode, KEEP_RECENT, experts, stack, sets, room, view, heard, features, present)
        score_row(stack.hits, chosen[r], present)


@njit(error_model="numpy")
def run(mode, experts, stack, sets, rows, odds, chosen):
    """Do what the compiled loop of the learner does, with the odds as a last expert, if any."""
    room = make_room(mode, experts, rows[0], 0)
    parts = np.empty(stack.weights.size * experts.label_rows.size)
    _run(mode, experts, stack, sets, room, parts, rows, odds, chosen)


def measured(rows: ArrayRows, model: str) -> dict[str, float]:
    """Run one order of a set with the trees or without."""
    given, (total, labels), features = in_order(rows), rows.Y.shape, rows.X.shape[1]
    cells = given.x_index.size
    mode = int(best_mode(np.array([total, features, 0, cells]), RIDGE))
    began = time.process_time()
    odds = tree_odds(given, labels) if model == MODELS[1] else np.zeros((0, 0))
    weights = np.full(PARTS + 1 + (odds.size > 0), 1.0 / (PARTS + (odds.size > 0)))
    weights[-1] = 0.0
    stack = Stack(weights, np.eye(weights.size) * PENALTY, np.zeros(3, np.int64))
    room = 2 ** math.ceil(math.log2(cells + 1))
    experts = new_experts(mode, SLOTS, features, labels + 1, room)
    sets = grown_sets(empty_sets(), total + 1, given.y_index.size)
    chosen = np.zeros((total, labels + 1), bool)
    run(mode, experts, stack, sets, tuple(given), odds, chosen)
    spent = time.process_time() - began
    truth = sparse.csr_array(
        (np.ones(given.y_index.size, bool), given.y_index, given.y_start), (total, labels + 1)
    ).toarray()
    metrics = MultiLabelMetrics.from_arrays(truth, chosen)
    found = {name: float(getattr(metrics, name)) for name in SCORES}
    return found | {"microseconds": 1e6 * spent / total}


def table(cells: list[dict[str, Any]]) -> None:
    """Print the means over the orders, and over the sets."""
    means: dict[str, list[list[float]]] = {model: [] for model in MODELS}
    for name in SETS:
        found = {m: [c for c in cells if (c["set"], c["model"]) == (name, m)] for m in MODELS}
        if all(found.values()):
            line = f"{name:<16}{min(map(len, found.values())):>3} orders"
            for model, those in found.items():
                means[model].append([float(np.mean([c[s] for c in those])) for s in SCORES])
                spent = np.median([c["microseconds"] for c in those])
                figures = "/".join(f"{value:.3f}" for value in means[model][-1])
                line += f"   {model} {figures} {spent:.0f} us"
            print(line)
    for model, rows in means.items():
        if rows:
            figures = "/".join(f"{value:.4f}" for value in np.mean(rows, 0))
            print(f"mean over {len(rows)} sets, {model}: {figures}")


def main() -> None:
    parser = argparse.ArgumentParser(description="The paper's trees as one more expert.")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seeds", type=int, default=3, help="shuffled orders")
    parser.add_argument("--table", action="store_true", help="print what is there; run nothing")
    options = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.is_file() else []
    cells = [json.loads(line) for line in lines]
    for model in MODELS if not options.table else ():  # compile before the clock runs
        measured(load("Flags").take(slice(0, 3)), model)
    done = {(c["set"], c["model"], c["seed"]) for c in cells}
    for name in () if options.table else options.sets:
        for seed in range(options.seeds):
            for model in MODELS:
                if (name, model, seed) not in done:
                    found = measured(load(name).shuffled(seed), model)
                    cells.append({"set": name, "model": model, "seed": seed, **found})
                    with RESULTS.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(cells[-1]) + "\n")
    table(cells)


if __name__ == "__main__":
    main()
