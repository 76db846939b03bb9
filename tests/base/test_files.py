"""Files are written whole or not at all."""

from pathlib import Path

import pytest

from growlabels.base.errors import GrowLabelsError
from growlabels.base.files import atomic_write, cache_folder, content_hash, file_sha256


def test_file_appears_under_its_name_when_complete(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.txt") as file:
        file.write("häß\n")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_bytes() == "häß\n".encode()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_failure_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(failure), atomic_write(tmp_path / "a", "wb") as file:
        file.write(b"new")
        raise failure
    assert (tmp_path / "a").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_full_disk_is_one_sentence(tmp_path: Path) -> None:
    told = pytest.raises(GrowLabelsError, match=r"cannot write .*No space left.*; free")
    with told, atomic_write(tmp_path / "a"):
        raise OSError(28, "No space left on device")


def test_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(GrowLabelsError, match="make the folder"),
        atomic_write(tmp_path / "no" / "a"),
    ):
        pass


@pytest.mark.parametrize("name", ["", ".", "/dev/null"])
def test_folders_and_devices_are_never_replaced(name: str) -> None:
    told = pytest.raises(GrowLabelsError, match="it is a folder or a device; give the name of a fi")
    with told, atomic_write(name):
        pass


def test_hashes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a").startswith("ba7816bf8f01cfea")
    assert content_hash({"a": [1, "ü"]}) != content_hash({"a": ["1", "ü"]})
    assert content_hash("\ud800") == content_hash("\ud800")  # a lone surrogate from broken text


def test_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GROWLABELS_CACHE", raising=False)
    assert cache_folder() == tmp_path / "growlabels"
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_a_file_in_place_of_a_folder_and_no_name_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, why in ((tmp_path / "file" / "x", "choose another folder"), ("/", "name of a file")):
        with pytest.raises(GrowLabelsError, match=why), atomic_write(path):
            pass
