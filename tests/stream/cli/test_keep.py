"""``growlabels stream run`` goes on where it was ended, to the bit."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_models import contents

from growlabels.base.progress import silent
from growlabels.stream.cli import keep
from growlabels.stream.cli.commands import StreamRun
from growlabels.stream.cli.run import run
from growlabels.stream.evaluate.baselines import MajorityLabels

ROWS = 2300


class KilledError(BaseException):
    """Ends a run as kill -9 does: nothing is written after it."""


def write_json(path: Path) -> Path:
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        for number in range(ROWS):
            a, b = rng.random(2).round(4).tolist()
            y = ["hi" if a > 0.5 else "lo", *(["b"] if b > 0.7 else [])]
            if number % 100 == 7:
                file.write("{broken\n")
            file.write(json.dumps({"x": {"a": a, "b": b}, "y": y}) + "\n")
    return path


def write_csv(path: Path) -> Path:
    rng = np.random.default_rng(0)
    lines = ["a,b,hi,lo"]
    for a, b in rng.random((ROWS, 2)).round(4).tolist():
        lines.append(f"{a},{b},{int(a > 0.5)},{int(b > 0.5)}")
    path.write_text("\n".join(lines) + "\n")
    return path


def outcome(folder: Path) -> dict[str, Any]:
    """What a run leaves, without times."""
    scores = json.loads((folder / "scores.json").read_text())
    for figures in scores["scores"].values():
        del figures["rows_per_second"]
    curve = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for point in curve:
        del point["seconds"]
    kept = [(folder / name).read_text() for name in ("events.jsonl", "malformed.jsonl")]
    return {"model": contents(folder / "model.zip"), "scores": scores, "curve": curve, "kept": kept}


def killed_after(monkeypatch: pytest.MonkeyPatch, checkpoints: int) -> Any:
    """End the run at the row after that many checkpoints."""
    count = 0
    write = keep.Keeper.write

    def counted(self: keep.Keeper) -> None:
        nonlocal count
        if count == checkpoints:
            raise KilledError
        write(self)
        count += 1

    return monkeypatch.setattr(keep.Keeper, "write", counted)


FILES: list[tuple[str, Callable[[Path], Path], dict[str, Any]]] = [
    ("rows.jsonl", write_json, {"on_error": "skip"}),
    ("rows.jsonl", write_json, {"on_error": "skip", "delay": 40, "precision_at": "1,2"}),
    ("rows.csv", write_csv, {"labels": "2"}),
    ("rows.csv", write_csv, {"labels": "2", "shuffle": True, "model": "paper"}),
]


@pytest.mark.parametrize(("name", "write", "options"), FILES)
def test_a_run_over_a_file_that_was_killed_goes_on(
    name: str,
    write: Callable[[Path], Path],
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write(tmp_path / name)
    options = {"every": 150, "checkpoint_every": "400 rows", **options}
    options["predictions"] = tmp_path / "whole.jsonl"
    run(StreamRun(path, out=tmp_path / "whole", **options), silent)
    options["predictions"] = tmp_path / "run.jsonl"
    assert not (tmp_path / "whole" / keep.FOLDER).exists()
    for checkpoints in (1, 2):
        with monkeypatch.context() as patch:
            killed_after(patch, checkpoints)
            with pytest.raises(KilledError):
                run(StreamRun(path, out=tmp_path / "run", **options), silent)
    assert "continues after 4" in capsys.readouterr().err
    run(StreamRun(path, out=tmp_path / "run", **options), silent)
    assert "continues after 1" in capsys.readouterr().err
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")
    written = (tmp_path / "run.jsonl").read_bytes()
    assert written == (tmp_path / "whole.jsonl").read_bytes()
    assert [json.loads(line)["row"] for line in written.splitlines()] == [*range(1, ROWS + 1)]
    assert not (tmp_path / "run" / keep.FOLDER).exists()


def test_other_settings_begin_anew_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(tmp_path / "rows.csv")
    options: dict[str, Any] = {"labels": "2", "checkpoint_every": "400 rows"}
    with monkeypatch.context() as patch:
        killed_after(patch, 1)
        with pytest.raises(KilledError):
            run(StreamRun(path, out=tmp_path / "run", **options), silent)
    run(StreamRun(path, out=tmp_path / "run", window=200, **options), silent)
    assert (
        "had other settings or inputs; this run starts at the first row" in capsys.readouterr().err
    )
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())["scores"]
    assert scores["iHOMER"]["n_rows"] == ROWS


def test_models_that_cannot_be_kept_have_no_checkpoint(tmp_path: Path) -> None:
    assert not keep.Keeper.can_keep({"m": MajorityLabels(), "other": object()})
    path = write_csv(tmp_path / "rows.csv")
    run(StreamRun(path, "2", model="majority", out=tmp_path / "run"), silent)
    assert (tmp_path / "run" / "scores.json").exists()


COMMAND = [sys.executable, "-m", "growlabels", "stream", "run"]


def stopped(arguments: list[str], folder: Path, number: int, stdin: Any = None) -> str:
    """Run in a process until its second checkpoint, then send a signal."""
    process = subprocess.Popen(
        [*COMMAND, *arguments, "--out", str(folder), "--checkpoint-every", "300"],
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    while process.poll() is None:
        if (folder / keep.FOLDER / "checkpoint-000000002.zip").exists():
            process.send_signal(number)
            break
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    process.wait(120)
    return said


@pytest.mark.slow
def test_standard_input_that_is_piped_in_again_goes_on(tmp_path: Path) -> None:
    path = write_json(tmp_path / "rows.jsonl")
    skip = ["-", "--on-error", "skip"]
    whole = [*COMMAND, *skip, "--out", str(tmp_path / "whole")]
    with path.open("rb") as file:
        subprocess.run(whole, stdin=file, capture_output=True, check=True, timeout=300)
    with path.open("rb") as file:
        stopped(skip, tmp_path / "run", signal.SIGKILL, file)
    again = [*COMMAND, *skip, "--out", str(tmp_path / "run"), "--checkpoint-every", "300"]
    with path.open("rb") as file:
        done = subprocess.run(again, stdin=file, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "standard input starts with the same rows" in done.stderr
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_standard_input_with_other_rows_is_learned_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [({"a": float(i)}, {"t": True}) for i in range(300)]
    before = keep._Prints()
    assert list(before.after(iter(rows[:250]), {"rows": 0})) == rows[:250]
    state = before.to_json()
    assert list(keep._Prints().after(iter(rows), state)) == rows[250:]
    other = rows[::-1]
    assert list(keep._Prints().after(iter(other), state)) == other
    assert "starts with other rows than before" in capsys.readouterr().err
