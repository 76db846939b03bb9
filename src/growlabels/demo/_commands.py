"""The command ``growlabels demo``."""

from dataclasses import dataclass
from pathlib import Path

from growlabels.base.progress import Progress


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

    def run(self, progress: Progress) -> None:
        """Run the three acts and write the report."""
        from growlabels.demo._run import run_demo

        run_demo(self.out, self.quick, self.download, self.seed, progress)
