"""Very many labels: rows a second, memory and precision, L = 10 to 100,000, and real sets.

The synthetic streams have Zipf labels (exponent 1), five draws a row. Each label owns six
features out of 2 L (200 to 200,000), drawn so that some features serve many labels; a row shows
each with a chance of .4 and some 20 frequent features of noise. The learner predicts and learns
every row, 10,000 at a time; then the head of the stream is learned by a fresh learner and by the
peers, frozen, and 2,000 later rows are ranked by all: napkinXC's online probabilistic label tree
(told all labels of the head in advance) and Vowpal Wabbit's ``--plt`` (which must be told how
many labels there are). The real sets are shuffled, learned on one half and tested on the other. One
process a cell; CPU time; memory is the peak of the whole process. Finished cells are kept in
``results/stream_large.jsonl`` and skipped.

    GROWLABELS_DATA=... python benchmarks/stream_large.py [--only IHOMER] [--labels 100000]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

RESULTS = Path(__file__).parent / "results" / "stream_large.jsonl"
SYNTHETIC = (10, 100, 1000, 10_000, 100_000)
REAL = {"Stackex_chess": 227, "Bibtex": 159, "Delicious": 983}
STREAM, TESTED = 50_000, 2000
HEAD = {"IHOMER": 2000, "napkinXC online PLT": 2000, "VW --plt": 2000}
LONG_HEAD = {
    "IHOMER, 10,000": 10_000,
    "napkinXC online PLT, 10,000": 10_000,
    "VW --plt, 10,000": 10_000,
}
Table = sparse.csr_matrix


def zipf_stream(labels: int, rows: int, seed: int = 0) -> tuple[Table, Table]:
    rng = np.random.default_rng(seed)
    features = int(np.clip(2 * labels, 200, 200_000))
    cumulative = np.cumsum(1.0 / np.arange(1, labels + 1))
    renamed = rng.permutation(labels)
    own = (features * rng.random((labels, 6)) ** 2).astype(int)
    x, y = [], []
    for _ in range(rows):
        drawn = np.searchsorted(cumulative, rng.random(5) * cumulative[-1])
        true = np.unique(renamed[np.minimum(drawn, labels - 1)])
        shown = own[true].ravel()
        shown = shown[rng.random(shown.size) < 0.4]
        noise = np.minimum(rng.zipf(1.3, 20) - 1, features - 1)
        x.append(np.unique(np.concatenate((shown, noise))))
        y.append(true)
    cells = sum(map(len, x))
    return _table(x, rng.random(cells) + 0.5, features), _table(y, None, labels)


def _table(rows: list[np.ndarray], values: np.ndarray | None, width: int) -> Table:
    index = np.concatenate(rows)
    start = np.cumsum([0, *map(len, rows)])
    return Table(
        (np.ones(index.size) if values is None else values, index, start), (len(rows), width)
    )


def real_set(name: str) -> tuple[Table, Table]:
    from growlabels.datasets import load_arff

    path = Path(os.environ["GROWLABELS_DATA"]) / "multilabel" / f"{name}.arff.gz"
    data = load_arff(path, labels=-REAL[name])
    order = np.random.default_rng(0).permutation(data.Y.shape[0])
    X, Y = Table(data.X)[order], Table(data.Y.astype(float))[order]
    X.eliminate_zeros()
    Y.eliminate_zeros()
    return X, Y


def ours(X: Table, Y: Table, test: Table, above: int) -> tuple[list[list[int]], float]:
    from growlabels.stream import IHOMER

    model = IHOMER(tree_above=above)
    began = time.process_time()
    model.learn_many(X, Y)
    spent = time.process_time() - began
    rows = [dict(zip(x.indices.tolist(), x.data.tolist(), strict=True)) for x in test]
    return [[int(label) for label, _ in model.predict_topk_one(x, 3)] for x in rows], spent  # type: ignore[call-overload]


def napkinxc(X: Table, Y: Table, test: Table, _: int) -> tuple[list[list[int]], float]:
    from napkinxc.models import LabelTreeModel

    with tempfile.TemporaryDirectory() as folder:
        model = LabelTreeModel(
            model="oplt",
            output=folder,
            tree_structure=None,
            tree_type="onlineBestScore",  # "onlineKaryRandom" ends with a segmentation fault
            optimizer="adagrad",
            threads=1,
        )
        targets = [row.indices.tolist() for row in Y]
        began = time.process_time()
        model.fit(X, targets)
        spent = time.process_time() - began
        return [list(found) for found in model.predict(test, top_k=3)], spent


def vowpal(X: Table, Y: Table, test: Table, _: int) -> tuple[list[list[int]], float]:
    from vowpalwabbit import Workspace

    model = Workspace(f"--plt {Y.shape[1]} --loss_function logistic -b 24 --top_k 3 --quiet")
    unit = [_words(row) for row in X]
    labels = [",".join(map(str, row.indices)) for row in Y]
    began = time.process_time()
    for x, y in zip(unit, labels, strict=True):
        model.learn(f"{y} {x}")
    spent = time.process_time() - began
    return [list(model.predict(_words(row))) for row in test], spent


def _words(row: Table) -> str:
    norm = np.linalg.norm(row.data) or 1.0
    return "| " + " ".join(
        f"{j}:{x / norm:.5g}" for j, x in zip(row.indices, row.data, strict=True)
    )


def precision(found: list[list[int]], Y: Table, k: int) -> float:
    hits = [
        len(set(best[:k]) & set(row.indices.tolist())) / k
        for best, row in zip(found, Y, strict=True)
    ]
    return float(np.mean(hits))


def rate_and_memory(labels: int) -> dict[str, Any]:
    from growlabels.stream import IHOMER

    rows = STREAM if labels > 1000 else 10_000
    X, Y = zipf_stream(labels, rows)
    warm = IHOMER(tree_above=3)
    warm.prequential_many(X[:50], Y[:50])
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    model = IHOMER()
    began = time.process_time()
    for begin in range(0, rows, 10_000):
        model.prequential_many(X[begin : begin + 10_000], Y[begin : begin + 10_000])
    spent = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "rows": rows, "occurring": len(model.labels_), "rows_a_second": rows / spent,
        "peak_gb": peak, "before_gb": base, "model_gb": model.n_bytes / 1e9,
    }  # fmt: skip


def cell(model: str, data: str) -> dict[str, Any]:
    if model == "stream":
        return rate_and_memory(int(data))
    run = {"I": ours, "n": napkinxc, "V": vowpal}[model[0]]
    if data in REAL:
        X, Y = real_set(data)
        head = X.shape[0] // 2
        train, test = slice(0, head), slice(head, None)
    else:
        head = (HEAD | LONG_HEAD)[model]
        X, Y = zipf_stream(int(data), 10_000 + TESTED)
        train, test = slice(0, head), slice(10_000, None)
    found, spent = run(X[train], Y[train], X[test], 0 if "tree" in model else 1000)
    scores = {f"p{k}": precision(found, Y[test], k) for k in (1, 3)}
    return scores | {"rows": head, "learned_a_second": head / spent}


def cells(options: argparse.Namespace) -> list[tuple[str, str]]:
    wanted = [("stream", str(size)) for size in SYNTHETIC if options.labels in (None, size)]
    for size in SYNTHETIC[3:]:
        if options.labels in (None, size):
            heads = HEAD if size < 100_000 else HEAD | LONG_HEAD
            wanted += [(model, str(size)) for model in heads]
    if options.labels is None:
        models = ("IHOMER, tree", "IHOMER", "napkinXC online PLT", "VW --plt")
        wanted += [(model, name) for name in REAL for model in models]
    return [w for w in wanted if options.only is None or w[0].startswith(options.only)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Very many labels.")
    parser.add_argument("--only", help="models whose name begins so; 'stream': rate and memory")
    parser.add_argument("--labels", type=int, help="one synthetic size, no real sets")
    parser.add_argument("--cell", nargs=2)
    options = parser.parse_args()
    if options.cell:
        print(json.dumps(cell(*options.cell)))
        return
    RESULTS.parent.mkdir(exist_ok=True)
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    done = {(row["model"], row["data"]): row for row in map(json.loads, lines)}
    for model, data in cells(options):
        if (model, data) not in done:
            command = [sys.executable, __file__, "--cell", model, data]
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            if ran.returncode:
                said = (ran.stderr.strip().splitlines() or ["no message"])[-1]
                print(f"{model}, {data}: ended with {ran.returncode}: {said}", file=sys.stderr)
                continue
            row = {"model": model, "data": data} | json.loads(ran.stdout.splitlines()[-1])
            done[model, data] = row
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")
        values = {k: v for k, v in done[model, data].items() if k not in ("model", "data")}
        shown = "  ".join(f"{k} {v:.3f}" if v < 100 else f"{k} {v:.0f}" for k, v in values.items())
        print(f"{data:<15}{model:<22}{shown}", flush=True)


if __name__ == "__main__":
    main()
