"""Processor time of reading rows: this library beside the standard library, pandas and pyarrow.

CSV and JSON lines of 10^6 rows are made, and read in turn by each reader in a process of its own;
printed are medians of processor time in seconds, and the most memory that a reader took. Readers
that hold the whole file say so.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

WORDS = ["refund", "order", "late", "money back", "invoice", "ok: thanks", "parcel", "broken"]


def write(folder: Path, rows: int) -> None:
    """Write both files."""
    rng = random.Random(0)
    with (folder / "r.csv").open("w") as table, (folder / "r.jsonl").open("w") as lines:
        table.write("id,title,a,b,c,billing,shop\n")
        for number in range(rows):
            title = " ".join(rng.choices(WORDS, k=6))
            a, b, c = rng.random(), rng.gauss(0, 1), rng.randint(0, 99)
            tags = rng.sample(["billing", "shop"], rng.randint(0, 2))
            flags = ",".join(str(int(tag in tags)) for tag in ("billing", "shop"))
            table.write(f"{number},{title},{a},{b},{c},{flags}\n")
            row = {"id": number, "title": title, "a": a, "b": b, "c": c, "tags": tags}
            lines.write(json.dumps(row) + "\n")


def ours(path: str) -> int:
    from growlabels.tables import open_table

    return sum(1 for _ in open_table(path))


def our_stream(path: str) -> int:
    from growlabels.stream import Stream

    labels, drop = ("billing,shop", "id,title") if path.endswith("csv") else ("tags", "id,title")
    return sum(1 for _ in Stream.read(path, labels, drop=drop))


def standard(path: str) -> int:
    import csv

    with Path(path).open(newline="") as file:
        if path.endswith("csv"):
            return sum(1 for _ in csv.DictReader(file))
        return sum(1 for _ in map(json.loads, file))


def by_pandas(path: str) -> int:
    import pandas

    frame = pandas.read_csv(path) if path.endswith("csv") else pandas.read_json(path, lines=True)
    return len(frame.to_dict("records"))


def by_pyarrow(path: str) -> int:
    import pyarrow.csv
    import pyarrow.json

    pyarrow.set_cpu_count(1)
    read = pyarrow.csv.read_csv if path.endswith("csv") else pyarrow.json.read_json
    return len(read(path).to_pylist())


READERS: dict[str, Callable[[str], int]] = {
    "growlabels.tables": ours,
    "growlabels stream": our_stream,
    "csv, json": standard,
    "pandas (whole)": by_pandas,
    "pyarrow (whole)": by_pyarrow,
}


def main() -> None:
    """Make the files, read them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=2, help="read one file with one reader")
    options = parser.parse_args()
    if options.one:
        reader, path = options.one
        start = time.process_time()
        count = READERS[reader](path)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([count, time.process_time() - start, memory]))
        return
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), options.rows)
        print(f"{'file':8} {'reader':20} {'rows':>10} {'seconds':>8} {'MiB':>6}")
        for name in ("r.csv", "r.jsonl"):
            times: dict[str, list[list[float]]] = {reader: [] for reader in READERS}
            for _ in range(options.repeats):
                for reader in READERS:
                    arguments = [sys.executable, __file__, "--one", reader, f"{folder}/{name}"]
                    run = subprocess.run(arguments, capture_output=True, text=True, check=True)
                    times[reader].append(json.loads(run.stdout))
            for reader, runs in times.items():
                count, seconds, memory = map(statistics.median, zip(*runs, strict=True))
                print(f"{name:8} {reader:20} {int(count):10,} {seconds:8.2f} {memory:6.0f}")


if __name__ == "__main__":
    main()
