"""Write checkpoints of ``growlabels stream run``, from which the same command continues."""

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
from growlabels.stream.cli.predictions import PredictionsOut
from growlabels.stream.evaluate.baselines import MajorityLabels
from growlabels.stream.evaluate.evaluation import Evaluation
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.array_rows import ArrayRows
from growlabels.stream.serve.checkpoints import Checkpoints, Part, Parts
from growlabels.stream.serve.every import Every
from growlabels.stream.serve.say import say

FOLDER = "unfinished"
"""Name of the folder that contains the checkpoints of an unfinished run."""
_HEAD = 100
"""Number of first rows that are compared with those of an earlier standard input."""
_Row = tuple[Any, Any]


class Keeper:
    """Write the state of a run at intervals and restore it.

    Parameters
    ----------
    out
        Run folder; it need not exist.
    identity
        Settings and hashes of inputs; a run continues only if they are equal.
    models
        Models by title; see :meth:`can_keep`.
    every
        Time or number of rows between two checkpoints, such as 10s or 5000.

    Attributes
    ----------
    make_folder
        Function that is called before the first checkpoint is written.
    predictions
        File of predictions that the checkpoints cover; None without one.
    """

    def __init__(
        self, out: Path, identity: Mapping[str, Any], models: dict[str, Any], every: str
    ) -> None:
        self.out: Path = out
        self.models: dict[str, Any] = models
        self._identity = json.loads(json.dumps(identity, default=str))
        self._every = Every(every)
        self._checkpoints = Checkpoints(out / FOLDER)
        self._prints = _Prints()
        self.make_folder: Callable[[], object] = lambda: None
        self.predictions: PredictionsOut | None = None
        self._trouble = ""

    @staticmethod
    def can_keep(models: Mapping[str, Any]) -> bool:
        """Return whether all models can be written to a checkpoint."""
        return all(isinstance(model, IHOMER | MajorityLabels) for model in models.values())

    def restore(self) -> dict[str, Any] | None:
        """Replace the new models by the saved ones and return the state of the evaluation.

        Returns None if there is no checkpoint with the same settings and inputs.
        """
        return self._checkpoints.latest(self._load)

    def begin(
        self, evaluation: Evaluation, rows: Any, state: Mapping[str, Any] | None, live: bool
    ) -> Any:
        """Restore the evaluation and return the rows that are not yet evaluated."""
        self._evaluation = evaluation
        if state is not None:
            evaluation.fill(state)
            say(f"the run in {str(self.out)!r} continues after {evaluation.rows:,} rows")
        self._every.start(evaluation.rows)
        if live:  # standard input cannot be read twice
            before = {"rows": 0} if state is None else state["prints"]
            return self._prints.after(iter(rows), before)
        if isinstance(rows, ArrayRows):
            return rows.take(slice(evaluation.rows, None))
        if state is None:
            return rows
        left = iter(rows)
        skipped = sum(1 for _ in itertools.islice(left, evaluation.rows))
        if skipped < evaluation.rows:
            raise RunError(
                f"the input has only {skipped:,} rows, but {evaluation.rows:,} were learned"
            )
        return left

    def after(self) -> None:
        """Write a checkpoint if one is due; report a failure and continue."""
        if not self._every.due(self._evaluation.rows):
            return
        try:
            self.write()
        except (GrowLabelsError, OSError) as error:
            if str(error) != self._trouble:
                say(f"writing a checkpoint failed, the previous one remains: {error}")
            self._trouble = str(error)

    def write(self) -> None:
        """Write a checkpoint."""
        if not self._checkpoints.numbered():
            self.make_folder()
        (self.out / FOLDER).mkdir(parents=True, exist_ok=True)
        state = {**self._evaluation.to_json(), "prints": self._prints.to_json()}
        if self.predictions is not None:
            state["predictions"] = self.predictions.saved()
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
        """Delete the checkpoints of a finished run."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.out / FOLDER)

    def _load(self, parts: Parts) -> dict[str, Any] | None:
        """Load the models and the state of a checkpoint; return None if its run differs."""
        if json.loads(parts.read("identity.json")) != self._identity:
            say(
                f"the run in {str(self.out)!r} had other settings or inputs; "
                "this run starts at the first row"
            )
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
    """Hash rows that cannot be read twice: the first hundred, and all."""

    def __init__(self) -> None:
        self._head, self._all, self._rows = hashlib.sha256(), hashlib.sha256(), 0

    def to_json(self) -> dict[str, Any]:
        """Return the number of rows and both hashes."""
        return {"rows": self._rows, "head": self._head.hexdigest(), "all": self._all.hexdigest()}

    def _add(self, row: _Row) -> None:
        """Add a row to the hashes."""
        data = repr(row).encode("utf-8", "backslashreplace")
        self._rows += 1
        self._all.update(data)
        if self._rows <= _HEAD:
            self._head.update(data)

    def after(self, rows: Iterator[_Row], before: Mapping[str, Any]) -> Iterator[_Row]:
        """Yield the rows; skip those that were learned before if the input starts with them."""
        kept = list(itertools.islice(rows, min(_HEAD, before["rows"])))
        for row in kept:
            self._add(row)
        if kept and self._head.hexdigest() != before["head"]:
            say("standard input starts with other rows than before; all of them are learned")
            yield from kept
        elif kept:
            for row in itertools.islice(rows, before["rows"] - len(kept)):
                self._add(row)
            if self.to_json() != before:
                raise RunError(
                    "standard input starts with the same rows as before, but differs within the "
                    f"{before['rows']:,} learned rows; pass the same rows, or only new ones"
                )
            say(f"standard input starts with the same rows as before; {self._rows:,} are skipped")
        for row in rows:
            self._add(row)
            yield row
