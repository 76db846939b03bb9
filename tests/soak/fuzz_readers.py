"""Feed mutated files of every kind to every reader; run by ``make soak``, not by the tests.

Nothing but an error of the library may come out, and no row may be unaccounted for: rows written
back, rows kept and rows set aside agree, and an untouched file loses none. Inputs are made here;
where ``GROWLABELS_DATA`` names the mirror, its files are mutated too. The seeds are fixed.
"""

import argparse
import bz2
import gzip
import io
import json
import lzma
import os
import random
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow
from pyarrow import ipc, parquet

from growlabels.base.errors import GrowLabelsError
from growlabels.tables import Row, open_table, read_arff, writer_like

WORDS = [
    "a",
    "",
    "ü",
    "日本",
    '"',
    "x,y",
    "1",
    "-0,5",
    "1e400",
    "nan",
    "null",
    "\u2028",
    "\x00",
    "\ud7ff",
]
SPECIAL = [b"\n", b"\r", b'"', b",", b";", b"\t", b"|", b"{", b"}", b"[", b"]", b":", b"\\"]
SPECIAL += [b"\x00", b"\xff", b"\xe9", b"\xef\xbb\xbf", b"\xff\xfe", b"1e999", b"9" * 400, b"@"]
SPECIAL += [b"%", b"'", b"?", b"\x80" * 8, b"NaN", b"-", b" "]
ARFF = "@relation 'r: -C 1'\n@attribute l {0,1}\n@attribute v real\n@attribute s string\n@data\n"


def made(rng: random.Random) -> dict[str, bytes]:
    """Make one sound file of each kind."""
    rows = [
        {"a": rng.choice(WORDS), "b": rng.randint(-9, 9), "tags": rng.sample(WORDS, 2)}
        for _ in range(rng.randint(0, 12))
    ]
    lines = "".join(json.dumps(row, ensure_ascii=rng.random() < 0.5) + "\n" for row in rows)
    cells = "a;b\r\n" + "".join(f'"{row["a"]}";{row["b"]}\r\n' for row in rows).replace(
        '"""', '""""'
    )
    table = pyarrow.Table.from_pylist(
        [dict(row, tags=None) for row in rows] or [{"a": "x", "b": 1}]
    )
    table = table.replace_schema_metadata({"huggingface": '{"info": {"features": {}}}', "k": "ü"})
    found = {
        "r.jsonl": lines.encode(),
        "r.json": json.dumps(rows, indent=rng.choice([None, 1])).encode(),
        "r.csv": cells.encode(),
        "r.tsv": cells.replace(";", "\t").encode("utf-8"),
        "r.txt": f"{len(rows)} 9 9\n".encode() + b"".join(b"1,2 3:.5 4:1e3\n" for _ in rows),
        "r.arff": (ARFF + "".join(f"{i % 2},{i}.5,'it, is'\n" for i in range(len(rows)))).encode(),
        "s.arff": (ARFF + "".join(f"{{0 {i % 2},1 {i}}}\n" for i in range(len(rows)))).encode(),
    }
    sinks = {"r.parquet": io.BytesIO(), "r.arrow": io.BytesIO(), "s.arrow": io.BytesIO()}
    parquet.write_table(table, sinks["r.parquet"], compression=rng.choice(["snappy", "none"]))
    with ipc.new_file(sinks["r.arrow"], table.schema) as writer:
        writer.write_table(table)
    with ipc.new_stream(sinks["s.arrow"], table.schema) as writer:
        writer.write_table(table)
    found |= {name: sink.getvalue() for name, sink in sinks.items()}
    for name, pack in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)):
        inner = rng.choice(["r.jsonl", "r.csv", "r.parquet"])
        found[inner + name] = pack(found[inner])
    return found


def mirrored(root: Path) -> dict[str, bytes]:
    """Return heads of the mirror's files; a file that is packed is unpacked."""
    found = {}
    for path in sorted(root.rglob("*.gz")):
        with gzip.open(path) as file:
            found[path.name.removesuffix(".gz")] = file.read(20_000)
    return {name: data for name, data in found.items() if name.rpartition(".")[2] != "xml"}


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return bytes with a few changes."""
    changed = bytearray(data)
    for _ in range(rng.choice([0, 1, 1, 2, 3, 8])):
        place = rng.randrange(len(changed) + 1)
        match rng.randrange(6):
            case 0:
                changed[place : place + rng.randint(1, 9)] = b""
            case 1:
                changed[place:place] = rng.choice(SPECIAL)
            case 2:
                changed[place : place + 1] = bytes([rng.randrange(256)])
            case 3:
                changed[place:] = b""
            case 4:
                end = place + rng.randint(1, 60)
                changed[place:place] = changed[place:end]
            case 5:
                changed[place : place + 4] = rng.randbytes(4)
    return bytes(changed)


def check(name: str, data: bytes, folder: Path, rng: random.Random) -> str:
    """Read one input, write it back, read that again; return how it ended."""
    path = folder / name
    path.write_bytes(data)
    aside = []
    piped = rng.random() < 0.2
    options = {"encoding": rng.choice(["utf-8"] * 8 + ["cp1252", "utf-16", "gb18030"])}
    try:
        table = open_table(io.BytesIO(data) if piped else path, set_aside=aside.append, **options)
        out = folder / f"kept{table.ending}"
        rows: list[Row] = []
        with writer_like(table, out) as writer:
            for row in table:
                rows.append(row)
                writer.write(row)
        assert (table.kept, table.aside) == (len(rows), len(aside)), "a row is unaccounted for"
        numbers = [row.number for row in rows] + [row.number for row in aside]
        assert len(set(numbers)) == len(numbers), "two rows have one number"
        again = open_table(out, format=table.format, **options)
        assert [repr(row.data) for row in again] == [repr(row.data) for row in rows], "rows changed"
        if table.format == "arff":
            read_arff(path, 1, lambda row: None, ["s"])
    except GrowLabelsError:
        return "error"
    return "rows" if rows else "nothing"


def inputs(seed: int) -> Iterator[tuple[str, bytes, random.Random]]:
    """Yield inputs without end."""
    rng = random.Random(seed)
    root = os.environ.get("GROWLABELS_DATA")
    real = mirrored(Path(root)) if root else {}
    while True:
        files = made(rng)
        if real:
            name = rng.choice(list(real))
            files[name] = real[name]
        for name, data in files.items():
            yield name, mutated(data, rng), rng


def main() -> None:
    """Feed inputs and report what broke out; exits with 1 where anything did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for inputs that broke out")
    options = parser.parse_args()
    ends: Counter[str] = Counter()
    escapes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for place, (name, data, rng) in enumerate(inputs(options.seed)):
            if place == options.inputs:
                break
            try:
                ends[check(name, data, Path(folder), rng)] += 1
            except Exception as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                what = (
                    f"{name}: {type(error).__name__}: {error!s:.90} ({last.filename}:{last.lineno})"
                )
                escapes[what.replace(folder, "")] += 1
                if options.keep:
                    (options.keep / f"{place}-{name}").write_bytes(data)
    print(f"{sum(ends.values()) + sum(escapes.values()):,} inputs, {dict(ends)}")
    print(f"{sum(escapes.values())} escapes")
    for what, count in escapes.most_common(20):
        print(f"  {count} x {what}")
    sys.exit(bool(escapes))


if __name__ == "__main__":
    main()
