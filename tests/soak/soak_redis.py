"""Very many rows through Redis: late labels, drift, bad rows; flat memory, every row accounted for.

GROWLABELS_SOAK_ROWS sets how many; a million by default.
"""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.serve.feed import Feed

ROWS = int(os.environ.get("GROWLABELS_SOAK_ROWS", "1000000"))
PART = 5000


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
def test_a_long_stream_is_learned_in_bounded_memory(tmp_path: Path, redis_server: Any) -> None:
    import redis

    from growlabels.stream.serve.sources.redis_stream import RedisSource

    rng, client = random.Random(0), redis.Redis(port=redis_server.port)
    late: dict[int, list[bytes]] = {}
    sent = {"whole": 0, "late": 0, "bad": 0, "labels": 0}

    def add(begin: int) -> int:
        pipeline, count = client.pipeline(transaction=False), 0
        for i in range(begin, begin + PART):
            lines = late.pop(i, [])
            sent["labels"] += len(lines)
            x = {"a": rng.random(), "b": rng.random(), "c": rng.random()}
            high = x["a"] if (i // (ROWS // 4 + 1)) % 2 else x["b"]  # what decides changes
            y = ["hi" if high > 0.5 else "lo", *(["c"] if x["c"] > 0.8 else [])]
            chance = rng.random()
            if chance < 0.01:
                lines.append(b'{"x": {"a": "word"}}')
                sent["bad"] += 1
            elif chance < 0.3:
                lines.append(json.dumps({"id": i, "x": x}).encode())
                due = i + rng.randint(1, 1000)
                late.setdefault(due, []).append(json.dumps({"id": i, "y": y}).encode())
                sent["late"] += 1
            else:
                lines.append(json.dumps({"x": x, "y": y}).encode())
                sent["whole"] += 1
            for line in lines:
                pipeline.xadd("rows", {"row": line}, maxlen=20 * PART, approximate=True)
            count += len(lines)
        pipeline.execute()
        return count

    memory, total = [], 0
    total += add(0)
    source = RedisSource(f"redis://{redis_server.address}/0", "rows")
    with Feed(tmp_path, {"rows": source}, IHOMER, "10s") as feed:
        feed.open()
        for begin in range(PART, ROWS + PART, PART):
            while feed.stream.counts["rows"] < total:
                feed.step("rows", source)
            memory.append(resident())
            if begin < ROWS:
                total += add(begin)
        feed.checkpoint()
        counts, stream = feed.stream.counts, feed.stream
    assert counts["rows"] == total == sum(sent.values())
    assert counts["malformed"] == sent["bad"]
    assert counts["learned"] == sent["whole"] + sent["labels"]
    assert stream.awaited.count("rows") == sent["late"] - sent["labels"]
    assert stream.awaited.expired == {"rows": 0, "labels": 0}
    lines = (tmp_path / "predictions.jsonl").read_bytes().count(b"\n")
    assert lines == sent["whole"] + sent["late"]
    tail = memory[len(memory) // 10 :]
    assert max(tail) <= 1.05 * min(tail), (min(tail), max(tail))
    print(
        f"{total:,} rows, {counts['learned']:,} learned, {min(tail) >> 20} to {max(tail) >> 20} MB"
    )
