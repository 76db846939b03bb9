"""``growlabels classes evaluate``: how good a fitted classifier is on a labelled table."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError
from growlabels.base.files import file_sha256
from growlabels.base.progress import Progress
from growlabels.base.runs import RunFolder
from growlabels.classes.calibration.scores import Scores
from growlabels.classes.classifier.classifier import EBVClassifier
from growlabels.classes.cli.commands import Evaluate
from growlabels.classes.cli.fitted_run import MODEL, FittedRun, answers, pick, score_labels
from growlabels.classes.cli.images import hash_of, read_source, with_pixels
from growlabels.classes.cli.report import evaluate_section
from growlabels.classes.cli.table import DataTable
from growlabels.report import Report, render


def run(options: Evaluate, progress: Progress) -> None:
    """Load, predict, score, write."""
    fitted = FittedRun.open(options.run_folder)
    table, unlabelled = read_source(options.table, options.encoding).labelled(
        options.label or fitted.label
    )
    if unlabelled:
        print(f"{unlabelled:,} rows have no label in the dataset and are left out")
    table = with_pixels(table, options.table, fitted.images, progress)
    labels = fitted.labels(table, options.label)
    known = _known(options, fitted.model, table, labels)
    rows, labels = pick(fitted.rows(table), known), labels[known]
    if sentence := fitted.empty_texts_sentence(table):
        print(sentence)
    if hash_of(options.table) == fitted.run.inputs.get("table"):
        print("this is the table that the model learned from: the figures flatter it")
    config = {"label": options.label or fitted.label, "skip_unknown": options.skip_unknown}
    inputs = {"table": hash_of(options.table), "model": file_sha256(fitted.run.file(MODEL))}
    run = RunFolder.open(options.out, "classes evaluate", config, inputs)
    scores = score_labels(fitted.model, *answers(fitted.model, rows), labels)
    rejected = None
    if fitted.model.threshold_ is not None:
        rejected = float(fitted.model.reject(rows).mean())
    _finish(options, run, scores, len(fitted.model.classes_), len(table) - len(known), rejected)


def _known(
    options: Evaluate, model: EBVClassifier, table: DataTable, labels: NDArray[Any]
) -> NDArray[np.int64]:
    """Return the rows whose class the model knows; others stop unless they may be skipped."""
    known = np.isin(labels, model.classes_)
    if not known.all() and not options.skip_unknown:
        row, others = int(np.flatnonzero(~known)[0]), int((~known).sum()) - 1
        more = f" (and {others:,} more)" if others else ""
        raise DataError(
            f"{table.name} row {table.numbers[row]}{more}: label {labels[row].item()!r} is "
            f"none of the model's {len(model.classes_):,} classes; add it with `growlabels "
            "classes add`, or leave such rows out with --skip-unknown"
        )
    if not known.any():
        raise DataError(f"{table.name} has no row of a class that the model knows")
    return np.flatnonzero(known)


def _finish(
    options: Evaluate,
    run: Any,
    scores: Scores,
    classes: int,
    skipped: int,
    rejected: float | None,
) -> None:

    run.write(
        "scores.json",
        lambda file: json.dump(
            asdict(scores) | {"skipped": skipped, "rejected": rejected}, file, indent=1
        ),
    )
    report = Report(
        title=f"Evaluation on {options.table.name}",
        summary=f"Accuracy {scores.accuracy:.3f} on {scores.rows:,} rows (always their most "
        f"frequent class: {scores.majority:.3f}), calibration error "
        f"{scores.calibration_error:.3f}{_rejected(rejected)}.",
        sections=[evaluate_section(scores, classes, skipped)],
        settings=run.config,
    )
    run.write("report.html", lambda file: file.write(render(report)))
    run.finish()
    left_out = f", {skipped:,} of unknown classes left out" if skipped else ""
    print(
        f"{scores.rows:,} rows scored{left_out}: accuracy {scores.accuracy:.3f} "
        f"(most frequent class {scores.majority:.3f}), "
        f"calibration error {scores.calibration_error:.3f}{_rejected(rejected)}"
    )
    print(f"report: {run.path / 'report.html'}")


def _rejected(share: float | None) -> str:
    return "" if share is None else f"; {share:.1%} of the rows are rejected by the threshold"
