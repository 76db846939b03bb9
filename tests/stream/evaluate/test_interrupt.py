"""What a stopped live stream keeps: by signals to this process, and to a real command."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tyro

from growlabels.base.errors import DataError
from growlabels.base.progress import silent
from growlabels.base.runs import RunFolder
from growlabels.cli import run_command
from growlabels.stream.cli.commands import StreamCompare
from growlabels.stream.evaluate.baselines import MajorityLabels
from growlabels.stream.evaluate.interrupt import StoppedError, UntilStopped
from growlabels.stream.evaluate.prequential import prequential
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.array_rows import ArrayRows

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def test_rows_that_end_by_themselves_have_no_reason():
    before = signal.getsignal(signal.SIGINT)
    with UntilStopped([1, 2, None]) as rows:
        assert signal.getsignal(signal.SIGINT) is not before
        assert list(rows) == [1, 2, None]
    assert rows.reason is None and signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_waits_until_a_row_is_learned(number, code, capfd):
    learned = []
    with UntilStopped(range(5)) as rows:
        for row in rows:
            if row == 2:
                os.kill(os.getpid(), number)
            learned.append(row)
    assert learned == [0, 1, 2] and "stopping after the current rows" in capfd.readouterr().err
    assert isinstance(rows.reason, StoppedError) and rows.reason.exit_code == code


def test_a_second_signal_does_not_wait():
    with pytest.raises(KeyboardInterrupt), UntilStopped(range(5)) as rows:
        for _ in rows:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)


def test_arrays_end_after_the_current_chunk():
    class Stopped(MajorityLabels):
        def prequential_many(self, X, Y):
            os.kill(os.getpid(), signal.SIGINT)
            return Y.array

        labels_ = ("l",)

    rows = ArrayRows(np.zeros((250, 1)), np.ones((250, 1)), ["a"], ["l"])
    with UntilStopped(rows) as watched:
        scores = prequential(Stopped(), watched)
    assert scores.n_rows == 100 and isinstance(watched.reason, StoppedError)


def test_a_signal_ends_the_wait_for_a_row():
    def awaited():
        yield 0
        os.kill(os.getpid(), signal.SIGINT)
        yield 1

    with UntilStopped(awaited()) as rows:
        assert list(rows) == [0]
    assert isinstance(rows.reason, StoppedError)


def test_a_row_that_cannot_be_read_ends_the_rows_and_is_the_reason():
    def bad():
        yield 0
        raise DataError("line 2: bad")

    with UntilStopped(bad()) as rows:
        assert list(rows) == [0]
    assert isinstance(rows.reason, DataError)


def test_another_thread_reads_without_signals():
    found = []

    def read():
        with UntilStopped([1, 2]) as rows:
            found.extend(rows)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert found == [1, 2]


def live(folder: Path, *extra: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "growlabels", "stream", "run", "-", "--every", "10"]
    process = subprocess.Popen(
        [*command, *extra], cwd=folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdin is not None
    for i in range(40):
        row = {"x": {"a": i % 2}, "y": ["odd"] if i % 2 else ["even"]}
        process.stdin.write(json.dumps(row).encode() + b"\n")
    process.stdin.flush()
    return process


def begun(process: subprocess.Popen) -> None:
    """Wait until the progress on standard error speaks of rows."""
    assert process.stderr is not None
    assert any(line.startswith(b"stream: ") for line in process.stderr)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_keeps_a_live_run(tmp_path, number, code):
    process = live(tmp_path, "--out", "run", "--delay", "3")
    begun(process)
    process.send_signal(number)
    out, err = process.communicate(timeout=900)
    assert process.returncode == code and b"Traceback" not in err
    last = err.decode().splitlines()[-1]
    folder = RunFolder.read(tmp_path / "run", "stream run")
    scores = json.loads(folder.file("scores.json").read_text())["scores"]
    learned = scores["iHOMER"]["n_rows"]
    assert 10 <= learned <= 40 and "iHOMER" in out.decode()
    kept = f"the {learned} rows before are in 'run', and IHOMER.load('run/model.zip') continues"
    assert last == f"growlabels: stopped; {kept} from there"
    assert folder.finished and folder.file("report.html") and folder.file("metrics.jsonl")
    model = IHOMER.load(folder.file("model.zip"))
    assert model.n_rows == learned and model.predict_one({"a": 1}) == {"even": False, "odd": True}


def test_a_bad_row_keeps_a_live_run(tmp_path):
    process = live(tmp_path, "--out", "run")
    _, err = process.communicate(b"{bad\n", timeout=900)
    last = err.decode().splitlines()[-1]
    assert process.returncode == 1 and "line 41" in last
    assert "; the 40 rows before are in 'run', and IHOMER.load('run/model.zip') continues" in last
    assert IHOMER.load(tmp_path / "run" / "model.zip").n_rows == 40


def test_without_a_folder_the_scores_are_printed(tmp_path):
    process = live(tmp_path, "--model", "majority")
    begun(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=900)
    assert process.returncode == 130 and b"majority set" in out
    last = err.decode().splitlines()[-1]
    assert last.startswith("growlabels: stopped; the ")
    assert last.endswith(" rows before were scored; without --out nothing is written")
    assert list(tmp_path.iterdir()) == []


def test_two_models_on_a_live_stream_keep_the_same_rows(tmp_path, monkeypatch, capsys):
    class Input(io.BytesIO):
        def read1(self, *size):
            line = super().read1(*size)
            if not line:  # somebody presses Ctrl-C while the next row is awaited
                os.kill(os.getpid(), signal.SIGINT)
            return line

    rows = b'{"x": {"a": 1}, "y": ["l"]}\n' * 12
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=Input(rows)))
    models = ["--models", "majority,br-logistic", "--out", str(tmp_path / "run")]
    with pytest.raises(StoppedError, match=r"stopped; the 12 rows before are in '.*run'$"):
        run_command(tyro.cli(StreamCompare, args=["-", *models]), silent)
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())["scores"]
    assert [figures["n_rows"] for figures in scores.values()] == [12, 12]
    assert "BR logistic" in capsys.readouterr().out
