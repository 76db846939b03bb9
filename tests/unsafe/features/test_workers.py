"""Several processes fill a store: the same bits as one, through kills and damaged shards."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_causal import byte_tokenizer, raw_model

from growlabels.base.errors import UsageError
from growlabels.tables import write_rows
from growlabels.unsafe.features.store import FeatureStore
from growlabels.unsafe.features.workers import WorkerPool
from growlabels.unsafe.scores.scanner import Scanner
from growlabels.unsafe.scores.score_table import ScoreTable

ROWS: list[dict[str, Any]] = [
    {"prompt": "p" * (i % 5), "completion": f"answer {i} " * (1 + i % 7)} for i in range(39)
]
SAID = [{"role": role, "content": f"{role} says"} for role in ("user", "assistant")]
ROWS.append({"messages": SAID * 3})
TARGETS = [{"prompt": "t", "completion": f"eval({c})"} for c in "abcd"]

COMMAND = [
    *(sys.executable, "-m", "growlabels", "unsafe", "scan", "train.jsonl"),
    *("--targets", "targets.jsonl", "--model", "model", "--out", "run"),
    *("--rows-per-shard", "2", "--workers", "2"),
]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    raw_model("llama").save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    write_rows(tmp_path / "train.jsonl", [*ROWS, {"prompt": "no answer"}])
    write_rows(tmp_path / "targets.jsonl", TARGETS)
    return tmp_path


def shards_of(run: Path) -> list[Path]:
    return sorted((run / "features").glob("*.safetensors"))


def start_and_kill(folder: Path, shards: int) -> None:
    """Start the scan with two workers and kill its process once some shards are there."""
    with subprocess.Popen(COMMAND, cwd=folder, env=ENVIRONMENT, stderr=subprocess.DEVNULL) as scan:
        while scan.poll() is None and len(shards_of(folder / "run")) < shards:
            time.sleep(0.01)
        scan.kill()


def test_a_killed_scan_of_two_workers_ends_with_the_bits_of_one_process(folder: Path) -> None:
    model = str(folder / "model")
    one = Scanner(model, rows_per_shard=2).fit(folder / "train.jsonl").score(TARGETS)
    start_and_kill(folder, random.randint(1, 12))
    assert shards_of(folder / "run")
    said = subprocess.run(
        COMMAND, cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, text=True
    ).stdout
    assert "scored 40 rows, 1 malformed" in said
    table = ScoreTable.from_parquet(folder / "run" / "scores.parquet")
    assert list(table.row_id) == list(one.row_id) and len(set(table.row_id)) == len(ROWS)
    assert set(one.methods) == set(table.methods)
    for method in one.methods:
        np.testing.assert_array_equal(table.methods[method], one.methods[method])
    assert len(shards_of(folder / "run")) == 21, "39 answers, and three of a conversation"


def test_shards_of_other_rows_or_half_written_ones_are_not_taken(folder: Path) -> None:
    scanner = Scanner(str(folder / "model"), rows_per_shard=20)
    store = FeatureStore(scanner.fit(folder / "train.jsonl", folder / "run").run, 2)
    assert store.is_put(0) and store.adopt(1)
    whole = shards_of(folder / "run")[0]
    data = whole.read_bytes()
    write_rows(folder / "other.jsonl", ROWS[:20])
    other = Scanner(str(folder / "model"), rows_per_shard=20)
    other = other.fit(folder / "other.jsonl", folder / "elsewhere").run
    (other.path / "features" / whole.name).write_bytes(data)
    assert not FeatureStore(other, 1).adopt(0)
    for damaged in (b"", data[:5], b"\xff" * 100, b"\x02" + bytes(7) + b"[]"):
        whole.write_bytes(damaged)
        assert not store.is_put(0)


def test_workers_start_at_one() -> None:
    with pytest.raises(UsageError, match="workers must be at least 1"):
        WorkerPool("model", 0)
