"""Files written whole or not at all, content hashes, the cache folder."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from growlabels.base.errors import GrowLabelsError, UsageError


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file that appears under its name only when it is complete.

    Writes to a temporary file beside the target, flushes it to the disk and renames it.
    On any error, an interrupt included, the temporary file goes and the old file stays.

    Parameters
    ----------
    path
        The target; its folder must exist.
    mode
        ``"w"`` for UTF-8 text, in which a lone surrogate (half a letter, from broken text)
        becomes its escape, e.g. ``\\ud800``, as JSON writes it; ``"wb"`` for bytes.

    Raises
    ------
    GrowLabelsError
        The disk is full, the folder is not there or not writable, or there is something else
        under the name than a file.
    """
    target = Path(path).absolute() if str(path) in ("", ".") else Path(path)
    temporary = target.parent / f".{target.name}.{os.getpid()}.tmp"
    binary = "b" in mode
    try:
        if target.exists() and not target.is_file():
            raise IsADirectoryError(errno.EISDIR, "it is a folder or a device")
        with temporary.open(
            mode,
            encoding=None if binary else "utf-8",
            errors=None if binary else "backslashreplace",
            newline=None if binary else "\n",
        ) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise GrowLabelsError(
            f"cannot write {str(target)!r}: {error.strerror or error}; {way_out(error)}"
        ) from error
    finally:
        with suppress(OSError):  # after the rename there is none
            temporary.unlink()


def way_out(error: OSError) -> str:
    """Say what helps where a file cannot be written.

    >>> way_out(FileNotFoundError(errno.ENOENT, "No such file or directory"))
    'make the folder or choose another'
    """
    if error.errno == errno.EISDIR:
        return "give the name of a file"
    if error.errno == errno.ENOENT:
        return "make the folder or choose another"
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "free some space or choose another folder" if full else "choose another folder"


def refuse_file(path: str | os.PathLike[str], option: str) -> None:
    """Raise where no file of that name can be made: ask before the work, not after it.

    Raises
    ------
    UsageError
        The path is a folder, or its folder does not exist.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        what = "it is a folder" if target.is_dir() else "it is a device"
        raise UsageError.parameter(option, "must be a file", str(path), what)
    if not target.parent.is_dir():
        raise UsageError.parameter(
            option, "must be in a folder that exists", str(path), "make it or choose another"
        )


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object with a checksum of itself; :func:`check_seal` looks at it.

    >>> check_seal(sealed({"a": 1}))
    {'a': 1}
    """
    return {**data, "checksum": content_hash(json.loads(json.dumps(data)))}


def check_seal(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what :func:`sealed` was given; a ``ValueError`` where it is not as it was written."""
    own = {name: value for name, value in data.items() if name != "checksum"}
    if data["checksum"] != content_hash(own):
        raise ValueError("it is not as it was written")
    return own


def content_hash(value: object) -> str:
    """Return the SHA-256 of a JSON value; the order of keys has no effect.

    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def cache_folder() -> Path:
    """Return where downloads and converted models are kept, outside any project.

    The folder that ``GROWLABELS_CACHE`` names, else ``growlabels`` in the user's cache folder
    (``XDG_CACHE_HOME`` or ``~/.cache``). It need not exist.
    """
    named = os.environ.get("GROWLABELS_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "growlabels"
