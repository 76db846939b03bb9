"""Labels that turn over fast: what vanished labels do to the predictions of those that live.

A made stream: every 500 rows 40 labels come and 40 go, 60 live; a row has two labels drawn from
these, one feature for each, and one of noise. Each row is predicted, then learned; printed is the
share of rows whose label set was exactly right, in thirds of the stream, mean over the seeds, and
how many labels there are at the end.

* ``default``: IHOMER, its label-set decoder included;
* ``above one half``: the same model, the labels whose probability is above one half;
* ``label tree``: ``IHOMER(tree_above=10)``.

    python benchmarks/stream_turnover.py [--rows 7500] [--seeds 3]
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from growlabels.stream import IHOMER

RESULTS = Path(__file__).parent / "results"
PERIOD, NEW, ALIVE, FEATURES = 500, 40, 60, 997


def stream(rows: int, seed: int) -> Iterator[tuple[dict[str, float], set[str]]]:
    """Yield features and labels."""
    draw = random.Random(seed)
    for row in range(rows):
        oldest = NEW * (row // PERIOD)
        labels = [draw.randrange(oldest, oldest + ALIVE) for _ in range(2)]
        x = {f"w{label % FEATURES}": 1.0 for label in labels}
        x[f"noise {draw.randrange(50)}"] = draw.random()
        yield x, {f"t{label}" for label in labels}


def exact(rows: int, seed: int) -> tuple[dict[str, list[float]], int]:
    """Share of rows that were exactly right, in thirds, by each way to predict."""
    model, tree = IHOMER(), IHOMER(tree_above=10)
    right: dict[str, list[bool]] = {"default": [], "above one half": [], "label tree": []}
    for x, y in stream(rows, seed):
        shares = model.predict_proba_one(x)
        right["above one half"].append({k for k, p in shares.items() if p[True] > 0.5} == y)
        for name, own in (("default", model), ("label tree", tree)):
            right[name].append({k for k, there in own.predict_one(x).items() if there} == y)
            own.learn_one(x, y)
    thirds = {k: [float(np.mean(t)) for t in np.array_split(v, 3)] for k, v in right.items()}
    return thirds, len(model.labels_)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=7500)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    found = [exact(options.rows, seed) for seed in range(options.seeds)]
    print(f"{options.rows:,} rows, {found[0][1]} labels at the end")
    for name in found[0][0]:
        mean = np.mean([thirds[name] for thirds, _ in found], axis=0)
        print(f"{name:16}" + "".join(f"{share:8.3f}" for share in mean))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "stream_turnover.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
