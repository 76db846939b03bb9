"""The commands of ``growlabels stream``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from growlabels.base.progress import Progress


@dataclass(frozen=True)
class StreamRun:
    """Learn a file as a stream: every row is predicted, scored, and only then learned."""

    file: tyro.conf.Positional[Path]
    """ARFF (dense or sparse), CSV or TSV with a header, plain or gzipped, or JSONL:
    {"x": {"feature": number, ...}, "y": ["label", ...]}, or flat rows with --labels."""

    labels: Annotated[str | None, tyro.conf.arg(metavar="N|first-N|prefix:TEXT|NAME,NAME|XML")] = (
        None
    )
    """Which columns are labels: N the last N, first-N the first N, prefix:TEXT, or names; a name
    that holds a comma in double quotes. For ARFF also a Mulan XML file. Left out: what the ARFF
    file or the y of the rows says."""

    model: Literal["ihomer", "br-logistic", "majority"] = "ihomer"
    """ihomer; River's binary relevance of logistic regressions; or the most frequent label set.
    The latter is always measured beside the model."""

    shuffle: bool = False
    """Shuffle the rows first (reads the whole file into memory)."""

    seed: int = 0
    """Decides the shuffle."""

    on_error: Literal["stop", "skip"] = "stop"
    """At a row that cannot be read: stop, or count it and set it aside in malformed.jsonl."""

    every: int = 100
    """Rows between two points of the score curves."""

    window: int = 500
    """Rows that count for the recent scores."""

    out: Path | None = None
    """Run folder for scores, curves, hierarchy, events, the model and report.html."""

    def run(self, progress: Progress) -> None:
        """Run the stream, print the scores and write the run folder."""
        from growlabels.stream._run import StreamSettings, run_stream

        run_stream(StreamSettings(**vars(self)), progress)


@dataclass(frozen=True)
class StreamInspect:
    """Print what a saved model has found: its hierarchy of labels and its events."""

    model: tyro.conf.Positional[Path]
    """A run folder of stream run, or a file that IHOMER.save wrote."""

    def run(self, progress: Progress) -> None:
        """Print the hierarchy and the events."""
        from growlabels.stream._run import inspect_model

        inspect_model(self.model)


COMMANDS: Mapping[str, type] = {"run": StreamRun, "inspect": StreamInspect}
