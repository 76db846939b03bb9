"""A hundred kills at random moments: the model is the same to the bit, every row learned once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from killed_runs import (
    add_kafka,
    add_redis,
    outcome,
    run_killed,
    run_whole,
    same_but_positions,
    write_rows,
)

KILLS = {"file": 34, "redis": 33, "kafka": 33}
AT_A_TIME = 11
"""Kills of one run; a new one begins after them."""


@pytest.mark.parametrize("kind", KILLS)
def test_killed_runs_are_the_same(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = write_rows(tmp_path / "rows.jsonl", 4000)
    whole = run_whole(tmp_path / "whole", path)
    lines = path.read_bytes().splitlines()
    address = str(path)
    fill: dict[str, Callable[[Any, list[bytes]], None]] = {"redis": add_redis, "kafka": add_kafka}
    if kind in fill:
        server = request.getfixturevalue(f"{kind}_server")
        fill[kind](server, lines)
        address = server.address
    done = 0
    while done < KILLS[kind]:
        wanted = min(AT_A_TIME, KILLS[kind] - done)
        folder = tmp_path / f"run-{done}"
        killed = run_killed(kind, address, folder, len(lines), wanted, seed=done)
        assert killed, "the run ended before it could be killed"
        same_but_positions(outcome(folder), whole)
        done += killed
    print(f"{kind}: {done} kills, all the same")
