"""Which files of a folder are images, and of which class."""

from pathlib import Path

import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.images.folder import (
    fingerprint_of_images,
    is_image_folder,
    read_folder,
)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def test_the_first_folder_is_the_class_however_deep_an_image_lies(tmp_path: Path) -> None:
    touch(tmp_path, "cat/b.PNG", "cat/x/a.jpg", "dog/a.jpeg", "top.gif", ".hid/a.png", "cat/.a.png")
    found = read_folder(tmp_path)
    assert [(row["path"], row["label"]) for row in found.rows] == [
        ("cat/b.PNG", "cat"), ("cat/x/a.jpg", "cat"), ("dog/a.jpeg", "dog"), ("top.gif", None),
    ]  # fmt: skip
    assert found.other_files_sentence() == ""


def test_other_files_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "a/notes.txt", "b.csv", "c.csv", "d.csv")
    said = read_folder(tmp_path).other_files_sentence()
    assert said == "not read, since they are no images: 'a/notes.txt', 'b.csv', 'c.csv' and 1 more"


def test_folders_without_images(tmp_path: Path) -> None:
    touch(tmp_path, "part-0.parquet")
    assert not is_image_folder(tmp_path) and not is_image_folder(tmp_path / "part-0.parquet")
    with pytest.raises(DataError, match="holds no images"):
        read_folder(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        read_folder(tmp_path / "absent")


def test_the_fingerprint_follows_names_and_bytes(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/1.png")
    before = fingerprint_of_images(tmp_path)
    touch(tmp_path, "notes.txt")
    assert fingerprint_of_images(tmp_path) == before
    (tmp_path / "a/1.png").write_bytes(b"other")
    assert fingerprint_of_images(tmp_path) != before
