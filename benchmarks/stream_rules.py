"""Made streams whose rule is known: where the default beats simple learners, and where not.

Streams of :func:`growlabels.stream.make_stream` (10 features, 6 labels), one change in the middle,
and one of thresholds that never change: five labels, each of which is there when one of eight
features is above a level and another below. Every row predicted, scored, then learned by IHOMER,
River's logistic regression (behind a standard scaler) and Hoeffding tree per label, and Vowpal
Wabbit with ``--ftrl``; exact match / micro F1, mean over the seeds.

    python benchmarks/stream_rules.py [--rows 3000] [--seeds 5]
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from stream_peers import PEERS

from growlabels.stream import ArrayRows, make_stream, prequential
from growlabels.stream.evaluate.made_streams import Drift, Kind

RESULTS = Path(__file__).parent / "results" / "stream_rules.jsonl"
KINDS: tuple[Kind, ...] = ("hyperplane", "rbf", "tree", "hypercube")
DRIFTS: tuple[Drift, ...] = ("none", "sudden", "incremental")
LEARNERS = "ihomer", "br-logistic", "br-hoeffding", "vw-ftrl"


def made(kind: Kind, drift: Drift, rows: int, seed: int) -> ArrayRows:
    """Make a stream of the library's generators."""
    return make_stream(kind, drift, rows=rows, seed=seed).rows


def thresholds(rows: int, seed: int) -> ArrayRows:
    """Make rows whose labels are each an interval rule on two features."""
    rng = np.random.default_rng(seed)
    X = rng.random((rows, 8))
    above, below = rng.integers(8, size=(2, 5))
    low, high = rng.uniform(0.2, 0.5, 5), rng.uniform(0.5, 0.8, 5)
    return ArrayRows(X, (X[:, above] > low) & (X[:, below] < high))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    print(f"{'stream':<24}" + "".join(f"{name:>16}" for name in LEARNERS))
    streams: dict[str, Callable[[int, int], ArrayRows]] = {
        f"{kind}, {drift}": partial(made, kind, drift) for kind in KINDS for drift in DRIFTS
    }
    for title, stream in (streams | {"thresholds": thresholds}).items():
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in LEARNERS}
        for seed in range(options.seeds):
            rows = stream(options.rows, seed)
            for name in LEARNERS:
                scores = prequential(PEERS[name][1](rows.Y.shape[1]), rows)
                found[name].append((scores.exact_match, scores.micro_f1))
        means = {name: np.mean(cells, axis=0).round(4).tolist() for name, cells in found.items()}
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"stream": title, "rows": options.rows, **found}) + "\n")
        line = "".join(f"{f'{m[0]:.3f}/{m[1]:.3f}':>16}" for m in means.values())
        print(f"{title:<24}{line}", flush=True)


if __name__ == "__main__":
    main()
