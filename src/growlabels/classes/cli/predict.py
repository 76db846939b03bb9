"""The command ``growlabels classes predict``."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from growlabels.base.errors import UsageError
from growlabels.base.files import refuse_file
from growlabels.base.progress import Progress
from growlabels.classes.cli.fit import accuracy_sentence


@dataclass(frozen=True)
class Predict:
    """Predict the classes of a table's rows with a model of ``classes fit`` or ``classes add``."""

    run_folder: tyro.conf.Positional[Path]
    """The folder that ``classes fit`` or ``classes add`` wrote."""
    table: tyro.conf.Positional[Path]
    """CSV, JSONL or Parquet file with the columns the model was trained on."""
    out: Path | None = None
    """Where to write (CSV, JSONL or Parquet, by ending); standard output as JSONL if not given."""
    topk: int = 1
    """How many classes per row, most likely first."""
    reject: bool = False
    """Say of each row whether it looks like none of the classes, and how much like one."""

    def run(self, progress: Progress) -> None:
        """Load, predict, write."""
        from growlabels.classes.cli.fitted_run import FittedRun
        from growlabels.classes.cli.table import check_ending, read_table, write_table

        if self.out is not None:
            check_ending(self.out)
            refuse_file(self.out, "--out")
        if self.out is not None and self.out.resolve() == self.table.resolve():
            raise UsageError(
                f"--out {str(self.out)!r} is the table that is read, which predictions would "
                "replace; choose another file"
            )
        fitted = FittedRun.open(self.run_folder)
        classes = len(fitted.model.classes_)
        if not 1 <= self.topk <= classes:
            way = f"must be from 1 to {classes:,}, the number of classes"
            raise UsageError.parameter("--topk", way, self.topk)
        table = read_table(self.table)
        rows = fitted.rows(table)
        if self.reject and fitted.model.threshold_ is None:
            raise UsageError(
                f"the model in {str(self.run_folder)!r} has no threshold to reject by: too few "
                "rows were held out; fit it again with more rows, or with a larger --held-out or "
                "--false-rejection"
            )
        labels, shares = fitted.model.predict_topk(rows, self.topk)
        found = [_prediction(table, i, labels[i], shares[i]) for i in range(len(table))]
        if self.reject:
            scores = fitted.model.score_samples(rows).tolist()
            for row, score in zip(found, scores, strict=True):
                row |= {"rejected": score < fitted.model.threshold_, "score": score}
        if self.out is None:
            for row in found:
                print(json.dumps(row, ensure_ascii=False))
        else:
            write_table(self.out, found)
            print(
                f"{len(found):,} rows predicted: {self.out}{accuracy_sentence(fitted.label, table, labels)}"
            )


def _prediction(table: "DataTable", row: int, labels: Any, shares: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"row": table.numbers[row]}
    for rank, (label, share) in enumerate(zip(labels.tolist(), shares.tolist(), strict=True), 1):
        ending = "" if rank == 1 else f"_{rank}"
        found[f"predicted{ending}"] = label
        found[f"probability{ending}"] = round(share, 6)
    return found
