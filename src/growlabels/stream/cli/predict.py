"""Run ``growlabels stream predict``: the labels of rows by a saved model."""

import json
import sys
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import Progress
from growlabels.stream.cli.commands import StreamPredict
from growlabels.stream.cli.saved import saved_model
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.aside import Aside
from growlabels.stream.rows.inputs import Inputs
from growlabels.tables import MalformedRow, Row, Table, flat, number, open_table, writer_like

PREDICTED, PROBABILITY = "predicted", "probability"
_JOINED = "csv", "arff"
"""Formats whose cells hold no lists: labels are joined with a semicolon there."""


class _Out(Protocol):
    def write(self, row: Row, values: Mapping[str, Any]) -> None: ...


def run(options: StreamPredict, progress: Progress) -> None:
    """Predict every row and write it with its prediction."""
    if options.top is not None and options.top < 1:
        raise UsageError.parameter("top", "must be at least 1", options.top)
    model = saved_model(options.model)
    with Aside() as aside:
        skipped = aside if options.on_error == "skip" else None
        table = open_table(str(options.file), encoding=options.encoding, set_aside=skipped)
        ranked = options.proba or options.top is not None
        count, unused = 0, set[str]()
        with _opened(table, options, ranked) as out:
            for row in table:
                try:
                    x = features_of(row, table, model, unused)
                    found = _predicted(model, x, options)
                except (DataError, ValueError) as error:
                    if skipped is None:
                        raise DataError(f"{table.at(row.number)}: {error}") from error
                    skipped(_malformed(row, error))
                    continue
                out.write(row, _as_cells(found, ranked, _joined(table, options)))
                count += 1
                if count % 1000 == 0:
                    progress("predict", count)
        if options.out is not None:
            print(f"{count:,} rows predicted: {options.out}")
        if unused:
            names = ", ".join(map(repr, sorted(unused)))
            print(f"not used, since the model has no such feature: {names}", file=sys.stderr)
        if aside.first is not None:
            first = f"the first, {table.at(aside.first.number)}: {aside.first.reason}"
            print(f"{aside.count:,} malformed rows left out; {first}", file=sys.stderr)


def features_of(row: Row, table: Table, model: IHOMER, unused: set[str]) -> Mapping[str, Any]:
    """Return what the model reads of a row: its columns of text and of numbers.

    Columns that the model has no feature for are added to ``unused``.

    Raises
    ------
    ValueError
        A cell of a CSV table is not a number.
    """
    data: Any = row.data
    if "x" in data and isinstance(data["x"], Mapping):
        return {name: value for name, value in data["x"].items() if value is not None}
    if any(isinstance(value, Mapping) for value in data.values()):
        data = flat(data)
    inputs = model.inputs or Inputs()
    found = {name: data[name] for name in inputs.text if data.get(name) is not None}
    for name, value in data.items():
        if value is None or name in inputs.named:
            continue
        if not model.has_feature(name):
            unused.add(name)
            continue
        found[name] = _number(name, value, table) if isinstance(value, str) else value
    return inputs.features(found)


def _number(name: str, cell: str, table: Table) -> float | None:
    try:
        return number(cell, name in table.decimal_commas)
    except ValueError as error:
        raise ValueError(f"column {name!r} {error}") from error


def _predicted(
    model: IHOMER, x: Mapping[str, Any], options: StreamPredict
) -> list[tuple[Hashable, float | None]]:
    if options.top is not None:
        return list(model.predict_topk_one(x, options.top))
    chosen = [label for label, there in model.predict_one(x).items() if there]
    if not options.proba:
        return [(label, None) for label in chosen]
    chances = model.predict_proba_one(x)
    return [(label, chances[label][True]) for label in chosen]


def _as_cells(
    found: Sequence[tuple[Hashable, float | None]], ranked: bool, joined: bool
) -> dict[str, Any]:
    labels = [str(label) for label, _ in found]
    chances = [round(float(p), 6) for _, p in found if p is not None]
    cells: dict[str, Any] = {PREDICTED: ";".join(labels) if joined else labels}
    if ranked:
        cells[PROBABILITY] = ";".join(map(str, chances)) if joined else chances
    return cells


def _joined(table: Table, options: StreamPredict) -> bool:
    """Say whether the output's cells hold no lists."""
    if options.out is None:
        return False
    name = options.out.name.lower()
    return (
        ".csv" in name
        or ".tsv" in name
        or ".arff" in name
        or (not options.out.suffix and table.format in _JOINED)
    )


@contextmanager
def _opened(table: Table, options: StreamPredict, ranked: bool) -> Iterator[_Out]:
    if options.out is None:
        yield _Lines()
        return
    extra = (PREDICTED, PROBABILITY) if ranked else (PREDICTED,)
    with writer_like(table, options.out, extra) as out:
        yield out


class _Lines:
    """Writes rows as JSON lines to standard output."""

    def write(self, row: Row, values: Mapping[str, Any]) -> None:
        print(json.dumps({**row.data, **values}, ensure_ascii=False, default=str), flush=True)


def _malformed(row: Row, error: Exception) -> MalformedRow:
    raw = row.raw if isinstance(row.raw, str) else repr(row.data)
    return MalformedRow(row.number, str(error), raw)
