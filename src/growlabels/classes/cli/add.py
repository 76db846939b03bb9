"""``growlabels classes add``: append classes to a fitted run, and say what that did to old ones."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import file_sha256
from growlabels.base.progress import Progress, silent
from growlabels.base.runs import RunFolder
from growlabels.classes.calibration.scores import Scores
from growlabels.classes.classifier.split import some_of_each
from growlabels.classes.cli.add_report import Change, add_section
from growlabels.classes.cli.commands import Add
from growlabels.classes.cli.fitted_run import (
    ADD,
    MODEL,
    FittedRun,
    answers,
    joined,
    pick,
    save_model,
    score_labels,
)
from growlabels.classes.cli.held_out import (
    CalibrationFacts,
    calibrate_on_half,
    check_false_rejection,
    hold_out,
)
from growlabels.classes.cli.images import hash_of, read_source, with_pixels
from growlabels.classes.cli.report import calibration_section, calibration_sentence
from growlabels.report import Report, render


@dataclass(frozen=True)
class Rows:
    """Labelled rows: what the model reads, and their classes."""

    rows: Any
    labels: NDArray[Any]

    def take(self, places: NDArray[np.int64]) -> "Rows":
        """Return some of them."""
        return Rows(pick(self.rows, places), self.labels[places])


def run(options: Add, progress: Progress) -> None:
    """Load, add, train, compare, write."""
    _check(options)
    fitted = FittedRun.open(options.run_folder)
    model, known = fitted.model, fitted.model.classes_
    table, unlabelled = read_source(options.table, options.encoding).labelled(
        options.label or fitted.label
    )
    if unlabelled:
        print(f"{unlabelled:,} rows have no label in the dataset and are left out")
    table = with_pixels(table, options.table, fitted.images, progress)
    new = Rows(fitted.rows(table), fitted.labels(table, options.label))
    added = sorted(set(new.labels.tolist()).difference(known.tolist()))
    if not added:
        raise DataError(
            f"{options.table} has no class that the model does not know; there is nothing to add: "
            "to learn more rows of known classes, fit again with all rows in one table"
        )
    own = {
        "table": hash_of(options.table),
        "label": options.label or fitted.label,
        "held_out": options.held_out,
        "seed": options.seed,
    }
    history = _history(fitted)
    parts = [_divided(new, own), *(_old(options, fitted, path, history) for path in options.old)]
    per_class = max(10, round(len(parts[0][0].labels) / len(np.unique(parts[0][0].labels))))
    count = per_class if options.replay is None else options.replay
    again = [_some_of_each(kept, count, options.seed) for kept, _ in parts[1:]]
    inputs = _inputs(options)
    if len(set(inputs.values())) < len(inputs):
        raise UsageError("two of the tables, those of --old included, are the same; name it once")
    run = RunFolder.open(options.out, ADD, _config(options, fitted, [*history, own]), inputs)

    held = Rows(
        joined([part.rows for _, part in parts]), joined([part.labels for _, part in parts])
    )
    before, _ = answers(model, held.rows)
    if options.epochs is not None:
        model.partial_epochs = options.epochs
    if options.lr is not None:
        model.partial_lr = options.lr
    learned = [parts[0][0], *again]
    rows, labels = joined([p.rows for p in learned]), joined([p.labels for p in learned])
    model.partial_fit(rows, labels, progress=progress)
    facts, left = CalibrationFacts(0, options.false_rejection), np.arange(len(held.labels))
    if options.old:
        facts, left = calibrate_on_half(
            model, held.rows, held.labels, options.false_rejection, options.seed
        )
    save_model(run, model)
    replayed = sum(len(p.labels) for p in again)
    _finish(options, run, fitted, held, before, added, replayed, facts, left)


def _check(options: Add) -> None:
    if not 0 <= options.held_out < 1:
        raise UsageError.parameter("held-out", "must be from 0 to below 1", options.held_out)
    check_false_rejection(options.false_rejection)
    for name in ("replay", "epochs", "seed"):
        value = getattr(options, name)
        if value is not None and value < (name == "epochs"):
            least = int(name == "epochs")
            raise UsageError.parameter(name, f"must be at least {least}", value)
    if options.lr is not None and not 0 < options.lr < math.inf:
        raise UsageError.parameter("lr", "must be above 0 and finite", options.lr)


def _old(
    options: Add, fitted: FittedRun, path: Path, history: list[dict[str, Any]]
) -> tuple[Rows, Rows]:
    """Divide a table of the fit into the rows that were learned and those held out."""
    whole, digest = read_source(path, options.encoding), hash_of(path)
    for past in history:
        if past["table"] == digest:
            table, _ = whole.labelled(past["label"])
            table = with_pixels(table, path, fitted.images, silent)
            return _divided(Rows(fitted.rows(table), fitted.labels(table, past["label"])), past)
    raise DataError(
        f"{str(path)!r} is none of the tables that the model in {str(options.run_folder)!r} was "
        "fitted on, or was changed since; give those, unchanged, with --old"
    )


def _config(options: Add, fitted: FittedRun, history: list[dict[str, Any]]) -> dict[str, Any]:
    same = {
        name: fitted.run.config.get(name)
        for name in ("text", "columns", "words", "widths", "images")
    }
    own = {k: v for k, v in asdict(options).items() if k not in ("run_folder", "table", "out")}
    return own | same | {"label": history[-1]["label"], "old": len(options.old), "fits": history}


def _inputs(options: Add) -> dict[str, str]:

    old = {f"old {i}": hash_of(path) for i, path in enumerate(options.old, 1)}
    return {
        "model": file_sha256(options.run_folder / MODEL),
        "table": hash_of(options.table),
    } | old


def _finish(
    options: Add,
    run: Any,
    fitted: FittedRun,
    held: Rows,
    before: NDArray[Any],
    added: list[Any],
    replayed: int,
    facts: CalibrationFacts,
    left: NDArray[np.int64],
) -> None:

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
        title=f"Classes added from {options.table.name}",
        summary=f"{len(added):,} classes added, {total:,} in all; "
        + "; ".join(_sentence(c) for c in changes)
        + ".",
        sections=[add_section(scores, changes, added, replayed), calibration_section(facts)],
        settings=run.config,
        seeds=[options.seed],
    )
    run.write("report.html", lambda file: file.write(render(report)))
    run.finish()
    print(f"{len(added):,} classes added, {total:,} in all; {replayed:,} old rows learned again")
    for change in changes:
        print(_sentence(change))
    print(calibration_sentence(facts))
    print(f"report: {run.path / 'report.html'}")


def compare(
    labels: NDArray[Any], before: NDArray[Any], after: NDArray[Any], added: list[Any]
) -> "list[Change]":
    """Compare the answers to held-out rows of old classes, of new ones, and of all."""
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


def _some_of_each(part: Rows, count: int, seed: int) -> "Rows":
    """Draw rows to learn again."""
    place = np.unique(part.labels, return_inverse=True)[1]
    return part.take(some_of_each(place, count, seed))


def _sentence(change: Change) -> str:
    if change.before is None or change.after is None:
        return f"{change.group}: no held-out rows"
    return (
        f"{change.group}: accuracy {change.before:.3f} before, {change.after:.3f} after, "
        f"{change.rows:,} rows"
    )


def _history(fitted: FittedRun) -> list[dict[str, Any]]:
    """Return the tables that a model has learned from, and how their rows were divided."""
    config = fitted.run.config
    if "fits" in config:
        return config["fits"]
    first = {name: config[name] for name in ("label", "held_out", "seed")}
    return [{"table": fitted.run.inputs["table"]} | first]


def _divided(rows: Rows, past: dict[str, Any]) -> tuple[Rows, Rows]:
    """Return the rows to learn and those held out."""
    held, _ = hold_out(rows.rows, rows.labels, past["held_out"], past["seed"])
    return rows.take(np.flatnonzero(~held)), rows.take(np.flatnonzero(held))
