from pathlib import Path

import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.base.progress import silent
from growlabels.classes import Codebook
from growlabels.classes.cli.basis import Basis
from growlabels.cli import run_command


def test_prints_certificate_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(Basis(classes=1000, dim=64), silent)
    text = capsys.readouterr().out
    assert "kerdock, 1,000 unit vectors in 64 dimensions" in text
    assert "proved" in text
    assert "reason: dim = 64 is a power of four" in text
    assert "room: 2,112 classes" in text


def test_saves_codebook_and_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("growlabels.classes.cli.basis.PIECE", 64 * 30)
    run_command(Basis(classes=70, dim=64, out=tmp_path / "c", vectors=tmp_path / "v.npy"), silent)
    codebook = Codebook.load(tmp_path / "c")
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), codebook.vectors())


def test_vectors_for_which_the_disk_has_no_room_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--vectors would take 131,072\.0 GB, .* are free"):
        run_command(Basis(classes=500_000_000, dim=65_536, vectors=tmp_path / "v.npy"), silent)
    assert list(tmp_path.iterdir()) == []


def test_writes_a_report(tmp_path: Path) -> None:
    run_command(Basis(classes=70, dim=64, report=tmp_path / "r.html"), silent)
    assert "cross-polytope" in (tmp_path / "r.html").read_text("utf-8")


def test_bad_options_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--vectors must end in \.npy"):
        run_command(
            Basis(classes=70, dim=64, out=tmp_path / "c", vectors=tmp_path / "v.csv"), silent
        )
    with pytest.raises(UsageError, match=r"--report must end in \.html"):
        run_command(Basis(classes=70, dim=64, out=tmp_path / "c", report=tmp_path / "r"), silent)
    with pytest.raises(UsageError, match="capacity must be a whole number"):
        run_command(Basis(classes=0, out=tmp_path / "c"), silent)
    with pytest.raises(UsageError, match="--out must be in a folder that exists"):
        run_command(Basis(classes=70, dim=64, out=tmp_path / "no" / "c"), silent)
    with pytest.raises(UsageError, match=r"--out must be a file, it was .*; it is a folder"):
        run_command(Basis(classes=70, dim=64, out=tmp_path), silent)
    for wrong in ({"steps": -1}, {"seed": -1}):
        with pytest.raises(UsageError, match=r"(steps|seed) must be a whole number of at least"):
            run_command(Basis(classes=70, out=tmp_path / "c", **wrong), silent)
    assert list(tmp_path.iterdir()) == []
