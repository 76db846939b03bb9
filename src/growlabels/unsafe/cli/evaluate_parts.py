"""Parts of an evaluation, kept as each is finished: what was measured is not measured again."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from growlabels.base.files import atomic_write, content_hash, file_sha256

T = TypeVar("T")


class Parts:
    """Results in a folder, each under the hash of all that decides it.

    A part that is there is read, one that is missing, damaged or made from anything else is
    computed and written whole. So an evaluation that was stopped goes on, and one with other
    prompts, models or limits never takes a result that is not its own.

    Parameters
    ----------
    folder
        Made when the first part is written.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> parts = Parts(folder.name)
    >>> parts(["model", "prompts"], lambda: [1, 2]), parts(["model", "prompts"], lambda: [3])
    ([1, 2], [1, 2])
    >>> folder.cleanup()
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def __call__(self, made_from: object, make: Callable[[], T]) -> T:
        """Return the part that was made from these JSON values, or make it."""
        key = content_hash(made_from)
        file = self.folder / f"{key[:32]}.json"
        try:
            kept = json.loads(file.read_text("utf-8"))
            if kept["made_from"] == key:
                return kept["value"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # damaged from outside, or not there: it is made anew
        value = make()
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as out:
            json.dump({"made_from": key, "value": value}, out)
        return value


def path_hash(path: str | os.PathLike[str]) -> str:
    """Return a hash of a file, or of the files of a folder; empty where there is neither."""
    place = Path(path)
    if place.is_file():
        return file_sha256(place)
    files = sorted(file for file in place.glob("*") if file.is_file())
    return content_hash([[file.name, file_sha256(file)] for file in files]) if files else ""
