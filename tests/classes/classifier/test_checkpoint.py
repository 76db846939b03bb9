"""Training that is killed goes on and gives the same weights to the bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from growlabels.base.errors import RunError
from growlabels.classes import EBVClassifier
from growlabels.classes.classifier.checkpoint import TrainingCheckpoint

SCRIPT = """
import os, sys, signal
import numpy as np
from growlabels.classes import EBVClassifier
from growlabels.classes.classifier.checkpoint import TrainingCheckpoint
from growlabels.classes.classifier import training

path, out, kill_after = sys.argv[1], sys.argv[2], int(sys.argv[3])
random = np.random.default_rng(0)
X, y = random.normal(size=(60, 1, 9, 9)), np.arange(60) % 3
done = 0
def progress(stage, step, total=None):
    global done
    done += 1
    if done == kill_after:
        os.kill(os.getpid(), signal.SIGKILL)
model = EBVClassifier(epochs=6, dim=16, hidden=8, augmentation=0.1)
model.fit(X, y, progress=progress, checkpoint=TrainingCheckpoint(path, every=0))
model.save(out)
"""


def run(folder: Path, out: str, kill_after: int) -> int:
    command = [sys.executable, "-c", SCRIPT, str(folder / "state.pt"), str(folder / out)]
    return subprocess.run([*command, str(kill_after)], env=os.environ, check=False).returncode


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_fit_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    assert run(tmp_path, "whole", -1) == 0
    (tmp_path / "state.pt").unlink()
    assert run(tmp_path, "resumed", 13) == -signal.SIGKILL  # in the fifth of six epochs
    assert (tmp_path / "state.pt").is_file()
    assert run(tmp_path, "resumed", -1) == 0
    one, other = (tmp_path / name / "weights.safetensors" for name in ("whole", "resumed"))
    assert one.read_bytes() == other.read_bytes()


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    model = EBVClassifier(epochs=2, dim=16, hidden=8)
    X, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3
    model.fit(X, y, checkpoint=TrainingCheckpoint(path, every=0))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match="delete it to train from the start"):
        model.fit(X, y, checkpoint=TrainingCheckpoint(path))
    path.write_bytes(whole)
    with pytest.raises(RunError, match="damaged or of another model"):
        EBVClassifier(epochs=2, dim=16, hidden=9).fit(X, y, checkpoint=TrainingCheckpoint(path))


def test_no_code_of_a_checkpoint_is_run(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    torch.save({"trunk": TrainingCheckpoint(path)}, path)
    with pytest.raises(RunError, match="UnpicklingError"):
        EBVClassifier(epochs=1, dim=16).fit(
            np.eye(6), np.arange(6) % 2, checkpoint=TrainingCheckpoint(path)
        )


def test_early_stopping_goes_on_to_the_same_end(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 4)), random.integers(0, 3, 60)
    settings: dict = {"epochs": 40, "dim": 16, "hidden": 8, "patience": 2}
    whole = EBVClassifier(**settings).fit(X, y)
    assert 3 <= len(whole.losses_) < 40
    path = tmp_path / "state.pt"

    def end(stage: str, step: int, total: int | None = None) -> None:
        if path.is_file() and step > 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoint = TrainingCheckpoint(path, every=0)
        EBVClassifier(**settings).fit(X, y, progress=end, checkpoint=checkpoint)
    for _ in range(2):  # the second time training had ended
        checkpoint = TrainingCheckpoint(path, every=0)
        resumed = EBVClassifier(**settings).fit(X, y, checkpoint=checkpoint)
        assert resumed.losses_ == whole.losses_
        assert np.array_equal(resumed.predict_proba(X), whole.predict_proba(X))


def test_epochs_in_quick_succession_are_not_all_written(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    model = EBVClassifier(epochs=3, dim=16, hidden=8)
    checkpoint = TrainingCheckpoint(path, every=1e6)
    model.fit(np.eye(6), np.arange(6) % 2, checkpoint=checkpoint)
    assert not path.exists()
    checkpoint.delete()
