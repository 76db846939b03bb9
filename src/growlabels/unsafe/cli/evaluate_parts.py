"""Store finished parts of an evaluation, so that a repeated command skips them."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from growlabels.base.files import atomic_write, content_hash, file_sha256

T = TypeVar("T")


class Parts:
    """Store results in a folder, each under the hash of its inputs.

    An existing part is read. A part that is missing, damaged or computed from other inputs is
    computed again. An interrupted evaluation therefore resumes, and an evaluation with other
    prompts, models or limits never uses a wrong result.

    Parameters
    ----------
    folder
        Folder of the parts, created when the first part is written.

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
        self.folder: Path = Path(folder)

    def __call__(self, made_from: object, make: Callable[[], T]) -> T:
        """Return the part computed from these JSON values, or compute it."""
        key = content_hash(made_from)
        file = self.folder / f"{key[:32]}.json"
        try:
            kept = json.loads(file.read_text("utf-8"))
            if kept["made_from"] == key:
                return kept["value"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # missing or damaged, so it is computed again
        value = make()
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as out:
            json.dump({"made_from": key, "value": value}, out)
        return value


def path_hash(path: str | os.PathLike[str]) -> str:
    """Return a hash of a file or of the files in a folder, or an empty string."""
    place = Path(path)
    if place.is_file():
        return file_sha256(place)
    files = sorted(file for file in place.glob("*") if file.is_file())
    return content_hash([[file.name, file_sha256(file)] for file in files]) if files else ""
