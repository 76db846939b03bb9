"""``growlabels classes evaluate``: how good a fitted classifier is on a labelled table."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from growlabels.base.errors import DataError
from growlabels.base.files import file_sha256
from growlabels.base.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from growlabels.classes.calibration.scores import Scores
    from growlabels.classes.classifier.classifier import EBVClassifier
    from growlabels.classes.cli.table import DataTable


@dataclass(frozen=True)
class Evaluate:
    """Score a fitted model on a labelled table: accuracy, calibration, confusions."""

    run_folder: tyro.conf.Positional[Path]
    """The folder that ``classes fit`` or ``classes add`` wrote."""
    table: tyro.conf.Positional[Path]
    """CSV, JSONL or Parquet file with the columns of the fit, and the right classes."""
    out: Path
    """Folder for the figures and the report."""
    label: str | None = None
    """Column that holds the right class; that of the fit if not given."""
    skip_unknown: bool = False
    """Leave out rows of classes that the model does not know, instead of stopping."""

    def run(self, progress: Progress) -> None:
        """Load, predict, score, write."""
        from growlabels.base.runs import RunFolder
        from growlabels.classes.cli.fitted_run import MODEL, FittedRun, answers, pick, score_labels
        from growlabels.classes.cli.table import read_table

        fitted = FittedRun.open(self.run_folder)
        table = read_table(self.table)
        labels = fitted.labels(table, self.label)
        known = self._known(fitted.model, table, labels)
        rows, labels = pick(fitted.rows(table), known), labels[known]
        config = {"label": self.label or fitted.label, "skip_unknown": self.skip_unknown}
        inputs = {"table": file_sha256(self.table), "model": file_sha256(fitted.run.file(MODEL))}
        run = RunFolder.open(self.out, "classes evaluate", config, inputs)
        scores = score_labels(fitted.model, *answers(fitted.model, rows), labels)
        rejected = None
        if fitted.model.threshold_ is not None:
            rejected = float(fitted.model.reject(rows).mean())
        self._finish(run, scores, len(fitted.model.classes_), len(table) - len(known), rejected)

    def _known(
        self, model: "EBVClassifier", table: "DataTable", labels: "NDArray[Any]"
    ) -> "NDArray[np.int64]":
        """Return the rows whose class the model knows; others stop unless they may be skipped."""
        import numpy as np

        known = np.isin(labels, model.classes_)
        if not known.all() and not self.skip_unknown:
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
        self, run: Any, scores: "Scores", classes: int, skipped: int, rejected: float | None
    ) -> None:
        from growlabels.classes.cli.report import evaluate_section
        from growlabels.report import Report, render

        run.write(
            "scores.json",
            lambda file: json.dump(
                asdict(scores) | {"skipped": skipped, "rejected": rejected}, file, indent=1
            ),
        )
        report = Report(
            title=f"Evaluation on {self.table.name}",
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
