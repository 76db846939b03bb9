"""The options of the commands ``growlabels stream``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

Model = Literal[
    "ihomer",
    "paper",
    "br-logistic",
    "vw",
    "majority",
]
"""Names of the models; ``_peers.MODELS`` makes them."""


@dataclass(frozen=True)
class _Stream:
    """What reading a stream and scoring on it need."""

    file: tyro.conf.Positional[Path]
    """CSV with a header (commas, semicolons, tabs or bars), JSON lines, JSON, Parquet, Arrow, XMC
    or ARFF, packed or not; a folder of such files; - is standard input, line by line. JSON rows:
    {"x": {"feature": number, ...}, "y": ["label", ...]}, or flat rows with --labels."""

    labels: Annotated[str | None, tyro.conf.arg(metavar="N|first-N|prefix:TEXT|NAME,NAME|XML")] = (
        None
    )
    """Which columns are labels: N the last N, first-N the first N, prefix:TEXT, or names; a name
    that holds a comma in double quotes, and meta.tags is a key inside a key. For ARFF also a Mulan
    XML file. A column may hold 0 and 1, or all labels of a row: as a list, or as text such as a;b.
    Left out: what the ARFF file or the y of the rows says."""

    label_separator: Annotated[str | None, tyro.conf.arg(metavar="TEXT")] = None
    """What stands between labels in one cell, such as ;. Empty: a cell is one label. Left out:
    it is found out over the first rows and printed."""

    encoding: str = "utf-8"
    """Of files of text, such as cp1252."""

    text: Annotated[str | None, tyro.conf.arg(metavar="NAME,NAME")] = None
    """Which columns or keys hold text; the counts of their words become features. Not for ARFF."""

    drop: Annotated[str | None, tyro.conf.arg(metavar="NAME,NAME")] = None
    """Columns or keys to leave out, such as an identifier."""

    shuffle: bool = False
    """Shuffle the rows first (reads the whole file into memory)."""

    seed: int = 0
    """Decides the shuffle."""

    delay: int = 0
    """Rows that are predicted before a row's labels arrive and are learned."""

    on_error: Literal["stop", "skip"] = "stop"
    """At a row that cannot be read: stop, or count it and set it aside in malformed.jsonl."""

    every: int = 100
    """Rows between two points of the score curves."""

    window: int = 500
    """Rows that count for the recent scores."""

    precision_at: Annotated[str | None, tyro.conf.arg(metavar="K,K,...")] = None
    """Also score precision at these k, such as 1,3,5: the share of true labels among the k that
    the model ranks first. Takes more time: rows are then ranked and learned one by one."""

    out: Path | None = None
    """Run folder for scores, curves, hierarchy, events, the model and report.html."""


@dataclass(frozen=True)
class StreamRun(_Stream):
    """Learn a file as a stream: every row is predicted, scored, and only then learned."""

    model: Model = "ihomer"
    """ihomer; the paper's system alone (paper); of River binary relevance of logistic regressions
    (br-logistic) or of Hoeffding trees (br-hoeffding), and the iSOUP tree (isoup); Vowpal Wabbit
    with -l 0.5 (vw), -l 2, --coin or --ftrl; or the most frequent label set (majority), always
    measured beside the model."""

    start: Annotated[Path | None, tyro.conf.arg(metavar="RUN|FILE")] = None
    """Go on from a saved model instead of a new one: the folder of a stream run, or a file that
    IHOMER.save wrote. It stays as it is."""

    checkpoint_every: Annotated[str, tyro.conf.arg(metavar="TIME|ROWS")] = "10s"
    """With --out: time (10s, 2m) or number of rows (5000) between two checkpoints, from which the
    same command goes on after a crash or Ctrl-C. For ihomer and paper."""


@dataclass(frozen=True)
class StreamCompare(_Stream):
    """Score several models on the same stream, read once, in one table."""

    models: Annotated[str, tyro.conf.arg(metavar="NAME,NAME,...")] = "ihomer,br-logistic,majority"
    """Names with commas between; those of stream run --model. The first is reported in full."""


@dataclass(frozen=True)
class StreamInspect:
    """Print what a saved model has found: its hierarchy of labels and its events."""

    model: tyro.conf.Positional[Path]
    """A run folder of stream run, or a file that IHOMER.save wrote."""


@dataclass(frozen=True)
class StreamServe:
    """Serve a model over HTTP while it goes on learning, with a page to watch it."""

    run: tyro.conf.Positional[Path]
    """The run folder of a stream run, or one that was served before: it goes on where it stood."""

    source: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Also learn from here; may be given several times: kafka://HOST:PORT/TOPIC,
    redis://HOST:PORT/STREAM, a file of JSON lines that grows, or - for standard input. A row:
    {"id": 7, "x": {...}, "y": ["label", ...]}; its labels may come later: {"id": 7, "y": [...]}."""

    new: bool = False
    """Begin with a model that knows nothing where the folder has none."""

    port: int = 8765
    """Port to listen on; 0 takes a free one."""

    host: str = "127.0.0.1"
    """Address to listen on. Others than the loopback interface reach it only where you say so."""

    names: Annotated[str, tyro.conf.arg(metavar="NAME,NAME")] = ""
    """Further host names that requests may use, such as that of a proxy."""

    checkpoint_every: Annotated[str, tyro.conf.arg(metavar="TIME|ROWS")] = "10s"
    """Time (10s, 2m) or number of rows (5000) between two checkpoints; the last three are kept."""

    await_rows: int = 10_000
    """Rows with an id that may wait for their labels; the oldest goes first and is counted."""

    await_age: Annotated[str, tyro.conf.arg(metavar="TIME")] = "1d"
    """How long a row waits for its labels, such as 90s, 30m, 12h or 7d, by the source's clock."""

    window: int = 500
    """Rows that count for the recent scores."""

    accept_gap: bool = False
    """Go on where a broker dropped rows before they were read. Without it that is an error."""


COMMANDS: Mapping[str, tuple[type, str]] = {
    "run": (StreamRun, "growlabels.stream.cli.run"),
    "compare": (StreamCompare, "growlabels.stream.cli.compare"),
    "serve": (StreamServe, "growlabels.stream.cli.serve"),
    "inspect": (StreamInspect, "growlabels.stream.cli.inspect"),
}
"""Name of the command -> its options and the module whose ``run`` carries it out."""
