"""Grad-Cos with the gradients of the top layers against those of middle layers.

Tasks and rows are those of unsafe_quality.py. A finished cell (task, seed, layers) is a line of a
JSON-lines file, and a second run goes on with the cells that are missing.

    python benchmarks/unsafe_layers.py --task jailbreak risky --seeds 11 12 --layers 22:30 10:20
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from unsafe_quality import END, read
from unsafe_tasks import TASKS, draw

from growlabels.unsafe import (
    GradientSettings,
    LoraSettings,
    Scanner,
    average_precision,
    load_model,
)

RESULTS = Path(__file__).parent / "results" / "unsafe_layers.jsonl"
METHODS = ("grad-cos", END)


def measure(model: Any, task: str, seed: int, layers: str) -> dict[str, Any]:
    """Average precision of Grad-Cos on one draw, and CPU seconds a row."""
    data = draw(task, seed)
    settings = GradientSettings(LoraSettings(layers=layers))
    started = time.process_time()
    scanner = Scanner(model, methods=METHODS, seed=seed, gradients=settings).fit(data.rows)
    table = scanner.score(data.targets)
    seconds = (time.process_time() - started) / len(data.rows)
    found = {name: average_precision(data.labels, table[name]) for name in table.methods}
    return {"average precision": found, "CPU seconds a row": seconds}


def main() -> None:
    """Compute the cells that are missing and print them all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--task", choices=TASKS, nargs="+", default=["jailbreak", "risky"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12])
    parser.add_argument("--layers", nargs="+", default=["22:30", "10:20"])
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.results.parent.mkdir(exist_ok=True)
    options.results.touch()
    model = load_model("smollm2")
    for seed in options.seeds:
        for task in options.task:
            for layers in options.layers:
                key = {"task": task, "seed": seed, "layers": layers}
                cells = read(options.results)
                found = next((c for c in cells if key.items() <= c.items()), None)
                if found is None:
                    found = {**key, **measure(model, task, seed, layers)}
                    with options.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(found) + "\n")
                print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
