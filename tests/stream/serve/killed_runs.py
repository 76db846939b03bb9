"""Runs that are killed at random moments, and what they leave."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from saved_models import contents

from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.serve.checkpoints import Checkpoints
from growlabels.stream.serve.feed import Feed
from growlabels.stream.serve.sources.growing_file import GrowingFile

ROWS = 600


def made_rows(count: int) -> list[dict[str, Any]]:
    """Rows with labels, rows whose labels come later, bad rows."""
    rng, rows, late = random.Random(1), [], []
    for i in range(count):
        x = {"a": rng.random(), "b": rng.random()}
        y = ["hi" if x["a"] > 0.5 else "lo", *(["b"] if x["b"] > 0.7 else [])]
        if i % 50 == 7:
            rows.append({"x": {"a": "word"}, "y": y})
        elif i % 3:
            rows.append({"x": x, "y": y})
        else:
            rows.append({"id": i, "x": x})
            late.append({"id": i, "y": y})
        if len(late) > 20:
            rows.append(late.pop(rng.randrange(len(late))))
    return rows


def write_rows(path: Path, count: int = ROWS) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in made_rows(count)))
    return path


def outcome(folder: Path) -> dict[str, Any]:
    """Everything that a finished run leaves, without times."""
    archive = next(iter(Checkpoints(folder / "checkpoints").numbered().values()))
    model = folder / "model-of-the-checkpoint.zip"

    def read(parts: Any) -> dict[str, Any]:
        parts.copy("model.zip", model)
        return {name: parts.read(name) for name in parts.names() if name != "model.zip"}

    found = Checkpoints(archive.parent).latest(read)
    lines = [(folder / name).read_bytes() for name in ("predictions.jsonl", "malformed.jsonl")]
    return {**found, "model": contents(model), "lines": lines}


def run_whole(folder: Path, path: Path) -> dict[str, Any]:
    folder.mkdir()
    with Feed(folder, {"rows": GrowingFile(path, follow=False)}, IHOMER) as feed:
        feed.open()
        feed.run()
        assert feed.stream.counts["rows"] == len(path.read_text().splitlines())
    return outcome(folder)


SCRIPT = """
import sys
from pathlib import Path
from growlabels.stream import IHOMER
from growlabels.stream.serve.feed import Feed
kind, address, folder, rows = sys.argv[1:]
if kind == "file":
    from growlabels.stream.serve.sources.growing_file import GrowingFile
    source = GrowingFile(address)
elif kind == "redis":
    from growlabels.stream.serve.sources.redis_stream import RedisSource
    source = RedisSource(f"redis://{address}/0", "rows")
else:
    from growlabels.stream.serve.sources.kafka import KafkaSource
    source = KafkaSource(address, "rows")
with Feed(Path(folder), {"rows": source}, IHOMER, "150 rows") as feed:
    feed.open()
    feed.on_row = lambda *_: feed.stop() if feed.stream.counts["rows"] == int(rows) else None
    if feed.stream.counts["rows"] < int(rows):
        feed.run()
"""


def run_killed(kind: str, address: str, folder: Path, rows: int, kills: int, seed: int) -> int:
    """Run in a process that is killed at random moments; return how often it was."""
    rng, killed = random.Random(seed), 0
    folder.mkdir()
    while True:
        command = [sys.executable, "-c", SCRIPT, kind, address, str(folder), str(rows)]
        process = subprocess.Popen(command, env={**os.environ})
        if killed < kills:
            _after_progress(folder, process, rng)
            process.send_signal(signal.SIGKILL)
        if process.wait(120) == 0:
            return killed
        assert process.returncode == -signal.SIGKILL
        killed += 1


def _after_progress(folder: Path, process: Any, rng: random.Random) -> None:
    """Wait until the run has gone on since the last kill, then for a random moment."""
    path = folder / "predictions.jsonl"
    before, deadline = path.stat().st_mtime_ns if path.exists() else 0, time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if path.exists() and path.stat().st_mtime_ns != before:
            break
        time.sleep(0.002)
    time.sleep(rng.random() * 0.1)


def same_but_positions(found: dict[str, Any], expected: dict[str, Any]) -> None:
    def stripped(outcome: dict[str, Any]) -> Any:
        lines = [
            [{k: v for k, v in json.loads(line).items() if k != "position"} for line in part]
            for part in (lines.splitlines() for lines in outcome["lines"])
        ]
        counts = json.loads(outcome["about.json"])["counts"]
        kept = {name: outcome[name] for name in ("scores.json", "model")}
        return {**kept, "lines": lines, "counts": counts}

    assert stripped(found) == stripped(expected)


def add_redis(server: Any, lines: list[bytes]) -> None:
    import redis

    pipeline = redis.Redis(port=server.port).pipeline()
    for line in lines:
        pipeline.xadd("rows", {"row": line})
    pipeline.execute()


def add_kafka(server: Any, lines: list[bytes]) -> None:
    import confluent_kafka
    from confluent_kafka import admin

    client = admin.AdminClient({"bootstrap.servers": server.address})
    client.create_topics([admin.NewTopic("rows", 1, 1)])["rows"].result(10)
    producer = confluent_kafka.Producer({"bootstrap.servers": server.address})
    for line in lines:
        producer.produce("rows", line)
    assert producer.flush(20) == 0
