"""The command ``growlabels classes predict``."""

import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import refuse_file
from growlabels.base.progress import Progress
from growlabels.classes.cli.commands import Predict
from growlabels.classes.cli.fitted_run import FittedRun
from growlabels.classes.cli.table import DataTable, read_table
from growlabels.tables import check_ending, write_rows


def run(options: Predict, progress: Progress) -> None:
    """Load, predict, write."""
    if options.out is not None:
        check_ending(options.out)
        refuse_file(options.out, "--out")
    if options.out is not None and options.out.resolve() == options.table.resolve():
        raise UsageError(
            f"--out {str(options.out)!r} is the table that is read, which predictions would "
            "replace; choose another file"
        )
    fitted = FittedRun.open(options.run_folder)
    classes = len(fitted.model.classes_)
    if not 1 <= options.topk <= classes:
        way = f"must be from 1 to {classes:,}, the number of classes"
        raise UsageError.parameter("--topk", way, options.topk)
    table = read_table(options.table)
    rows = fitted.rows(table)
    if sentence := fitted.empty_texts_sentence(table):
        print(sentence, file=sys.stderr)
    if options.reject and fitted.model.threshold_ is None:
        raise UsageError(
            f"the model in {str(options.run_folder)!r} has no threshold to reject by: too few "
            "rows were held out; fit it again with more rows, or with a larger --held-out or "
            "--false-rejection"
        )
    labels, shares = fitted.model.predict_topk(rows, options.topk)
    found = [_prediction(table, i, labels[i], shares[i]) for i in range(len(table))]
    if options.reject:
        scores = fitted.model.score_samples(rows).tolist()
        for row, score in zip(found, scores, strict=True):
            row |= {"rejected": score < fitted.model.threshold_, "score": score}
    if options.out is None:
        for row in found:
            print(json.dumps(row, ensure_ascii=False))
    else:
        write_rows(options.out, found)
        accuracy = accuracy_sentence(fitted, table, labels)
        print(f"{len(found):,} rows predicted: {options.out}{accuracy}")


def _prediction(table: DataTable, row: int, labels: Any, shares: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"row": table.numbers[row]}
    for rank, (label, share) in enumerate(zip(labels.tolist(), shares.tolist(), strict=True), 1):
        ending = "" if rank == 1 else f"_{rank}"
        found[f"predicted{ending}"] = label
        found[f"probability{ending}"] = round(share, 6)
    return found


def accuracy_sentence(fitted: FittedRun, table: DataTable, labels: NDArray[Any]) -> str:
    """Say how many answers agree with the label column, where the table has one."""
    name = fitted.label
    if name not in table.columns or None in table.columns[name]:
        return ""
    try:
        given = fitted.labels(table)
    except DataError as error:
        return f"; no accuracy: {error}"
    right = np.mean([one == other for one, other in zip(given, labels[:, 0], strict=True)])
    known = set(fitted.model.classes_.tolist())
    unknown = sum(label not in known for label in given.tolist())
    more = f" ({unknown:,} of the labels are unknown to the model)" if unknown else ""
    return f"; accuracy by column {name!r}: {right:.3f}{more}"
