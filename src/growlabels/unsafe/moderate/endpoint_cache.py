"""Verdicts on disk, one small file each, written whole or not at all."""

import json
from pathlib import Path

from growlabels.base.errors import DataError
from growlabels.base.files import atomic_write
from growlabels.unsafe.moderate.moderator import Verdict


class VerdictCache:
    """Verdicts by the hash of what was asked; a damaged file counts as absent.

    Parameters
    ----------
    folder
        Made with the first verdict.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def get(self, name: str) -> Verdict | None:
        """Return the verdict that was kept, if there is one."""
        try:
            found = json.loads(self._file(name).read_bytes())
            return Verdict(float(found["probability"]))
        except (OSError, ValueError, LookupError, TypeError, DataError):
            return None

    def put(self, name: str, verdict: Verdict) -> None:
        """Keep a verdict."""
        file = self._file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as out:
            json.dump({"probability": verdict.probability}, out)

    def _file(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}.json"
