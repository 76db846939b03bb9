"""Checkpoints of ``growlabels stream run``: the same command goes on where it was ended."""

import hashlib
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from growlabels.base.errors import GrowLabelsError, RunError
from growlabels.stream.evaluate.baselines import MajorityLabels
from growlabels.stream.evaluate.evaluation import Evaluation
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.array_rows import ArrayRows
from growlabels.stream.serve.checkpoints import Checkpoints, Part, Parts
from growlabels.stream.serve.every import Every
from growlabels.stream.serve.say import say

FOLDER = "unfinished"
"""Where the checkpoints of a run are until it is finished."""
_HEAD = 100
"""Rows by which standard input is recognised as one that was read before."""
_Row = tuple[Any, Any]


class Keeper:
    """Writes the state of a run now and then, and finds it again.

    Parameters
    ----------
    out
        The run folder; it need not exist.
    identity
        What must be the same for a run to go on: settings and hashes of inputs.
    models
        Title -> model. All must be kinds that can be kept.
    every
        Time or number of rows between two checkpoints.

    Attributes
    ----------
    make_folder
        Called before the first checkpoint is written.
    """

    def __init__(
        self, out: Path, identity: Mapping[str, Any], models: dict[str, Any], every: str
    ) -> None:
        self.out, self.models = out, models
        self._identity = json.loads(json.dumps(identity, default=str))
        self._every = Every(every)
        self._checkpoints = Checkpoints(out / FOLDER)
        self._prints = _Prints()
        self.make_folder: Callable[[], object] = lambda: None
        self._trouble = ""

    @staticmethod
    def can_keep(models: Mapping[str, Any]) -> bool:
        """Say whether all models can be written to a checkpoint."""
        return all(isinstance(model, IHOMER | MajorityLabels) for model in models.values())

    def restore(self) -> dict[str, Any] | None:
        """Put the kept models in place of the new ones and return the state of the evaluation.

        None where there is no checkpoint of a run with the same settings and inputs.
        """
        return self._checkpoints.latest(self._load)

    def begin(
        self, evaluation: Evaluation, rows: Any, state: Mapping[str, Any] | None, live: bool
    ) -> Any:
        """Fill the evaluation with the state that was kept; return the rows that come after it."""
        self._evaluation = evaluation
        if state is not None:
            evaluation.fill(state)
            say(f"the run in {str(self.out)!r} goes on after {evaluation.rows:,} rows")
        self._every.start(evaluation.rows)
        if live:  # it cannot be read twice
            before = {"rows": 0} if state is None else state["prints"]
            return self._prints.after(iter(rows), before)
        if isinstance(rows, ArrayRows):
            return rows.take(slice(evaluation.rows, None))
        if state is None:
            return rows
        left = iter(rows)
        skipped = sum(1 for _ in itertools.islice(left, evaluation.rows))
        if skipped < evaluation.rows:
            raise RunError(f"the rows end after {skipped:,}; {evaluation.rows:,} were learned")
        return left

    def after(self) -> None:
        """Write a checkpoint if one is due; where that fails, say so and go on."""
        if not self._every.due(self._evaluation.rows):
            return
        try:
            self.write()
        except (GrowLabelsError, OSError) as error:
            if str(error) != self._trouble:
                say(f"no checkpoint was written, the one before it stays: {error}")
            self._trouble = str(error)

    def write(self) -> None:
        """Write a checkpoint."""
        if not self._checkpoints.numbered():
            self.make_folder()
        (self.out / FOLDER).mkdir(parents=True, exist_ok=True)
        state = {**self._evaluation.to_json(), "prints": self._prints.to_json()}
        parts: dict[str, Part] = {
            "identity.json": json.dumps(self._identity).encode(),
            "evaluation.json": json.dumps(state).encode(),
        }
        with tempfile.TemporaryDirectory(prefix=".", dir=self.out / FOLDER) as folder:
            for number, model in enumerate(self.models.values()):
                if isinstance(model, MajorityLabels):
                    parts[f"{number}.json"] = json.dumps(model.to_json()).encode()
                else:
                    model.save(file := Path(folder, f"{number}.zip"), compress=False)
                    parts[f"{number}.zip"] = file
            self._checkpoints.write(parts)

    def clear(self) -> None:
        """Delete the checkpoints of a run that is finished."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.out / FOLDER)

    def _load(self, parts: Parts) -> dict[str, Any] | None:
        if json.loads(parts.read("identity.json")) != self._identity:
            say(f"the run in {str(self.out)!r} had other settings or inputs: it begins anew")
            return None
        found: dict[str, Any] = {}
        with tempfile.TemporaryDirectory() as folder:
            for number, title in enumerate(self.models):
                if f"{number}.json" in parts.names():
                    found[title] = MajorityLabels.from_json(
                        json.loads(parts.read(f"{number}.json"))
                    )
                else:
                    parts.copy(f"{number}.zip", file := Path(folder, "model.zip"))
                    found[title] = IHOMER.load(file)
        self.models.update(found)
        return json.loads(parts.read("evaluation.json"))


class _Prints:
    """Fingerprints of rows that cannot be read twice: of the first hundred, and of all."""

    def __init__(self) -> None:
        self._head, self._all, self._rows = hashlib.sha256(), hashlib.sha256(), 0

    def to_json(self) -> dict[str, Any]:
        return {"rows": self._rows, "head": self._head.hexdigest(), "all": self._all.hexdigest()}

    def _add(self, row: _Row) -> None:
        data = repr(row).encode("utf-8", "backslashreplace")
        self._rows += 1
        self._all.update(data)
        if self._rows <= _HEAD:
            self._head.update(data)

    def after(self, rows: Iterator[_Row], before: Mapping[str, Any]) -> Iterator[_Row]:
        """Yield the rows but those that were learned before, if they come again."""
        kept = list(itertools.islice(rows, min(_HEAD, before["rows"])))
        for row in kept:
            self._add(row)
        if kept and self._head.hexdigest() != before["head"]:
            say("standard input begins with other rows than before: all of them are learned")
            yield from kept
        elif kept:
            for row in itertools.islice(rows, before["rows"] - len(kept)):
                self._add(row)
            if self.to_json() != before:
                raise RunError(
                    "standard input begins as it did before and then differs within the "
                    f"{before['rows']:,} rows that were learned; write the same rows, or only new "
                    "ones"
                )
            say(f"standard input begins as before: its first {self._rows:,} rows are skipped")
        for row in rows:
            self._add(row)
            yield row
