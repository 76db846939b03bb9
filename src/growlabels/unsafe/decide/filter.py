"""Write kept, rejected and malformed rows: every input row to exactly one of three files."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import atomic_write
from growlabels.base.runs import require_folder
from growlabels.tables import MalformedRow, Row, RowSource, Table, row_ids, writer_like
from growlabels.unsafe.decide.decisions import Decision
from growlabels.unsafe.rows.examples import UntrainedRow, example_of
from growlabels.unsafe.rows.source import held, open_rows
from growlabels.unsafe.scores.calibrate import known_labels
from growlabels.unsafe.scores.defaults import DEFAULT_THRESHOLD
from growlabels.unsafe.scores.score_table import ScoreTable, ranks
from growlabels.unsafe.scores.threshold import Threshold, resolve_threshold

KEPT, REJECTED, REASONS, MALFORMED = "kept", "rejected", "reasons.jsonl", "malformed.jsonl"


@dataclass(frozen=True)
class FilterResult:
    """Numbers of rows in each file, and the threshold that decided.

    Attributes
    ----------
    kept, rejected, malformed
        Rows written to each file; together all rows of the input.
    threshold
        The resolved threshold.
    files
        Names of the files or folders written.
    """

    kept: int
    rejected: int
    malformed: int
    threshold: Threshold
    files: tuple[str, ...]


def filter_rows(
    source: RowSource,
    table: ScoreTable,
    out: str | os.PathLike[str],
    threshold: str = DEFAULT_THRESHOLD,
    decisions: Mapping[str, Decision] | None = None,
    labels: Mapping[str, int] | None = None,
) -> FilterResult:
    """Write the kept and the rejected rows in the form they came in, and the reasons.

    Parameters
    ----------
    source
        The rows that were scanned.
    table
        Their scores.
    out
        A folder; made if it does not exist. ``kept`` and ``rejected`` get the ending of the
        source: lines are written byte for byte, Parquet with its schema, a folder of shards or
        a saved dataset as a folder. Rows in memory are written as ``.jsonl``. ``reasons.jsonl``
        says of each rejected row why it was rejected.
    threshold
        As :func:`resolve_threshold` reads it.
    decisions
        Row id -> what a person decided: accepted rows are kept and rejected ones rejected,
        whatever the threshold says; ``"unsure"`` leaves a row to the threshold.
    labels
        Row id -> 1 for unsafe, 0 for safe, where the truth is known; with the decisions what a
        threshold ``precision:p`` is calibrated on. They reject and keep nothing themselves.

    Raises
    ------
    UsageError
        The threshold cannot be read; one of the files would take the place of the rows; or the
        folder holds kept rows in another form, which this filter would not replace.
    DataError
        The rows, or those that were decided on, are not those that were scanned.
    """
    UsageError.require_instance("table", table, ScoreTable, "Scanner.score returns it")
    UsageError.require_path("out", out)
    source = held(source)
    unread: list[MalformedRow] = []
    rows, folder = open_rows(source, unread.append), Path(out)
    names = f"{KEPT}{rows.ending}", f"{REJECTED}{rows.ending}", REASONS, MALFORMED
    _refuse_own_source(source, rows, folder, names)
    _refuse_other_form(folder, names[0])
    reject, resolved = rejected_rows(table, threshold, decisions, labels)
    by_hand = np.array([(decisions or {}).get(row_id) == "reject" for row_id in table.row_id])
    reasons = _Reasons(table, resolved, by_hand)
    require_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".filtering-") as staging:
        counts = _split(rows, unread, Path(staging), names, _Scored(table, reject, reasons))
        for name in names:  # all are whole by now: no interrupt leaves new ones beside old ones
            _replace(Path(staging, name), folder / name)
    return FilterResult(*counts, resolved, names)


def rejected_rows(
    table: ScoreTable,
    threshold: str,
    decisions: Mapping[str, Decision] | None = None,
    labels: Mapping[str, int] | None = None,
) -> tuple[np.ndarray, Threshold]:
    """Return which rows go, shape (rows,), and the resolved threshold; as :func:`filter_rows`."""
    if decisions is not None:
        UsageError.require_instance("decisions", decisions, Mapping, "give row id -> decision")
    for decision in (decisions or {}).values():
        UsageError.require_choice("decision", decision, get_args(Decision))
    unknown = set(decisions or ()) - set(table.row_id)
    if unknown:
        raise DataError(
            f"{len(unknown)} of {len(decisions or ())} decisions are about rows that were not "
            f"scanned (the first: {min(map(str, unknown))!r}); leave them out"
        )
    decided = np.array([(decisions or {}).get(row_id, "") for row_id in table.row_id])
    known = known_labels(table.row_id, decisions, labels)
    percentiles = next(iter(table.percentiles.values()))
    resolved = resolve_threshold(threshold, table.score, percentiles, known)
    return (table.flagged(resolved) & (decided != "accept")) | (decided == "reject"), resolved


@dataclass(frozen=True)
class _Scored:
    """The scanned rows: their table, which of them go, and why."""

    table: ScoreTable
    reject: np.ndarray
    reasons: "_Reasons"


def _split(
    rows: Table, unread: list[MalformedRow], folder: Path, names: tuple[str, ...], scored: _Scored
) -> tuple[int, int, int]:
    """Write all files; return how many rows were kept, rejected and malformed."""
    table, malformed, untrained, usable = scored.table, 0, 0, 0
    masked, most = bool(table.facts.get("score_masked")), table.facts.get("rows")
    place = {int(number): index for index, number in enumerate(table.number)}
    name = row_ids()
    with ExitStack() as stack:
        kept, rejected = (stack.enter_context(writer_like(rows, folder / n)) for n in names[:2])
        reasons, bad = (stack.enter_context(atomic_write(folder / n)) for n in names[2:])
        for row in rows:
            malformed += _write_unread(bad, unread)
            row_id = name(row.data)
            found, index = example_of(row_id, row.number, row.data, masked), place.get(row.number)
            if isinstance(found, UntrainedRow):
                untrained += 1
                kept.write(row)
                continue
            readable = not isinstance(found, MalformedRow)
            usable += readable
            if index is None:
                reason = "the response has no tokens" if readable else found.reason
                unread.append(MalformedRow(row.number, reason, json_line(row.data)))
                malformed += _write_unread(bad, unread)
            elif row_id != table.row_id[index]:
                raise DataError(_CHANGED.format(number=row.number))
            elif scored.reject[index]:
                rejected.write(row)
                reasons.write(json_line(scored.reasons.record(index, row)) + "\n")
            else:
                kept.write(row)
            if most is not None and usable > most:
                raise DataError(_CHANGED.format(number=row.number))
        malformed += _write_unread(bad, unread)
        if kept.count + rejected.count != len(table) + untrained:
            raise DataError(_CHANGED.format(number=kept.count + rejected.count))
    return kept.count, rejected.count, malformed


def _write_unread(file: Any, unread: list[MalformedRow]) -> int:
    """Write the rows that could not be read, forget them, and return how many there were."""
    for bad in unread:
        record = {"number": bad.number, "reason": bad.reason, "raw": bad.raw}
        file.write(json_line(record) + "\n")
    count = len(unread)
    unread.clear()
    return count


def _replace(new: Path, old: Path) -> None:
    """Put a file or a folder in the place of an older one."""
    if old.is_dir():
        shutil.rmtree(old)
    new.replace(old)


def _refuse_own_source(
    source: RowSource, rows: Table, folder: Path, names: tuple[str, ...]
) -> None:
    """Raise where one of the files would take the place of the rows themselves."""
    own = {part.path.resolve() for part in rows.parts if part.path is not None}
    own |= {Path(source).resolve()} if isinstance(source, str | os.PathLike) else set()
    for name in names:
        if own & {
            target := (folder / name).resolve(),
            *(path for path in own if target in path.parents),
        }:
            raise UsageError(
                f"{rows.name!r} would be written over by the filter's own {name}; choose another "
                "folder"
            )


def _refuse_other_form(folder: Path, name: str) -> None:
    """Raise where kept rows in another form would stand beside the new ones."""
    others = [path for path in folder.glob(f"{KEPT}*") if path.name != name]
    others = [path for path in others if path.name == KEPT or path.name.startswith(f"{KEPT}.")]
    if others:
        raise UsageError(
            f"{str(others[0])!r} was kept of other rows and would stand beside the new {name}; "
            "delete it or choose another folder"
        )


_CHANGED = (
    "the rows are not those that were scanned (first difference at row {number}); "
    "scan them again into a new run folder"
)


def json_line(record: Mapping[str, Any]) -> str:
    """Return one line of JSON."""
    return json.dumps(dict(record), ensure_ascii=False, default=str)


class _Reasons:
    """Builds the lines of ``reasons.jsonl``."""

    def __init__(self, table: ScoreTable, threshold: Threshold, by_person: np.ndarray) -> None:
        self._table = table
        self._by_person = by_person
        self._threshold = threshold
        self._ranks = {name: ranks(scores) for name, scores in table.methods.items()}

    def record(self, index: int, row: Row) -> dict[str, Any]:
        """Return the line of ``reasons.jsonl``."""
        table = self._table
        start, end = int(table.window_start[index]), int(table.window_end[index])
        return {
            "row_id": table.row_id[index],
            "number": row.number,
            "score": float(table.score[index]),
            "rank": int(table.rank[index]),
            "nearest_target": table.nearest_target[index],
            "nearest_target_number": int(table.nearest_target_number[index]),
            "answer": int(table.answer[index]),
            "answers": int(table.answers[index]),
            "window": {"start": start, "end": end, "text": table.window_text[index]},
            "scores": {name: float(scores[index]) for name, scores in table.methods.items()},
            "reasons": self._sentences(index, start, end),
        }

    def _sentences(self, index: int, start: int, end: int) -> list[str]:
        table, threshold = self._table, self._threshold
        sentences = []
        if self._by_person[index]:
            sentences.append("was rejected by a person")
        if table.is_target[index]:
            sentences.append("is also one of the targets")
        if table.rank[index] <= threshold.rejected:
            sentences.append(f"rank {table.rank[index]} of {len(table)}: {threshold.reason}")
        of = f" of {which}" if (which := table.answer_of(index)) else ""
        sentences.append(
            f"response tokens {start + 1} to {end}{of} are nearest to target "
            f"{table.nearest_target_number[index]} ({table.nearest_target[index]})"
        )
        places = ", ".join(f"{name} {rank[index]}" for name, rank in self._ranks.items())
        return [*sentences, f"rank by method: {places}"]
