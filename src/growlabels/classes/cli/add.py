"""``growlabels classes add``: append classes to a fitted run, and say what that did to old ones."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import file_sha256
from growlabels.base.progress import Progress
from growlabels.classes.cli.held_out import (
    CalibrationFacts,
    calibrate_on_half,
    check_false_rejection,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from growlabels.classes.calibration.scores import Scores
    from growlabels.classes.cli.add_report import Change
    from growlabels.classes.cli.fitted_run import FittedRun


@dataclass(frozen=True)
class Rows:
    """Labelled rows: what the model reads, and their classes."""

    rows: Any
    labels: "NDArray[Any]"

    def take(self, places: "NDArray[np.int64]") -> "Rows":
        """Return some of them."""
        from growlabels.classes.cli.fitted_run import pick

        return Rows(pick(self.rows, places), self.labels[places])


@dataclass(frozen=True)
class Add:
    """Add the classes of a table to a fitted model, and report what that did to the old ones."""

    run_folder: tyro.conf.Positional[Path]
    """The folder that ``classes fit`` or ``classes add`` wrote; it stays as it is."""
    table: tyro.conf.Positional[Path]
    """CSV, JSONL or Parquet file with rows of the new classes, in the columns of the fit."""
    out: Path
    """Folder for the larger model, the figures and the report."""
    label: str | None = None
    """Column that holds the class; that of the fit if not given."""
    old: tuple[Path, ...] = ()
    """Tables that the model was fitted on: some of their rows are learned again, and the rows
    that were held out then tell what became of the old classes."""
    replay: int | None = None
    """Rows of each old class to learn again, from the tables of --old; as many as a new class
    has on average, and at least 10, if not given."""
    held_out: float = 0.2
    """Share of the new rows kept back for the report, class by class."""
    epochs: int | None = None
    """Passes over the rows; what the model was made with if not given."""
    lr: float | None = None
    """Learning rate below the output layer; what the model was made with if not given."""
    false_rejection: float = 0.05
    """Share of rows of known classes that `predict --reject` may reject; fitted, with the
    temperature, on half of the held-out rows of old and new classes, which takes --old."""
    seed: int = 0
    """Decides every random choice."""

    def run(self, progress: Progress) -> None:
        """Load, add, train, compare, write."""
        import numpy as np

        from growlabels.base.runs import RunFolder
        from growlabels.classes.cli.fitted_run import ADD, FittedRun, answers, joined, save_model
        from growlabels.classes.cli.table import read_table

        self._check()
        fitted = FittedRun.open(self.run_folder)
        model, known = fitted.model, fitted.model.classes_
        table = read_table(self.table)
        new = Rows(fitted.rows(table), fitted.labels(table, self.label))
        added = sorted(set(new.labels.tolist()).difference(known.tolist()))
        if not added:
            raise DataError(
                f"{self.table} has no class that the model does not know; there is nothing to add: "
                "to learn more rows of known classes, fit again with all rows in one table"
            )
        own = {
            "table": file_sha256(self.table),
            "label": self.label or fitted.label,
            "held_out": self.held_out,
            "seed": self.seed,
        }
        history = _history(fitted)
        parts = [_divided(new, own), *(self._old(fitted, path, history) for path in self.old)]
        per_class = max(10, round(len(parts[0][0].labels) / len(np.unique(parts[0][0].labels))))
        count = per_class if self.replay is None else self.replay
        again = [_some_of_each(kept, count, self.seed) for kept, _ in parts[1:]]
        inputs = self._inputs()
        if len(set(inputs.values())) < len(inputs):
            raise UsageError(
                "two of the tables, those of --old included, are the same; name it once"
            )
        run = RunFolder.open(self.out, ADD, self._config(fitted, [*history, own]), inputs)

        held = Rows(
            joined([part.rows for _, part in parts]), joined([part.labels for _, part in parts])
        )
        before, _ = answers(model, held.rows)
        if self.epochs is not None:
            model.partial_epochs = self.epochs
        if self.lr is not None:
            model.partial_lr = self.lr
        learned = [parts[0][0], *again]
        rows, labels = joined([p.rows for p in learned]), joined([p.labels for p in learned])
        model.partial_fit(rows, labels, progress=progress)
        facts, left = CalibrationFacts(0, self.false_rejection), np.arange(len(held.labels))
        if self.old:
            facts, left = calibrate_on_half(
                model, held.rows, held.labels, self.false_rejection, self.seed
            )
        save_model(run, model)
        replayed = sum(len(p.labels) for p in again)
        self._finish(run, fitted, held, before, added, replayed, facts, left)

    def _check(self) -> None:
        if not 0 <= self.held_out < 1:
            raise UsageError.parameter("held-out", "must be from 0 to below 1", self.held_out)
        check_false_rejection(self.false_rejection)
        for name in ("replay", "epochs", "seed"):
            value = getattr(self, name)
            if value is not None and value < (name == "epochs"):
                least = int(name == "epochs")
                raise UsageError.parameter(name, f"must be at least {least}", value)
        if self.lr is not None and not 0 < self.lr < math.inf:
            raise UsageError.parameter("lr", "must be above 0 and finite", self.lr)

    def _old(
        self, fitted: "FittedRun", path: Path, history: list[dict[str, Any]]
    ) -> tuple[Rows, Rows]:
        """Divide a table of the fit into the rows that were learned and those held out."""
        from growlabels.classes.cli.table import read_table

        table, digest = read_table(path), file_sha256(path)
        for past in history:
            if past["table"] == digest:
                return _divided(Rows(fitted.rows(table), fitted.labels(table, past["label"])), past)
        raise DataError(
            f"{str(path)!r} is none of the tables that the model in {str(self.run_folder)!r} was "
            "fitted on, or was changed since; give those, unchanged, with --old"
        )

    def _config(self, fitted: "FittedRun", history: list[dict[str, Any]]) -> dict[str, Any]:
        same = {name: fitted.run.config[name] for name in ("text", "columns", "words")}
        own = {k: v for k, v in asdict(self).items() if k not in ("run_folder", "table", "out")}
        return own | same | {"label": history[-1]["label"], "old": len(self.old), "fits": history}

    def _inputs(self) -> dict[str, str]:
        from growlabels.classes.cli.fitted_run import MODEL

        old = {f"old {i}": file_sha256(path) for i, path in enumerate(self.old, 1)}
        return {
            "model": file_sha256(self.run_folder / MODEL),
            "table": file_sha256(self.table),
        } | old

    def _finish(
        self,
        run: Any,
        fitted: "FittedRun",
        held: Rows,
        before: "NDArray[Any]",
        added: list[Any],
        replayed: int,
        facts: CalibrationFacts,
        left: "NDArray[np.int64]",
    ) -> None:
        from growlabels.classes.cli.add_report import add_section
        from growlabels.classes.cli.fitted_run import answers, score_labels
        from growlabels.classes.cli.report import calibration_section, calibration_sentence
        from growlabels.report import Report, render

        after, stated = answers(fitted.model, held.rows)
        changes = compare(held.labels, before, after, added)
        scores: Scores | None = None
        if len(left):
            scores = score_labels(fitted.model, after[left], stated[left], held.labels[left])
        figures = {"changes": [asdict(c) for c in changes], "replayed": replayed}
        figures |= {
            "calibrated": asdict(facts),
            "added": added,
            "after": None if scores is None else asdict(scores),
        }
        run.write("scores.json", lambda file: json.dump(figures, file, indent=1))
        total = len(fitted.model.classes_)
        report = Report(
            title=f"Classes added from {self.table.name}",
            summary=f"{len(added):,} classes added, {total:,} in all; "
            + "; ".join(_sentence(c) for c in changes)
            + ".",
            sections=[add_section(scores, changes, added, replayed), calibration_section(facts)],
            settings=run.config,
            seeds=[self.seed],
        )
        run.write("report.html", lambda file: file.write(render(report)))
        run.finish()
        print(
            f"{len(added):,} classes added, {total:,} in all; {replayed:,} old rows learned again"
        )
        for change in changes:
            print(_sentence(change))
        print(calibration_sentence(facts))
        print(f"report: {run.path / 'report.html'}")


def compare(
    labels: "NDArray[Any]", before: "NDArray[Any]", after: "NDArray[Any]", added: list[Any]
) -> "list[Change]":
    """Compare the answers to held-out rows of old classes, of new ones, and of all."""
    import numpy as np

    from growlabels.classes.cli.add_report import Change

    is_new, taken = np.isin(labels, added), np.isin(after, added)
    changes = []
    for group, rows in (
        ("old classes", ~is_new),
        ("new classes", is_new),
        ("all classes", np.ones(len(labels), bool)),
    ):
        shares = [
            float(hit[rows].mean()) if rows.any() else None
            for hit in (before == labels, after == labels, taken)
        ]
        changes.append(Change(group, int(rows.sum()), *shares))
    return changes


def _some_of_each(part: Rows, count: int, seed: int) -> Rows:
    """Draw rows to learn again."""
    import numpy as np

    from growlabels.classes.classifier.split import some_of_each

    place = np.unique(part.labels, return_inverse=True)[1]
    return part.take(some_of_each(place, count, seed))


def _sentence(change: "Change") -> str:
    if change.before is None or change.after is None:
        return f"{change.group}: no held-out rows"
    return (
        f"{change.group}: accuracy {change.before:.3f} before, {change.after:.3f} after, "
        f"{change.rows:,} rows"
    )


def _history(fitted: "FittedRun") -> list[dict[str, Any]]:
    """Return the tables that a model has learned from, and how their rows were divided."""
    config = fitted.run.config
    if "fits" in config:
        return config["fits"]
    first = {name: config[name] for name in ("label", "held_out", "seed")}
    return [{"table": fitted.run.inputs["table"]} | first]


def _divided(rows: Rows, past: dict[str, Any]) -> tuple[Rows, Rows]:
    """Return the rows to learn and those held out."""
    import numpy as np

    from growlabels.classes.classifier.split import draw_held_out

    held = draw_held_out(rows.labels, past["held_out"], past["seed"])
    return rows.take(np.flatnonzero(~held)), rows.take(np.flatnonzero(held))
