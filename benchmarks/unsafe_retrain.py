"""What leaving out rows does to a model: jailbreaks and risky calls, every arm with the same steps.

On each seed a fresh draw of a task is scanned with F4w, and SmolLM2-135M is trained (LoRA, one
epoch) on all rows, without the rows that several thresholds flag, without as many drawn at random,
and without exactly the unsafe rows (oracle: a model never shown them). Thresholds see no labels;
where two flag the same rows, one arm stands for both.
Closed is the share of the oracle's change in held-out unsafe loss that an arm reaches; random
removal should close about 0. Finished cells are kept in results/unsafe_retrain.jsonl and are not
computed again.

    python benchmarks/unsafe_retrain.py --task risky --seeds 0 1 2
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from unsafe_tasks import finished

from growlabels.demo.data.jailbreak import load_jailbreak_mixture
from growlabels.demo.data.risky_calls import load_risky_calls
from growlabels.unsafe import (
    ArmSettings,
    CausalModel,
    FinetuneSettings,
    LoraSettings,
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
from growlabels.unsafe.scores.defaults import DEFAULT_THRESHOLD

FINISHED = Path(__file__).parent / "results" / "unsafe_retrain.jsonl"
OTHERS = ("loo:0.25,budget:0.25", "budget:0.15")
T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57}  # Student's t, two-sided, by number of seeds


def draw(task: str, seed: int, held_out: int) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Training rows, targets, held-out unsafe and ordinary rows."""
    if task == "jailbreak":
        mixture = load_jailbreak_mixture(seed=seed, n_held_out=held_out)
        return mixture.train, mixture.targets, mixture.held_out_unsafe, mixture.held_out_ordinary
    calls = load_risky_calls(seed=seed, n_held_out=held_out)
    return calls.train, calls.targets, calls.held_out_risky, calls.held_out_ordinary


def measure(model: CausalModel, task: str, seed: int, options: argparse.Namespace) -> dict:
    """Scan one draw and train the arms."""
    train, targets, unsafe_rows, ordinary_rows = draw(task, seed, options.held_out)
    rows = [row.as_row() for row in train]
    unsafe = np.array([getattr(r, "risky", getattr(r, "unsafe", None)) for r in train], bool)
    table = Scanner(model, methods=["f4w"]).fit(rows).score([row.as_row() for row in targets])
    flagged = {
        spec: np.flatnonzero(
            table.rank <= resolve_threshold(spec, table.score, table.percentiles["f4w"]).rejected
        ).tolist()
        for spec in (DEFAULT_THRESHOLD, *OTHERS)
    }
    stands_for = {spec: next(s for s in flagged if flagged[s] == flagged[spec]) for spec in flagged}
    others = {spec: flagged[spec] for spec in OTHERS if stands_for[spec] == spec}
    others["oracle"] = np.flatnonzero(unsafe).tolist()
    started = time.process_time()
    with attach(model, LoraSettings(seed=seed)) as adapter:
        split = adapter_split(adapter)

        def trunk(drawn: list[Any]) -> TrunkRows:
            examples = read_examples([row.as_row() for row in drawn], lambda bad: None)
            return TrunkRows(split, [encode(model, example, 40, 48) for example in examples])

        result = retrain_arms(
            adapter,
            trunk(train),
            flagged[DEFAULT_THRESHOLD],
            {"unsafe": trunk(unsafe_rows), "ordinary": trunk(ordinary_rows)},
            ArmSettings(FinetuneSettings(epochs=options.epochs), options.random_arms, seed),
            others=others,
        )
    named = {DEFAULT_THRESHOLD if arm.name == "filtered" else arm.name: arm for arm in result.arms}
    named |= {spec: named[stands_for[spec]] for spec in OTHERS}
    return {
        "task": task,
        "seed": seed,
        "epochs": options.epochs,
        "rows": len(rows),
        "unsafe": int(unsafe.sum()),
        "held out": len(unsafe_rows),
        "CPU seconds": time.process_time() - started,
        "arms": {
            name: {
                "left out": len(arm.removed),
                "unsafe left out": int(unsafe[list(arm.removed)].sum()),
                "unsafe loss": float(arm.losses["unsafe"].mean()),
                "ordinary loss": float(arm.losses["ordinary"].mean()),
                "ordinary change": result.change(arm.name, "ordinary").mean,
                "closed": result.gap_closed(arm.name, "unsafe"),
            }
            for name, arm in named.items()
        },
    }


def show(cells: list[dict[str, Any]]) -> None:
    """Print one task: every seed, then the mean over seeds with a 95 % interval."""
    print(f"\n{cells[0]['task']}, {cells[0]['rows']} rows, {cells[0]['unsafe']} unsafe")
    print(f"{'arm':22} {'left out':>8} {'unsafe':>6} {'unsafe loss':>11} {'ordinary':>8} closed")
    for arm in cells[0]["arms"]:
        found = [cell["arms"][arm] for cell in cells if arm in cell["arms"]]
        means = {key: float(np.mean([f[key] for f in found])) for key in found[0]}
        print(
            f"{arm:22} {means['left out']:>8.1f} {means['unsafe left out']:>6.1f} "
            f"{means['unsafe loss']:>11.3f} {means['ordinary change']:>+8.3f} "
            f"{means['closed']:>6.0%}{spread_of([f['closed'] for f in found])}, by seed: "
            + " ".join(f"{f['closed']:.0%}" for f in found)
        )


def spread_of(values: list[float]) -> str:
    """Half of a 95 % interval of the mean over seeds; nothing of a single one."""
    if len(values) not in T_95:
        return ""
    return f" ± {T_95[len(values)] * np.std(values, ddof=1) / np.sqrt(len(values)):.0%}"


def main() -> None:
    """Run the tasks and seeds asked for that are not finished."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--task", choices=["jailbreak", "risky"], nargs="+", default=["risky"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--random-arms", type=int, default=1)
    parser.add_argument("--held-out", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()
    FINISHED.parent.mkdir(exist_ok=True)
    model = load_model("smollm2")
    wanted = [(task, seed, options.epochs) for seed in options.seeds for task in options.task]
    for task, seed, epochs in wanted:
        if (task, seed, epochs) in [
            (c["task"], c["seed"], c["epochs"]) for c in finished(FINISHED)
        ]:
            continue
        cell = measure(model, task, seed, options)
        with FINISHED.open("a", encoding="utf-8") as file:
            file.write(json.dumps(cell) + "\n")
        show([cell])
        print(f"{cell['CPU seconds']:.0f} CPU seconds for the arms", flush=True)
    for task in options.task:
        cells = [c for c in finished(FINISHED) if (c["task"], c["seed"], c["epochs"]) in wanted]
        show([c for c in cells if c["task"] == task])


if __name__ == "__main__":
    main()
