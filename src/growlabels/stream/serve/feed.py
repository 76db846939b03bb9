"""Rows from the sources into a live stream: outputs, checkpoints, restart."""

import copy
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from growlabels.base.errors import GrowLabelsError, RunError
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.serve.awaited import AwaitedRows
from growlabels.stream.serve.checkpoints import FOLDER, Checkpoints, Parts
from growlabels.stream.serve.every import Every
from growlabels.stream.serve.live import LiveStream, Taken
from growlabels.stream.serve.outputs import LinesOut
from growlabels.stream.serve.say import say
from growlabels.stream.serve.sources.source import Arrived, Source

PREDICTIONS, MALFORMED, LOCK = "predictions.jsonl", "malformed.jsonl", ".lock"
AT_ONCE = 64
"""Most rows that are asked of one source at a time."""


class Feed:
    """One run in one folder: reads sources, learns, writes predictions and checkpoints.

    Parameters
    ----------
    folder
        The run folder. It is locked: a second run in it is refused.
    sources
        Name -> source. The name finds the position again after a restart.
    start
        Makes the model of a run that has no checkpoint yet.
    checkpoint_every
        Time or number of rows between two checkpoints, as :class:`Every` takes it.
    awaited
        Makes the store of rows whose labels come later.
    window
        Rows that count for the recent scores.
    turn
        Held while a row is learned, so that nobody predicts meanwhile.

    Attributes
    ----------
    stream
        The state; other threads may read it while they hold ``turn``.
    resumed
        Whether it goes on from a checkpoint.
    on_row
        Called with each source, row and outcome.
    on_checkpoint
        Called with the state after each checkpoint.
    trouble
        Why the last checkpoint could not be written; empty: it could.
    """

    def __init__(
        self,
        folder: Path,
        sources: Mapping[str, Source],
        start: Callable[[], IHOMER],
        checkpoint_every: str = "10s",
        awaited: Callable[[], AwaitedRows] = AwaitedRows,
        window: int = 500,
        turn: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self.folder: Path = folder
        self.sources: dict[str, Source] = dict(sources)
        self.every: Every = Every(checkpoint_every)
        self.trouble: str = ""
        self.checkpoints_written: int = 0
        self.checkpoint_seconds: float = 0.0
        self._lock = FileLock(folder / LOCK)
        self._turn = turn
        self.on_row: Callable[[str, Arrived, Taken], None] = lambda *_: None
        self.on_checkpoint: Callable[[LiveStream], None] = lambda _: None
        self._stopping = False
        self._checkpoints = Checkpoints(folder / FOLDER, say=say)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise RunError(
                f"another run is at work in {str(folder)!r}; stop it, or choose another folder"
            ) from error
        try:
            found = self._checkpoints.latest(lambda parts: _load(parts, awaited()))
            self.resumed: bool = found is not None
            self.stream: LiveStream
            self.stream, sizes = found or (LiveStream(start(), awaited(), window), {})
            self.predictions: LinesOut = LinesOut(folder / PREDICTIONS, sizes.get(PREDICTIONS, 0))
            self.malformed: LinesOut = LinesOut(folder / MALFORMED, sizes.get(MALFORMED, 0))
            self._noted = dict(self.stream.positions), self.stream.counts["rows"]
        except BaseException:
            self._lock.release()
            raise

    def open(self) -> None:
        """Open the sources at their positions."""
        for name, source in self.sources.items():
            source.open(self.stream.positions.get(name))
            if note := getattr(source, "note", ""):
                say(note)

    def run(self) -> None:
        """Read and learn until :meth:`stop` or the end of all sources, then write a checkpoint."""
        self.every.start(self.stream.counts["rows"])
        while not self._stopping and not self.ended:
            for name, source in self.sources.items():
                self.step(name, source)
                if self._stopping:
                    break
        self.checkpoint()

    def step(self, name: str, source: Source) -> int:
        """Take the next rows of one source, and write a checkpoint when one is due."""
        rows = source.rows_after(self.stream.positions.get(name), AT_ONCE)
        for arrived in rows:
            with self._turn():
                taken = self.stream.take(name, arrived)
            self._write(name, arrived.position, taken)
            self.on_row(name, arrived, taken)
            if self.every.due(self.stream.counts["rows"]):
                self._try_checkpoint()
            if self._stopping:
                break
        self.predictions.flush()
        if not rows and self.every.due(self.stream.counts["rows"]) and self._is_news:
            self._try_checkpoint()
        return len(rows)

    @property
    def ended(self) -> bool:
        """Whether no source can give a further row."""
        return all(source.ended for source in self.sources.values())

    @property
    def _is_news(self) -> bool:
        return self._noted != (self.stream.positions, self.stream.counts["rows"])

    def stop(self) -> None:
        """End :meth:`run` after the row in hand."""
        self._stopping = True

    def checkpoint(self) -> None:
        """Write a checkpoint now, if anything changed since the last."""
        if not self._is_news and self.checkpoints_written:
            return
        began = time.perf_counter()
        self.predictions.sync()
        self.malformed.sync()
        sizes = {PREDICTIONS: self.predictions.size, MALFORMED: self.malformed.size}
        with tempfile.TemporaryDirectory(prefix=".checkpoint-", dir=self.folder) as folder:
            with self._turn():
                model = copy.deepcopy(self.stream.model)  # predictions go on while it is written
            parts = self.stream.parts(model, Path(folder, "model.zip"))
            self._checkpoints.write({**parts, "outputs.json": _json(sizes)})
        self._noted = dict(self.stream.positions), self.stream.counts["rows"]
        self.trouble = ""
        self.checkpoints_written += 1
        self.checkpoint_seconds += time.perf_counter() - began
        self.on_checkpoint(self.stream)

    def _try_checkpoint(self) -> None:
        """Write a checkpoint; where that fails, say so once and try again when one is due."""
        try:
            self.checkpoint()
        except (GrowLabelsError, OSError) as error:
            reason = str(error)
            if reason != self.trouble:
                say(f"no checkpoint was written, the one before it stays: {reason}")
            self.trouble = reason

    def _write(self, name: str, position: Any, taken: Taken) -> None:
        place: dict[str, Any] = {"position": position}
        if len(self.sources) > 1:
            place["source"] = name
        if taken.id is not None:
            place["id"] = taken.id
        if taken.reason:
            self.malformed.add({**place, "reason": taken.reason, "raw": taken.raw})
        elif taken.predicted is not None:
            self.predictions.add({**place, "labels": taken.predicted})

    def close(self) -> None:
        """Close sources and outputs, and let go of the folder."""
        for source in self.sources.values():
            source.close()
        self.predictions.close()
        self.malformed.close()
        self._lock.release()

    def __enter__(self) -> "Feed":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _load(parts: Parts, awaited: AwaitedRows) -> tuple[LiveStream, Mapping[str, int]]:
    return LiveStream.load(parts, awaited), json.loads(parts.read("outputs.json"))


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
