"""The command ``growlabels classes predict``."""

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import refuse_file
from growlabels.base.progress import Progress
from growlabels.classes.cli.commands import Predict
from growlabels.classes.cli.fitted_run import FittedRun
from growlabels.classes.cli.images import open_source, with_pixels
from growlabels.classes.cli.table import DataTable, by_column
from growlabels.tables import Row, Table, check_ending, writer_like


def run(options: Predict, progress: Progress) -> None:
    """Predict the class of every row and write the row with its prediction."""
    if options.out is not None:
        refuse_file(options.out, "--out")
        if options.out.suffix not in ("", options.table.suffix):
            check_ending(options.out)
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
    source = open_source(options.table, options.encoding)
    source_rows = list(source) if source.one_pass else source
    table = by_column(source, source_rows)
    table = with_pixels(table, options.table, fitted.images, progress)
    rows = fitted.rows(table)
    if sentence := fitted.empty_texts_sentence(table):
        print(sentence, file=sys.stderr)
    if options.reject and fitted.model.threshold_ is None:
        raise UsageError(
            f"the model in {str(options.run_folder)!r} has no threshold to reject by: too few "
            "rows were held out; fit it again with more rows, or with a larger --held-out or "
            "--false-rejection"
        )
    with _opened(source, options) as out:
        labels, shares = fitted.model.predict_topk(rows, options.topk)
        found = [_prediction(*row) for row in zip(labels, shares, strict=True)]
        if options.reject:
            scores = fitted.model.score_samples(rows).tolist()
            for row, score in zip(found, scores, strict=True):
                row |= {"rejected": score < fitted.model.threshold_, "score": score}
        values = dict(zip(table.numbers, found, strict=True))
        nothing = dict.fromkeys(found[0])  # for an image that cannot be read
        for row in source_rows:
            out.write(row, values.get(row.number, nothing))
    if options.out is not None:
        if replaced := [name for name in found[0] if name in table.columns]:
            print(f"columns of the table that predictions replace: {', '.join(replaced)}")
        accuracy = accuracy_sentence(fitted, table, labels)
        print(f"{len(found):,} rows predicted: {options.out}{accuracy}")


def _opened(table: Table, options: Predict) -> AbstractContextManager[Any]:
    """Open what takes the rows: a file or folder like the table, or standard output."""
    if options.out is None:
        return nullcontext(_Lines())
    ranks = ["", *(f"_{rank}" for rank in range(2, options.topk + 1))]
    names = [f"{name}{rank}" for rank in ranks for name in ("predicted", "probability")]
    return writer_like(table, options.out, names + ["rejected", "score"] * options.reject)


class _Lines:
    """Writes rows as JSON lines to standard output."""

    def write(self, row: Row, values: Mapping[str, Any]) -> None:
        print(json.dumps({**row.data, **values}, ensure_ascii=False, default=str))


def _prediction(labels: Any, shares: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for rank, (label, share) in enumerate(zip(labels.tolist(), shares.tolist(), strict=True), 1):
        ending = "" if rank == 1 else f"_{rank}"
        found[f"predicted{ending}"] = label
        found[f"probability{ending}"] = round(share, 6)
    return found


def accuracy_sentence(fitted: FittedRun, table: DataTable, labels: NDArray[Any]) -> str:
    """Say how many answers agree with the label column, where the table has one."""
    name = fitted.label
    if name not in table.columns:
        return ""
    places = [i for i, label in enumerate(table.columns[name]) if label is not None]
    if not places:
        return ""
    try:
        given = fitted.labels(table.at(places))
    except DataError as error:
        return f"; no accuracy: {error}"
    right = np.mean([one == other for one, other in zip(given, labels[places, 0], strict=True)])
    known = set(fitted.model.classes_.tolist())
    unknown = sum(label not in known for label in given.tolist())
    more = f" ({unknown:,} of the labels are unknown to the model)" if unknown else ""
    on = "" if len(places) == len(table) else f" on the {len(places):,} rows that have a label"
    return f"; accuracy by column {name!r}{on}: {right:.3f}{more}"
