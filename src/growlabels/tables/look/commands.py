"""The options of ``growlabels look``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Look:
    """Show how a file will be read: format, columns, what each system would take, what is odd."""

    file: tyro.conf.Positional[Path]
    """CSV, JSON lines, JSON, Parquet, Arrow, XMC or ARFF, packed or not; a folder; - is standard
    input."""

    encoding: str = "utf-8"
    """Of files of text, such as cp1252."""

    labels: str | None = None
    """Names of the columns of labels, with commas between. Left out: they are guessed by name."""

    rows: int | None = None
    """Look at so many rows only. Left out: at all."""


COMMANDS: Mapping[str, tuple[type, str]] = {"look": (Look, "growlabels.tables.look.page")}
"""Name of the command -> its options and the module whose ``run`` carries it out."""
