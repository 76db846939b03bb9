"""Memory of scoring a large stored pool: measured on synthetic features, and what it means at 10^6.

Shards of 256 rows (576 dimensions, five layers of row means, some windows a row in three layers,
30 words a row) are drawn once and come again under new ids, so nothing is read from a disk; the
scores of all rows are then computed as a scan does. Resident memory is read at every shard; the
slope over the second half of the rows, and the step at the end, when the shards' scores are
joined, are carried on to a million rows.

    python benchmarks/unsafe_memory.py [--rows 100000] [--targets 12] [--windows 4]
"""

import argparse
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

DIM, SHARD, KINDS = 576, 256, 4


def drawn(rows: int, windows: int, seed: int):
    """Draw a shard of rows."""
    from growlabels.unsafe.features.hidden import HiddenFeatures
    from growlabels.unsafe.features.store import FeatureShard
    from growlabels.unsafe.rows.words import count_words

    generator = np.random.default_rng(seed)

    def unit(*shape: int) -> np.ndarray:
        vectors = generator.standard_normal(shape, np.float32)
        return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float16)

    tokens = windows + 3
    words = generator.integers(20_000, size=(rows, 30))
    return FeatureShard(
        ids=[""] * rows,
        keys=[f"{seed}-{i:014d}" for i in range(rows)],
        numbers=np.arange(rows),
        answers=np.ones(rows, np.int64),
        hidden=HiddenFeatures(
            unit(rows, 5, DIM),
            unit(rows * windows, 3, DIM),
            np.arange(0, rows * windows + 1, windows),
        ),
        text=count_words(" ".join(f"w{word}" for word in line) for line in words),
        tokens=generator.integers(40_000, size=rows * tokens).astype(np.int32),
        token_offsets=np.arange(0, rows * tokens + 1, tokens),
        truncated=np.zeros(rows, bool),
        tokenless=np.zeros(0, np.int64),
    )


class DrawnStore:
    """Shards as a store gives them, made from a few drawn ones."""

    def __init__(self, rows: int, windows: int) -> None:
        self.shards = rows // SHARD
        self._drawn = [drawn(SHARD, windows, seed) for seed in range(KINDS)]

    def __iter__(self) -> Iterator:
        for index in range(self.shards):
            numbers = np.arange(index * SHARD + 1, (index + 1) * SHARD + 1)
            ids = [f"{number:016x}-0" for number in numbers]
            yield replace(self._drawn[index % KINDS], ids=ids, numbers=numbers)


def resident() -> float:
    """Resident memory now, GB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e9


def main() -> None:
    """Score the rows and print the figures."""
    from growlabels.unsafe.scores.forward_scores import score_pool
    from growlabels.unsafe.scores.fusion import fuse

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--targets", type=int, default=12)
    parser.add_argument("--windows", type=int, default=4)
    options = parser.parse_args()
    store = DrawnStore(options.rows, options.windows)
    rows = store.shards * SHARD
    targets = drawn(options.targets, options.windows, 99)
    before = resident()
    seen: list[tuple[int, float]] = []
    start = time.process_time()
    pool = score_pool(
        store, targets, rows, lambda stage, done, total: seen.append((done, resident()))
    )
    fuse(pool.parts)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    assert len(pool.ids) == rows
    (low, at_low), (high, at_high) = seen[len(seen) // 2], seen[-1]
    slope = (at_high - at_low) / (high - low)
    joined = (peak - at_high) / rows
    print(f"{rows} rows, {options.targets} targets, {options.windows} windows a row")
    print(f"before {before:.2f} GB, last shard {at_high:.2f} GB, peak {peak:.2f} GB")
    print(
        f"{1e9 * slope:.0f} bytes a row while shards pass, {1e9 * joined:.0f} when they are joined"
    )
    print(f"at 1,000,000 rows: {at_high - slope * high + (slope + joined) * 1e6:.2f} GB in all")
    print(f"{1e6 * seconds / rows:.0f} CPU microseconds a row")


if __name__ == "__main__":
    main()
