"""What leaving out rows does to a model: risky calls, every arm with the same steps.

On each seed a fresh draw of code rows is scanned with F4w, and SmolLM2-135M is trained (LoRA, one
epoch) on all rows, without the rows that two thresholds flag, without as many drawn at random,
and without exactly the risky rows (oracle). Thresholds see no labels. Closed is the share of the
oracle's change in held-out risky loss that an arm reaches; random removal should close about 0.

    python benchmarks/unsafe_retrain.py 0 1 2 --random-arms 3
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from growlabels.datasets import CodeRow, load_risky_calls
from growlabels.unsafe import (
    CausalModel,
    FinetuneSettings,
    LoraSettings,
    RetrainResult,
    Scanner,
    TrunkRows,
    adapter_split,
    attach,
    encode,
    load_model,
    read_examples,
    resolve_threshold,
    retrain_arms,
)

RESULTS = Path(__file__).parent / "results"
STRICT, LOOSE = "loo:0.25,budget:0.25", "loo:0.1,budget:0.25"


def measure(model: CausalModel, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Scan one draw and train the arms."""
    data = load_risky_calls(seed=seed, n_held_out=options.held_out)
    rows = [row.as_row() for row in data.train]
    risky = np.array([row.risky for row in data.train])
    table = Scanner(model).fit(rows).score([row.as_row() for row in data.targets])
    flagged = {
        spec: np.flatnonzero(
            table.rank <= resolve_threshold(spec, table.score, table.percentiles["f4w"]).rejected
        )
        for spec in (STRICT, LOOSE)
    }
    started = time.process_time()
    with attach(model, LoraSettings(seed=seed)) as adapter:
        split = adapter_split(adapter)

        def trunk(drawn: list[CodeRow]) -> TrunkRows:
            examples = read_examples([row.as_row() for row in drawn], lambda bad: None)
            return TrunkRows(split, [encode(model, example, 40, 48) for example in examples])

        result = retrain_arms(
            adapter,
            trunk(data.train),
            flagged[STRICT].tolist(),
            {"risky": trunk(data.held_out_risky), "ordinary": trunk(data.held_out_ordinary)},
            FinetuneSettings(epochs=options.epochs),
            random_arms=options.random_arms,
            others={LOOSE: flagged[LOOSE].tolist(), "oracle": np.flatnonzero(risky).tolist()},
            seed=seed,
        )
    return {
        "seed": seed,
        "rows": len(rows),
        "risky": int(risky.sum()),
        "held out": {name: len(losses) for name, losses in result.arm("all").losses.items()},
        "CPU seconds": time.process_time() - started,
        "arms": [describe(result, arm.name, risky) for arm in result.arms],
    }


def describe(result: RetrainResult, name: str, risky: np.ndarray) -> dict[str, Any]:
    """One arm's figures."""
    arm = result.arm(name)
    found: dict[str, Any] = {
        "arm": f"filtered, {STRICT}" if name == "filtered" else name,
        "left out": len(arm.removed),
        "risky left out": int(risky[list(arm.removed)].sum()),
        "closed": result.gap_closed(name, "risky"),
    }
    for held_out, losses in arm.losses.items():
        change = result.change(name, held_out)
        found[held_out] = {
            "loss": float(losses.mean()),
            "change": change.mean,
            "standard error": change.standard_error,
        }
    return found


def show(found: dict[str, Any]) -> None:
    """Print the arms of one seed."""
    print(
        f"\nseed {found['seed']}: {found['rows']} rows, {found['risky']} risky; held out "
        f"{found['held out']}; {found['CPU seconds']:.0f} CPU s for the arms"
    )
    print(
        f"{'arm':32} {'left out':>8} {'risky':>5} {'risky loss':>10} {'change':>7} {'s.e.':>5} "
        f"{'ordinary':>8} {'s.e.':>5} {'closed':>6}"
    )
    for arm in found["arms"]:
        risky, ordinary = arm["risky"], arm["ordinary"]
        print(
            f"{arm['arm']:32} {arm['left out']:>8} {arm['risky left out']:>5} "
            f"{risky['loss']:>10.3f} {risky['change']:>+7.3f} {risky['standard error']:>5.3f} "
            f"{ordinary['change']:>+8.3f} {ordinary['standard error']:>5.3f} "
            f"{arm['closed']:>6.0%}"
        )
    random = [a["closed"] for a in found["arms"] if a["arm"].startswith("random")]
    spread = np.std(random, ddof=1) / np.sqrt(len(random)) if len(random) > 1 else float("nan")
    print(f"{len(random)} random arms close {np.mean(random):.0%}, standard error {spread:.0%}")


def main() -> None:
    """Run the seeds asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--random-arms", type=int, default=3)
    parser.add_argument("--held-out", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model("smollm2")
    RESULTS.mkdir(exist_ok=True)
    results = []
    for seed in options.seeds:
        results.append(measure(model, seed, options))
        show(results[-1])
        sys.stdout.flush()
        (RESULTS / "unsafe_retrain.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
