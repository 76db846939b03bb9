"""Define the options of the commands ``growlabels stream``."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

import tyro

from growlabels.base.errors import UsageError

Model = Literal["ihomer", "paper", "br-logistic", "vw", "majority"]
"""Names of the models; ``evaluate.peers.MODELS`` makes them."""


@dataclass(frozen=True)
class StreamOptions(ABC):
    """Define what to read and how to score it; the same for all commands that run a stream."""

    kind: ClassVar[str]
    """Kind of the run folder."""

    file: tyro.conf.Positional[Path]
    """File with rows: CSV with a header, JSON lines, JSON, Parquet, Arrow, XMC or ARFF, also
    compressed; a folder of such files; or - for standard input, read line by line. JSON rows are
    {"x": {"feature": number, ...}, "y": ["label", ...]}, or flat rows with --labels."""

    labels: Annotated[str | None, tyro.conf.arg(metavar="N|first-N|prefix:TEXT|NAME,NAME|XML")] = (
        None
    )
    """Label columns: N (the last N), first-N (the first N), prefix:TEXT, or names. Quote a name
    that contains a comma with double quotes; meta.tags names a nested key. For ARFF, a Mulan XML
    file is also possible. A column contains 0 and 1, or all labels of a row as a list or as text
    such as a;b. By default, the ARFF file or the key y of the rows defines the labels."""

    label_separator: Annotated[str | None, tyro.conf.arg(metavar="TEXT")] = None
    """Separator between the labels in one cell, such as ;. An empty text makes each cell one
    label. By default, the separator is detected in the first rows and printed."""

    encoding: str = "utf-8"
    """Encoding of text files, such as cp1252."""

    text: Annotated[str | None, tyro.conf.arg(metavar="NAME,NAME")] = None
    """Columns or keys that contain text. Not for ARFF."""

    text_features: Literal["ngrams", "words"] = "ngrams"
    """Features of a text: words and the character n-grams inside them (ngrams), which match
    plurals, misspellings and languages without spaces; or words alone, in a third of the time."""

    drop: Annotated[str | None, tyro.conf.arg(metavar="NAME,NAME")] = None
    """Columns or keys to ignore, such as an identifier."""

    shuffle: bool = False
    """Shuffle the rows first. This reads the whole file into memory."""

    seed: int = 0
    """Seed of the shuffle, at least 0."""

    delay: int = 0
    """Number of further rows predicted before a row's labels arrive and are learned."""

    on_error: Literal["stop", "skip"] = "stop"
    """What to do at an unreadable row: stop, or skip it, count it and save it in
    malformed.jsonl."""

    every: int = 100
    """Number of rows between two points of the score curves."""

    window: int = 500
    """Number of rows in the recent scores."""

    precision_at: Annotated[str | None, tyro.conf.arg(metavar="K,K,...")] = None
    """Also compute precision at these k, such as 1,3,5: the share of true labels among the k
    labels that the model ranks first. This is slower because rows are processed one by one."""

    out: Path | None = None
    """Run folder for scores, curves, hierarchy, events, the model and report.html."""

    @property
    @abstractmethod
    def model_names(self) -> tuple[str, ...]:
        """Return the names of the models; the first one is reported in full."""

    @property
    def at(self) -> tuple[int, ...]:
        """Return the values of k in ``precision_at``."""
        parts = [] if self.precision_at is None else self.precision_at.split(",")
        if not all(part.strip().isdecimal() and int(part) for part in parts):
            must = "must be whole numbers above 0, separated by commas"
            raise UsageError.parameter("precision-at", must, self.precision_at)
        return tuple(map(int, parts))

    @property
    def live(self) -> bool:
        """Return whether the rows come from standard input, which can be read only once."""
        return str(self.file) == "-"


@dataclass(frozen=True)
class StreamRun(StreamOptions):
    """Run a model on a stream: predict and score each row before it is learned."""

    kind: ClassVar[str] = "stream run"

    model: Model = "ihomer"
    """Model to run: iHOMER (ihomer), the system of the iHOMER paper alone (paper), one logistic
    regression of River per label (br-logistic), Vowpal Wabbit with -l 0.5 (vw), or the most
    frequent label set (majority). The majority set is always scored as a baseline."""

    start: Annotated[Path | None, tyro.conf.arg(metavar="RUN|FILE")] = None
    """Saved model to continue from: the folder of a stream run, or a file that IHOMER.save wrote.
    It is not changed. By default, the model is new."""

    checkpoint_every: Annotated[str, tyro.conf.arg(metavar="TIME|ROWS")] = "10s"
    """Time (10s, 2m) or number of rows (5000) between two checkpoints in the run folder. After a
    crash or Ctrl-C, the same command continues from the last one. For ihomer and paper."""

    predictions: Annotated[Path | None, tyro.conf.arg(metavar="FILE.jsonl")] = None
    """File for a line for each row: what the model predicted before the row was learned, and its
    true labels. After a crash, the same command completes the file."""

    @property
    def model_names(self) -> tuple[str, ...]:
        """Return the model and the baseline."""
        return tuple(dict.fromkeys((self.model, "majority")))


