"""The options of ``growlabels demo``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Demo:
    """See the three systems at work on real data, each against its baseline; one report."""

    out: Path = Path("growlabels-demo")
    """Folder for the report."""

    quick: bool = False
    """Do the same on less, in under 90 seconds."""

    download: bool = False
    """Also fetch the jailbreak mixture (public data, checksummed) for the unsafe act."""

    seed: int = 0
    """Decides every random choice."""


COMMANDS: Mapping[str, tuple[type, str]] = {"demo": (Demo, "growlabels.demo._run")}
"""Name of the command -> its options and the module whose ``run`` carries it out."""
