"""What thresholds without labels reject: many, few and no unsafe rows in the same pool.

Every draw of a task is scanned with F4w three times: with its 30 unsafe rows, with 3 of them and
with none, against the same targets. Thresholds see no labels. A clean set should lose few rows.
``--ordinary`` takes so many of the rows that are not unsafe, and so makes the unsafe ones a larger
share.
Finished cells are kept in results/unsafe_thresholds.jsonl and are not computed again.

    python benchmarks/unsafe_thresholds.py --task jailbreak risky --seeds 11 12 13 14 15
    python benchmarks/unsafe_thresholds.py --unsafe 30 --ordinary 120  (and 45)
    python benchmarks/unsafe_thresholds.py --unsafe 6 --ordinary 24
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from unsafe_tasks import TASKS, draw, finished

from growlabels.unsafe import CausalModel, Scanner, load_model, resolve_threshold
from growlabels.unsafe.scores.defaults import DEFAULT_THRESHOLD

FINISHED = Path(__file__).parent / "results" / "unsafe_thresholds.jsonl"
UNSAFE = (30, 3, 0)
SPECS = (DEFAULT_THRESHOLD, "loo:0,mad:2", "loo:0", "loo:0.1", "loo:0.25", "mad:3", "budget:0.15")


def measure(
    model: CausalModel, task: str, seed: int, unsafe: int, targets: int, ordinary: int
) -> dict[str, Any]:
    """Scan a draw with so many of its unsafe rows and of the others."""
    data = draw(task, seed)
    others = np.flatnonzero(data.labels == 0)[:ordinary]
    keep = np.sort([*others, *np.flatnonzero(data.labels)[:unsafe]])
    scanner = Scanner(model, methods=["f4w"]).fit([data.rows[place] for place in keep])
    table = scanner.score(data.targets[:targets])
    return {
        "scores": table.score.tolist(),
        "percentiles": list(table.percentiles["f4w"]),
        "labels": data.labels[keep].tolist(),
    }


def rejected(spec: str, cell: dict[str, Any]) -> tuple[int, float, float]:
    """Return how many rows go, and their precision and recall; nan where there is none."""
    scores, labels = np.array(cell["scores"]), np.array(cell["labels"])
    count = resolve_threshold(spec, scores, cell["percentiles"]).rejected
    hits = labels[np.argsort(-scores, kind="stable")[:count]].sum()
    return count, hits / count if count else np.nan, hits / labels.sum() if any(labels) else np.nan


def show(cells: list[dict[str, Any]]) -> None:
    """Print the mean of the draws: rows that go, precision, recall; then the rows of each draw."""
    for spec in SPECS:
        found = np.array([rejected(spec, cell) for cell in cells])
        known = [part[~np.isnan(part)] for part in found.T]
        means = [np.mean(part) if len(part) else np.nan for part in known]
        each = " ".join(str(int(count)) for count in found[:, 0])
        print(f"{spec:25} {means[0]:6.1f} {means[1]:6.2f} {means[2]:6.2f}   rows by draw: {each}")


def main() -> None:
    """Compute the cells that are missing, then print a table for each task and number."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--task", choices=TASKS, nargs="+", default=["jailbreak", "risky"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15])
    parser.add_argument("--unsafe", type=int, nargs="+", default=UNSAFE)
    parser.add_argument("--targets", type=int, default=12, help="most targets")
    parser.add_argument("--ordinary", type=int, default=1000, help="most rows not unsafe")
    options = parser.parse_args()
    FINISHED.parent.mkdir(exist_ok=True)
    model = load_model("smollm2")
    for task in options.task:
        for unsafe in options.unsafe:
            cells = []
            for seed in options.seeds:
                counts = (unsafe, options.targets, options.ordinary)
                names = ("unsafe", "targets", "ordinary")
                key = {"task": task, "seed": seed, **dict(zip(names, counts, strict=True))}
                cell = next((c for c in finished(FINISHED) if key.items() <= c.items()), None)
                if cell is None:
                    cell = key | measure(model, task, seed, *counts)
                    with FINISHED.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(cell) + "\n")
                cells.append(cell)
            print(f"\n{task}, {unsafe} unsafe of {len(cells[0]['labels'])} rows", flush=True)
            show(cells)


if __name__ == "__main__":
    main()