@dataclass(frozen=True)
class StreamCompare(StreamOptions):
    """Score several models on the same stream, in one pass and one table."""

    kind: ClassVar[str] = "stream compare"

    models: Annotated[str, tyro.conf.arg(metavar="NAME,NAME,...")] = "ihomer,br-logistic,majority"
    """Names of models, as in stream run --model, separated by commas. The first one is reported
    in full."""

    @property
    def model_names(self) -> tuple[str, ...]:
        """Return the names of the models, without repeats."""
        names = [name.strip() for name in self.models.split(",")]
        if unknown := [name for name in names if name not in get_args(Model)]:
            raise UsageError.choice("models", get_args(Model), unknown[0])
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class StreamPredict:
    """Predict the labels of rows with a saved model; the rows may be unlabelled."""

    model: tyro.conf.Positional[Path]
    """A run folder of stream run, or a file that IHOMER.save wrote."""

    file: tyro.conf.Positional[Path]
    """Rows in any form that stream run reads; - is standard input, line by line."""

    out: Path | None = None
    """File for the rows with their predictions, in the form of the input, or in the form of this
    name's ending. Left out: JSON lines on standard output."""

    proba: bool = False
    """Also write the probability of each predicted label (column probability)."""

    top: int | None = None
    """Write the K most probable labels, the best first, instead of the likeliest label set."""

    encoding: str = "utf-8"
    """Encoding of text files, such as cp1252."""

    on_error: Literal["stop", "skip"] = "stop"
    """At a row that cannot be read: stop, or leave it out and count it."""


@dataclass(frozen=True)
class StreamInspect:
    """Print the label hierarchy and the events of a saved model."""

    model: tyro.conf.Positional[Path]
    """Run folder of stream run, or a file that IHOMER.save wrote."""


@dataclass(frozen=True)
class StreamServe:
    """Serve a model over HTTP while it continues to learn, with a page that shows its state."""

    run: tyro.conf.Positional[Path]
    """Run folder of a stream run or of an earlier service, which continues from its state."""

    source: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Source to learn from; can be repeated: kafka://HOST:PORT/TOPIC, redis://HOST:PORT/STREAM, a
    growing file of JSON lines, or - for standard input. A row is {"id": 7, "x": {...}, "y":
    ["label", ...]}; its labels can arrive later as {"id": 7, "y": [...]}."""

    new: bool = False
    """Start with an untrained model if the folder has no model."""

    port: int = 8765
    """Port to listen on; 0 selects a free one."""

    host: str = "127.0.0.1"
    """Address to listen on. The default accepts connections only from this computer."""

    names: Annotated[str, tyro.conf.arg(metavar="NAME,NAME")] = ""
    """Further host names that requests may use, such as the name of a proxy."""

    checkpoint_every: Annotated[str, tyro.conf.arg(metavar="TIME|ROWS")] = "10s"
    """Time (10s, 2m) or number of rows (5000) between two checkpoints. The last three are kept."""

    await_rows: int = 10_000
    """Largest number of rows with an id that wait for their labels. Beyond it, the oldest rows are
    dropped and counted."""

    await_age: Annotated[str, tyro.conf.arg(metavar="TIME")] = "1d"
    """Longest time that a row waits for its labels, such as 90s, 30m, 12h or 7d, by the source's
    clock."""

    window: int = 500
    """Number of rows in the recent scores."""

    accept_gap: bool = False
    """Continue when a broker dropped rows before they were read. By default, this is an error."""


COMMANDS: Mapping[str, tuple[type, str]] = {
    "run": (StreamRun, "growlabels.stream.cli.run"),
    "compare": (StreamCompare, "growlabels.stream.cli.compare"),
    "serve": (StreamServe, "growlabels.stream.cli.serve"),
    "predict": (StreamPredict, "growlabels.stream.cli.predict"),
    "inspect": (StreamInspect, "growlabels.stream.cli.inspect"),
}
"""Name of the command -> its options, and the module whose function ``run`` executes it."""
