"""What a saved model holds, without the times of an archive."""

import zipfile
from pathlib import Path

from growlabels.stream import IHOMER


def contents(archive: Path) -> dict[str, bytes]:
    """Every entry of a zip archive."""
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def model_contents(model: IHOMER, path: Path) -> dict[str, bytes]:
    """Save a model, and read what was written."""
    model.save(path)
    return contents(path)
