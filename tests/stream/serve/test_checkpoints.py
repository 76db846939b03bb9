"""Checkpoints: whole or not at all, three kept, damaged ones passed over with one sentence."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import GrowLabelsError, RunError, UsageError
from growlabels.stream.serve.checkpoints import Checkpoints
from growlabels.stream.serve.every import Every


def written(folder: Path, count: int) -> Checkpoints:
    checkpoints = Checkpoints(folder)
    for i in range(count):
        checkpoints.write({"about.json": str(i).encode(), "more": bytes(2000)})
    return checkpoints


def number(checkpoints: Checkpoints) -> int:
    return int(checkpoints.latest(lambda parts: parts.read("about.json")))


def test_the_last_three_are_kept(tmp_path: Path) -> None:
    checkpoints = written(tmp_path / "c", 5)
    assert number(checkpoints) == 4
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == [
        "checkpoint-000000003.zip",
        "checkpoint-000000004.zip",
        "checkpoint-000000005.zip",
    ]
    assert number(written(tmp_path / "c", 1)) == 0  # one more, of another run


def test_without_a_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none").latest(lambda parts: parts) is None


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**30), st.integers(1, 255))
def test_any_flipped_byte_is_seen_and_the_one_before_serves(
    tmp_path_factory: pytest.TempPathFactory, place: int, bits: int
) -> None:
    folder = tmp_path_factory.mktemp("c")
    written(folder, 2)
    said: list[str] = []
    path = folder / "checkpoint-000000002.zip"
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= bits
    path.write_bytes(data)
    assert number(Checkpoints(folder, say=said.append)) == 0
    assert len(said) == 1 and "checkpoint-000000002.zip' is damaged (" in said[0]
    assert said[0].endswith("; the checkpoint before it is used")


@pytest.mark.parametrize("kept", [0, 1, 90, 300])
def test_a_cut_file_is_seen(tmp_path: Path, kept: int) -> None:
    written(tmp_path, 2)
    path = tmp_path / "checkpoint-000000002.zip"
    path.write_bytes(path.read_bytes()[:kept])
    assert number(Checkpoints(tmp_path, say=lambda sentence: None)) == 0


def test_damaged_ones_alone_are_an_error_and_not_a_new_beginning(tmp_path: Path) -> None:
    written(tmp_path, 2)
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    said: list[str] = []
    with pytest.raises(RunError, match=r"all 2 checkpoints in .* are damaged; delete the folder"):
        number(Checkpoints(tmp_path, say=said.append))
    assert len(said) == 2


def test_a_full_disk_leaves_the_checkpoints_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = written(tmp_path, 1)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(GrowLabelsError, match="No space left on device; free some space"):
            checkpoints.write({"about.json": b"7"})
    assert number(checkpoints) == 0 and len(list(tmp_path.iterdir())) == 1


def test_a_part_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"abc" * 10_000)
    checkpoints = Checkpoints(tmp_path / "c")
    checkpoints.write({"model.zip": tmp_path / "model"})
    checkpoints.latest(lambda parts: parts.copy("model.zip", tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == b"abc" * 10_000


@pytest.mark.parametrize("said", ["", "0", "ten", "10d", "-3", "1.5", "2.5 rows", "s"])
def test_how_often_must_be_a_time_or_a_number_of_rows(said: str) -> None:
    with pytest.raises(UsageError, match="checkpoint-every must be a time such as 10s"):
        Every(said)


def test_times_and_rows() -> None:
    assert [Every(said).seconds for said in ("10s", "2m", "1h", "0.5 s")] == [10, 120, 3600, 0.5]
    assert [Every(said).rows for said in ("10", "10 rows", "10s")] == [10, 10, None]
    assert Every("0.0000001s").due(0)
