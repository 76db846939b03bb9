"""Checkpoints of a run: whole or not at all, the last three kept, damaged ones passed over."""

import hashlib
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from growlabels.base.errors import GrowLabelsError, RunError
from growlabels.base.files import atomic_write
from growlabels.stream.serve.say import say as say_it

FOLDER = "checkpoints"
"""Where the checkpoints of a served run are, in its folder."""
KEPT = 3
_MAGIC = b"growlabels checkpoint 1 "
_NAME = re.compile(r"checkpoint-(\d{9})\.zip")
_CHUNK = 2**20
Part = bytes | Path


class Checkpoints:
    """The checkpoints in a folder, one file each.

    A file begins with the SHA-256 of the rest, which is a zip archive of the parts. It is written
    under another name, flushed to the disk and renamed, so a crash leaves the one before.

    Parameters
    ----------
    folder
        Made when the first checkpoint is written.
    kept
        How many of the newest stay.
    say
        Called with one sentence about each damaged file that was passed over.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> checkpoints = Checkpoints(Path(folder.name, "checkpoints"))
    >>> _ = checkpoints.write({"about.json": b"{}"})
    >>> checkpoints.latest(lambda parts: parts.read("about.json"))
    b'{}'
    >>> folder.cleanup()
    """

    def __init__(
        self, folder: Path, kept: int = KEPT, say: Callable[[str], None] | None = None
    ) -> None:
        self.folder: Path = folder
        self.kept: int = kept
        self._say = say_it if say is None else say

    def numbered(self) -> dict[int, Path]:
        """Return the checkpoints that are there, by number, the newest first."""
        found = {}
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                if (name := _NAME.fullmatch(path.name)) is not None:
                    found[int(name[1])] = path
        return dict(sorted(found.items(), reverse=True))

    def write(self, parts: Mapping[str, Part]) -> Path:
        """Write one checkpoint and delete those that are too old.

        Parameters
        ----------
        parts
            Name -> content, or the path of a file that is copied.

        Raises
        ------
        GrowLabelsError
            The disk is full, or the folder is not writable. The checkpoints before stay.
        """
        there = self.numbered()
        path = self.folder / f"checkpoint-{next(iter(there), 0) + 1:09d}.zip"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GrowLabelsError(f"cannot make {str(self.folder)!r}: {error.strerror}") from error
        with atomic_write(path, "w+b") as file:
            head = len(_header(b""))
            file.write(b" " * head)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for name, content in parts.items():
                    _add(archive, name, content)
            file.seek(head)
            whole: Any = file
            digest = hashlib.file_digest(whole, "sha256").digest()
            file.seek(0)
            file.write(_header(digest))
        _sync_folder(self.folder)
        for old in list(there.values())[self.kept - 1 :]:
            with suppress(OSError):
                old.unlink()
        return path

    def latest(self, load: Callable[["Parts"], Any]) -> Any:
        """Return what ``load`` makes of the newest checkpoint that is whole; None: there is none.

        Raises
        ------
        RunError
            There are checkpoints, and all of them are damaged.
        """
        there = self.numbered()
        for path in there.values():
            try:
                with path.open("rb") as file:
                    _check(file)
                    with zipfile.ZipFile(file) as archive:
                        return load(Parts(archive))
            except (ValueError, KeyError, OSError, zipfile.BadZipFile, RunError) as error:
                self._say(f"{str(path)!r} is damaged ({error}); the checkpoint before it is used")
        if there:
            raise RunError(
                f"all {len(there)} checkpoints in {str(self.folder)!r} are damaged; delete the "
                "folder to begin anew"
            )
        return None


class Parts:
    """The parts of one checkpoint."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def read(self, name: str) -> bytes:
        """Return the content of a part; a ``KeyError`` where there is none."""
        return self._archive.read(name)

    def names(self) -> list[str]:
        """Return the names of all parts."""
        return self._archive.namelist()

    def copy(self, name: str, target: Path) -> None:
        """Write a part to a file of its own."""
        with self._archive.open(name) as source, target.open("wb") as file:
            for chunk in iter(lambda: source.read(_CHUNK), b""):
                file.write(chunk)


def _header(digest: bytes) -> bytes:
    return _MAGIC + digest.hex().ljust(64).encode() + b"\n"


def _add(archive: zipfile.ZipFile, name: str, content: Part) -> None:
    about = zipfile.ZipInfo(name)
    if isinstance(content, bytes):
        archive.writestr(about, content)
        return
    with content.open("rb") as source, archive.open(about, "w", force_zip64=True) as entry:
        for chunk in iter(lambda: source.read(_CHUNK), b""):
            entry.write(chunk)


def _check(file: Any) -> None:
    header = file.read(len(_header(b"")))
    if not header.startswith(_MAGIC):
        raise ValueError("it is not a checkpoint of this version")
    if header != _header(hashlib.file_digest(file, "sha256").digest()):
        raise ValueError("its bytes are not those that were written")


def _sync_folder(folder: Path) -> None:
    """Flush the folder's list of names, so that the new file survives a power failure."""
    with suppress(OSError):  # not every system lets a folder be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
