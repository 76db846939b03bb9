"""A run in a folder: the same after any kill, from a file, Redis and Kafka."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from killed_runs import (
    add_kafka,
    add_redis,
    made_rows,
    outcome,
    run_killed,
    run_whole,
    same_but_positions,
    write_rows,
)

from growlabels.base.errors import GrowLabelsError, RunError
from growlabels.stream import IHOMER
from growlabels.stream.cli.saved import saved_model
from growlabels.stream.serve.checkpoints import Checkpoints
from growlabels.stream.serve.feed import Feed
from growlabels.stream.serve.live import LiveStream
from growlabels.stream.serve.sources.growing_file import GrowingFile
from growlabels.stream.serve.sources.iterator import IteratorSource

ROWS = 600


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


def test_the_state_is_read_back_by_another_process(tmp_path: Path) -> None:
    with Feed(tmp_path, {"rows": IteratorSource(made_rows(90))}, IHOMER) as feed:
        feed.run()
        stream = feed.stream
    again = Checkpoints(tmp_path / "checkpoints").latest(LiveStream.load)
    assert again.counts == stream.counts and again.model.n_rows == stream.model.n_rows


def test_the_model_of_a_served_run_is_that_of_its_last_checkpoint(tmp_path: Path) -> None:
    IHOMER().save(tmp_path / "model.zip")
    with Feed(tmp_path, {"rows": IteratorSource(made_rows(90))}, IHOMER) as feed:
        feed.run()
        learned = feed.stream.model.n_rows
    assert saved_model(tmp_path).n_rows == learned
