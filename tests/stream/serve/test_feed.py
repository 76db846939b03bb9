"""A run in a folder: the same after any kill, from a file, Redis and Kafka."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from saved_models import contents

from growlabels.base.errors import GrowLabelsError, RunError
from growlabels.stream import IHOMER
from growlabels.stream.serve.checkpoints import Checkpoints
from growlabels.stream.serve.feed import Feed
from growlabels.stream.serve.live import LiveStream
from growlabels.stream.serve.sources.growing_file import GrowingFile
from growlabels.stream.serve.sources.iterator import IteratorSource

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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("whole")
    path = write_rows(folder / "rows.jsonl")
    return path, run_whole(folder / "run", path)


def test_every_row_has_its_prediction_or_its_reason(whole: tuple[Path, dict[str, Any]]) -> None:
    path, found = whole
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    predicted, bad = ([json.loads(line) for line in lines.splitlines()] for lines in found["lines"])
    assert len(bad) == 12 and len(predicted) == sum("x" in row for row in rows) - 12
    places = [one["position"]["byte"] for one in predicted]
    assert places == sorted(set(places))
    assert all("must be" in one["reason"] for one in bad)
    counts = json.loads(found["about.json"])["counts"]
    assert counts["learned"] + 21 >= len(predicted) > counts["learned"] > 500


def test_a_run_that_is_stopped_and_begun_again_is_the_same(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, found = whole
    for stops in ([0, 1, 300], [599]):
        folder = tmp_path / f"run-{len(stops)}"
        folder.mkdir()
        for stop in [*stops, 10**9]:
            source = GrowingFile(path, follow=False)
            feed = Feed(folder, {"rows": source}, IHOMER, "37 rows")
            count = iter(range(10**9))

            def on_row(*_: Any, stop: int = stop, feed: Feed = feed, count: Any = count) -> None:
                if next(count) == stop:
                    feed.stop()

            feed.on_row = on_row
            with feed:
                feed.open()
                feed.run()
        assert outcome(folder) == found


def test_a_second_run_in_the_folder_is_refused(tmp_path: Path) -> None:
    with (
        Feed(tmp_path, {"rows": IteratorSource([])}, IHOMER),
        pytest.raises(RunError, match="another run is at work in"),
    ):
        Feed(tmp_path, {}, IHOMER)
    Feed(tmp_path, {}, IHOMER).close()


def test_predictions_that_were_cut_are_not_gone_on_with(tmp_path: Path) -> None:
    rows = made_rows(30)
    with Feed(tmp_path, {"rows": IteratorSource(rows)}, IHOMER) as feed:
        feed.run()
    (tmp_path / "predictions.jsonl").write_text("")
    with pytest.raises(RunError, match=r"predictions.jsonl' has 0 bytes, and the checkpoint"):
        Feed(tmp_path, {"rows": IteratorSource(rows)}, IHOMER)


def test_a_checkpoint_that_cannot_be_written_is_said_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails = [True, True, False]

    def write(self: Checkpoints, parts: Any) -> None:
        if fails and fails.pop(0):
            raise GrowLabelsError("cannot write 'c': No space left on device; free some space")

    monkeypatch.setattr(Checkpoints, "write", write)
    with Feed(tmp_path, {"rows": IteratorSource(made_rows(40))}, IHOMER, "10") as feed:
        feed.run()
        assert feed.trouble == "" and feed.stream.counts["rows"] == 40
    assert capsys.readouterr().err == (
        "growlabels: no checkpoint was written, the one before it stays: cannot write 'c': No "
        "space left on device; free some space\n"
    )


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


@pytest.mark.slow
def test_a_run_over_a_file_that_is_killed_is_the_same(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, found = whole
    rows = len(path.read_text().splitlines())
    assert run_killed("file", str(path), tmp_path / "run", rows, 3, seed=0)
    same_but_positions(outcome(tmp_path / "run"), found)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["redis", "kafka"])
def test_a_run_over_a_broker_that_is_killed_is_the_same(
    kind: str, whole: tuple[Path, dict[str, Any]], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path, found = whole
    server = request.getfixturevalue(f"{kind}_server")
    lines = path.read_bytes().splitlines()
    fill: dict[str, Callable[[Any, list[bytes]], None]] = {"redis": add_redis, "kafka": add_kafka}
    fill[kind](server, lines)
    assert run_killed(kind, server.address, tmp_path / "run", len(lines), 2, seed=1)
    same_but_positions(outcome(tmp_path / "run"), found)


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


def test_the_state_is_read_back_by_another_process(tmp_path: Path) -> None:
    with Feed(tmp_path, {"rows": IteratorSource(made_rows(90))}, IHOMER) as feed:
        feed.run()
        stream = feed.stream
    again = Checkpoints(tmp_path / "checkpoints").latest(LiveStream.load)
    assert again.counts == stream.counts and again.model.n_rows == stream.model.n_rows
