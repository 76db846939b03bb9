"""Whether a change keeps every figure: SHA-256 of what the three systems compute, an item a line.

Run it before and after a change, on one machine and with one set of packages, and compare. It uses
the public names and the command line only, so it also runs where the files inside have moved.

* ``stream``: each set of the mirror as it is read; the predictions, probabilities, events,
  hierarchy and saved file of IHOMER with both presets on all rows (of the three largest sets the
  paper's preset learns the first ones only, ``PAPER_ROWS``); the label tree, every clusterer,
  rows as dicts, and one run folder;
* ``classes``: vectors and file of every kind of codebook; losses, gradients, logits and top-5 of
  every head and loss with each of them; the classifier on texts, tables and images with the files
  that it saves; one run folder;
* ``unsafe``: the scores of a scan by every method with two tiny causal models, and by the methods
  that need forward passes only with SmolLM2-135M; retraining, generation, adapter files, one run
  folder.

Sentences for people, times and versions of packages are left out of what is hashed. With
``--against`` the exit status is 1 where an item differs from the lines of an earlier run.

    GROWLABELS_DATA=... python benchmarks/same_bits.py [--only PREFIX ...] [--against FILE]
"""

import argparse
import hashlib
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from same_bits_items import all_items
from scipy import sparse

THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def pieces(value: Any) -> Iterator[bytes]:
    """Yield bytes that two values share only if they are equal to the bit."""
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    if sparse.issparse(value):
        value = sparse.csr_array(value)
        value = ["csr", value.shape, value.indptr, value.indices, value.data]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray) and value.dtype != object:
        yield f"array {value.dtype.str} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, float):
        yield f"float {value.hex()}".encode()
    elif isinstance(value, bytes | str | int | None):
        yield f"{type(value).__name__} {value!r}".encode()
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}".encode()
        for key, part in value.items():
            yield from pieces(key)
            yield from pieces(part)
    elif is_dataclass(value):
        yield from pieces({f.name: getattr(value, f.name) for f in fields(value)})
    elif isinstance(value, Path):
        yield from pieces(value.read_bytes())
    else:
        parts = list(value)
        yield f"sequence {len(parts)}".encode()
        for part in parts:
            yield from pieces(part)


def digest(value: object) -> str:
    """Return the SHA-256 of a value: arrays, tensors, numbers, texts, and what holds them."""
    found = hashlib.sha256()
    for piece in pieces(value):
        found.update(len(piece).to_bytes(8, "little") + piece)
    return found.hexdigest()


def compared(found: Mapping[str, str], path: Path, only: tuple[str, ...]) -> list[str]:
    """Return a sentence for every item that is not as in a file."""
    lines = [line.rsplit(" ", 1) for line in path.read_text("utf-8").splitlines()]
    before = {name: value for name, value in lines if name.startswith(only)}
    return [
        f"{name}: {'differs' if name in found and name in before else 'is in one of the two only'}"
        for name in dict.fromkeys([*before, *found])
        if before.get(name) != found.get(name)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", default=[""], metavar="PREFIX", help="such as stream")
    parser.add_argument("--against", type=Path, metavar="FILE", help="what an earlier run printed")
    options = parser.parse_args()
    if not THREADS.items() <= os.environ.items():  # a sum over threads has no fixed order
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | THREADS)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    only = tuple(options.only)
    found: dict[str, str] = {}
    spent: dict[str, float] = {}
    for name, make in all_items():
        if name.startswith(only):
            began = time.process_time()
            try:
                found[name] = digest(make())
            except Exception as error:
                found[name] = f"failed:{type(error).__name__}"
                print(f"{name}: {error}", file=sys.stderr)
            spent[name] = time.process_time() - began
            print(f"{name} {found[name]}", flush=True)
    slowest = sorted(spent, key=lambda name: -spent[name])[:5]
    print(
        f"{len(found)} items, {sum(spent.values()):.0f} CPU seconds in this process; most: "
        + ", ".join(f"{name} {spent[name]:.1f}" for name in slowest),
        file=sys.stderr,
    )
    wrong = [name for name, value in found.items() if value.startswith("failed")]
    if options.against is not None:
        wrong += (differences := compared(found, options.against, only))
        print(f"{len(differences)} differences from {options.against}", *differences, sep="\n",
              file=sys.stderr)  # fmt: skip
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
