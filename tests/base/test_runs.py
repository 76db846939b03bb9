"""A run folder knows which of its files are whole, and refuses what does not fit."""

import json
from pathlib import Path

import pytest

from growlabels.base.errors import GrowLabelsError, RunError, UsageError
from growlabels.base.runs import MANIFEST, RunFolder, refuse_folder

CONFIG = {"seed": 0, "path": Path("x")}


def make(path: Path) -> RunFolder:
    run = RunFolder.open(path, "scan", CONFIG, {"data": "abc"})
    run.write("part/0.txt", lambda file: file.write("0"))
    return run


def test_resume_sees_what_was_written(tmp_path: Path) -> None:
    make(tmp_path / "run")
    again = RunFolder.open(tmp_path / "run", "scan", CONFIG, {"data": "abc"})
    assert again.is_written("part/0.txt") and not again.is_written("part/1.txt")
    assert again.file("part/0.txt").read_text() == "0"
    assert not again.finished
    again.finish()
    assert RunFolder.read(tmp_path / "run").finished


def test_a_run_that_cannot_be_resumed_is_started_over(tmp_path: Path) -> None:
    path, mine = tmp_path / "run", tmp_path / "mine.txt"
    mine.write_text("mine")
    run = make(path)
    run.adopt("../mine.txt")  # listed, but not in the folder
    (path / "notes.txt").write_text("not listed")
    again = RunFolder.open(path, "scan", {}, {}, restart=True)
    assert again.config == {} and not again.is_written("part/0.txt")
    assert not (path / "part" / "0.txt").exists()
    assert mine.exists() and (path / "notes.txt").exists()
    again.finish()
    with pytest.raises(RunError, match="other settings"):
        RunFolder.open(path, "scan", CONFIG, {}, restart=True)


def test_a_file_that_cannot_be_deleted_is_one_sentence(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "part" / "0.txt").unlink()
    (tmp_path / "part" / "0.txt").mkdir()
    with pytest.raises(GrowLabelsError, match=r"cannot delete .*0.txt' of the run before: .*; cho"):
        RunFolder.open(tmp_path, "scan", {}, {}, restart=True)
    assert RunFolder.read(tmp_path).config["seed"] == 0


def test_interrupted_write_does_not_count(tmp_path: Path) -> None:
    run = make(tmp_path / "run")

    def fill(file) -> None:
        file.write("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.write("part/1.txt", fill)
    assert not RunFolder.read(tmp_path / "run").is_written("part/1.txt")
    assert sorted(p.name for p in (tmp_path / "run" / "part").iterdir()) == ["0.txt"]


def test_flipped_byte_is_noticed(tmp_path: Path) -> None:
    run = make(tmp_path / "run")
    (tmp_path / "run" / "part" / "0.txt").write_text("1")
    assert not run.is_written("part/0.txt")
    with pytest.raises(RunError, match="missing, incomplete or damaged"):
        run.file("part/0.txt")


@pytest.mark.parametrize(
    "config, inputs, told",
    [
        ({**CONFIG, "seed": 1}, {"data": "abc"}, "config 'seed' was 0, is 1"),
        (CONFIG, {"data": "xyz"}, "inputs 'data' was 'abc', is 'xyz'"),
        (CONFIG, {}, "inputs 'data' was 'abc', is None"),
    ],
)
def test_changed_settings_or_inputs_are_refused(tmp_path: Path, config, inputs, told: str) -> None:
    make(tmp_path / "run")
    with pytest.raises(RunError, match=told):
        RunFolder.open(tmp_path / "run", "scan", config, inputs)


def test_other_kind_version_or_damage_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "run")
    with pytest.raises(RunError, match="of 'scan', not of 'fit'"):
        RunFolder.read(tmp_path / "run", "fit")
    file = tmp_path / "run" / MANIFEST
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({**whole, "format": 99}))
    with pytest.raises(RunError, match="format version 99"):
        RunFolder.read(tmp_path / "run")
    damaged = ['{"format": 1', "[]", '{"format": 1, "kind": "scan"}']
    damaged += [json.dumps({**whole, "files": []}), json.dumps({**whole, "finished": None})]
    for text in damaged:
        file.write_text(text)
        with pytest.raises(RunError, match="damaged"):
            RunFolder.read(tmp_path / "run")


def test_foreign_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="is no run folder; choose an empty or new folder"):
        RunFolder.open(tmp_path, "scan", {}, {})
    with pytest.raises(UsageError, match="is no run folder: it has no"):
        RunFolder.read(tmp_path)
    with pytest.raises(UsageError, match=r"cannot be made: .* is a file"):
        RunFolder.open(tmp_path / "mine.txt" / "sub" / "run", "scan", {}, {})
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *asked: False)
    with pytest.raises(GrowLabelsError, match=r"cannot make .* Permission denied; choose another"):
        refuse_folder(tmp_path / "run")
    monkeypatch.undo()

    def full(*asked: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(GrowLabelsError, match=r"cannot make .*No space left on device"):
        RunFolder.open(tmp_path / "run", "scan", {}, {})
