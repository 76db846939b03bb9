"""The options of ``growlabels demo``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Demo:
    """Run the three systems on real data, each against its baseline, and write one report."""

    out: Path = Path("growlabels-demo")
    """Folder of the report; it is created if it does not exist."""

    quick: bool = False
    """Use less data; takes under 90 seconds on two idle cores."""

    download: bool = False
    """Download the jailbreak mixture (public data, checksummed) for the unsafe act."""

    seed: int = 0
    """Seed of every random choice."""


COMMANDS: Mapping[str, tuple[type, str]] = {"demo": (Demo, "growlabels.demo._run")}
"""Name of the command -> its options and the module whose ``run`` carries it out."""
