"""Quality of the unsafe scorers: average precision on risky calls and jailbreak compliance.

Hard negatives are in: for risky calls clean functions of the same files and safe uses of related
modules; for jailbreaks refusals and the same writer's answers to harmless look-alikes. Every row
is scored. The jailbreak mixture needs its files (see growlabels.datasets.load_jailbreak_mixture).

    python benchmarks/unsafe_quality.py --task risky --seeds 0 1 2
"""

import argparse
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.datasets import load_jailbreak_mixture, load_risky_calls
from growlabels.unsafe import (
    CausalModel,
    FinetuneSettings,
    GradientScorer,
    LoraSettings,
    Scanner,
    TrunkRows,
    adapter_split,
    attach,
    average_precision,
    encode,
    finetune,
    load_model,
    read_examples,
    resolve_threshold,
)

RESULTS = Path(__file__).parent / "results"
KEYWORD = re.compile(r"\b(?:eval|exec)\s*\(")
LIMITS = 40, 48


def measure(model: CausalModel, task: str, seed: int, gradients: bool) -> dict[str, Any]:
    """Score one draw of a task with every method."""
    data = load_risky_calls(seed=seed) if task == "risky" else load_jailbreak_mixture(seed=seed)
    rows = [row.as_row() for row in data.train]
    targets = [row.as_row() for row in data.targets]
    labels = np.array([getattr(r, "risky", getattr(r, "unsafe", 0)) for r in data.train], int)
    started = time.process_time()
    table = Scanner(model, max_prompt_tokens=LIMITS[0], max_response_tokens=LIMITS[1])
    table = table.fit(rows).score(targets)
    forward = time.process_time() - started
    methods = dict(table.methods)
    started = time.process_time()
    if gradients:
        methods |= gradient_methods(model, rows, targets, seed)
        methods["rank fusion, tfidf + grad-cos, epoch 1"] = ranked(methods["tfidf"]) + ranked(
            methods["grad-cos, epoch 1"]
        )
    if task == "risky":
        methods["keyword search"] = np.array([bool(KEYWORD.search(r["completion"])) for r in rows])
    precision = {name: average_precision(labels, scores) for name, scores in methods.items()}
    return {
        "task": task,
        "seed": seed,
        "rows": len(labels),
        "unsafe": int(labels.sum()),
        "targets": len(targets),
        "average precision": {"random": float(labels.mean()), **precision},
        "left-out percentile": {name: table.auc(name) for name in table.methods},
        "thresholds": thresholds(table.score, table.percentiles["f4w"], labels),
        "CPU seconds a row": {
            "forward methods": forward / len(rows),
            "gradients and an epoch": (time.process_time() - started) / len(rows),
        },
    }


def gradient_methods(
    model: CausalModel, rows: list[dict[str, str]], targets: list[dict[str, str]], seed: int
) -> dict[str, np.ndarray]:
    """Grad-Cos after one epoch on the suspect rows."""
    with attach(model, LoraSettings(seed=seed)) as adapter:
        split = adapter_split(adapter)
        pool, wanted = (
            TrunkRows(split, [encode(model, e, *LIMITS) for e in read_examples(r, lambda b: None)])
            for r in (rows, targets)
        )
        checkpoints = finetune(adapter, pool, FinetuneSettings(seed=seed))
        scorer = GradientScorer(adapter, checkpoints[-1:], wanted)
        return {"grad-cos, epoch 1": scorer.score(pool).total().astype(float)}


def ranked(scores: np.ndarray) -> np.ndarray:
    """Ranks from 0 for the lowest."""
    return np.argsort(np.argsort(scores, kind="stable"), kind="stable").astype(float)


def thresholds(
    scores: np.ndarray, percentiles: Any, labels: np.ndarray
) -> dict[str, dict[str, float]]:
    """Precision and recall of thresholds that saw no labels."""
    found = {}
    for spec in ("loo:0.1", "loo:0.25", "loo:0.25,budget:0.25", "mad:3"):
        count = resolve_threshold(spec, scores, percentiles).rejected
        hits = labels[np.argsort(-scores, kind="stable")[:count]]
        found[spec] = {
            "rows": count,
            "precision": float(hits.mean()) if count else float("nan"),
            "recall": float(hits.sum() / labels.sum()),
        }
    return found


def show(task: str, results: list[dict[str, Any]]) -> None:
    """Print a table: methods by seeds."""
    seeds = [result["seed"] for result in results]
    print(f"\n{task}: average precision, {results[0]['rows']} rows, {results[0]['unsafe']} unsafe")
    print(f"{'method':40}" + "".join(f"  seed {seed}" for seed in seeds) + "    mean    sd")
    for name in results[0]["average precision"]:
        values = [result["average precision"][name] for result in results]
        spread = np.std(values, ddof=1) if len(values) > 1 else float("nan")
        cells = "".join(f"{value:8.3f}" for value in values)
        print(f"{name:40}{cells}{np.mean(values):8.3f}{spread:6.3f}")
    for spec in results[0]["thresholds"]:
        parts = [result["thresholds"][spec] for result in results]
        means = {key: np.nanmean([part[key] for part in parts]) for key in parts[0]}
        print(
            f"threshold {spec:22} rows {means['rows']:5.1f}  precision {means['precision']:.2f}  "
            f"recall {means['recall']:.2f}"
        )
    cost: Mapping[str, float] = results[0]["CPU seconds a row"]
    print("CPU seconds a row: " + ", ".join(f"{name} {value:.2f}" for name, value in cost.items()))


def main() -> None:
    """Run the tasks and seeds asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--task", choices=["risky", "jailbreak"], nargs="+", default=["risky"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--no-gradients", action="store_true", help="leave out Grad-Cos")
    options = parser.parse_args()
    model = load_model("smollm2")
    RESULTS.mkdir(exist_ok=True)
    for task in options.task:
        results = []
        for seed in options.seeds:
            results.append(measure(model, task, seed, not options.no_gradients))
            print(task, seed, results[-1]["average precision"], flush=True)
            (RESULTS / f"unsafe_quality_{task}.json").write_text(json.dumps(results, indent=1))
        show(task, results)


if __name__ == "__main__":
    main()
