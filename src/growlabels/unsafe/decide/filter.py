"""Kept, rejected, malformed: every input row in exactly one of three files."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import atomic_write, open_bytes
from growlabels.base.rows import MalformedRow, Row, RowSource, read_rows
from growlabels.base.runs import require_folder
from growlabels.unsafe.decide.decisions import Decision
from growlabels.unsafe.rows.examples import UntrainedRow, read_examples
from growlabels.unsafe.scores.calibrate import known_labels
from growlabels.unsafe.scores.score_table import ScoreTable, ranks
from growlabels.unsafe.scores.threshold import DEFAULT_THRESHOLD, Threshold, resolve_threshold

KEPT, REJECTED, MALFORMED = "kept.jsonl", "rejected.jsonl", "malformed.jsonl"
KEPT_PARQUET = "kept.parquet"


@dataclass(frozen=True)
class FilterResult:
    """How many rows went where, and the threshold that decided.

    Attributes
    ----------
    kept, rejected, malformed
        Rows written to each file; together all rows of the input.
    threshold
        The resolved threshold.
    files
        Names of the files written.
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
    """Write the kept rows in the format they came in, the rejected with reasons.

    Parameters
    ----------
    source
        The rows that were scanned.
    table
        Their scores.
    out
        A folder; made if it does not exist. A JSONL row is kept byte for byte; from a Parquet
        file ``kept.parquet`` is written too, with the file's own schema.
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
        folder has the ``kept.parquet`` of other rows, which this filter would not replace.
    DataError
        The rows, or those that were decided on, are not those that were scanned.
    """
    UsageError.require_instance("table", table, ScoreTable, "it is what Scanner.score gives")
    UsageError.require_path("out", out)
    source = list(source) if isinstance(source, Iterator) else source
    folder = Path(out)
    _refuse_own_source(source, folder)
    path = Path(source) if isinstance(source, str | os.PathLike) else None
    from_parquet = path if path and _is_parquet(path) else None
    if not from_parquet and (folder / KEPT_PARQUET).exists():
        raise UsageError(
            f"{str(folder / KEPT_PARQUET)!r} was kept of other rows and would stand beside the new "
            f"{KEPT}; delete it or choose another folder"
        )
    reject, resolved = rejected_rows(table, threshold, decisions, labels)
    by_hand = np.array([(decisions or {}).get(row_id) == "reject" for row_id in table.row_id])
    reasons = _Reasons(table, resolved, by_hand)
    written = [KEPT, REJECTED, MALFORMED]
    require_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".filtering-") as staging:
        counts = _split(source, Path(staging), table, reject, reasons)
        if from_parquet:
            _write_kept_parquet(from_parquet, Path(staging), set(table.number[~reject].tolist()))
            written.append(KEPT_PARQUET)
        for name in written:  # all are whole by now: no interrupt leaves new ones beside old ones
            Path(staging, name).replace(folder / name)
    return FilterResult(counts[KEPT], counts[REJECTED], counts[MALFORMED], resolved, tuple(written))


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


def _split(
    source: RowSource, folder: Path, table: ScoreTable, reject: np.ndarray, reasons: "_Reasons"
) -> dict[str, int]:
    """Write the three files; return how many rows each has."""
    place = {int(number): index for index, number in enumerate(table.number)}
    counts: dict[str, int] = dict.fromkeys((KEPT, REJECTED, MALFORMED), 0)
    usable = untrained = 0
    with ExitStack() as stack:
        files = {name: stack.enter_context(atomic_write(folder / name)) for name in counts}
        for number, row, raw, why in _every_row(source, bool(table.facts.get("score_masked"))):
            index = place.get(number)
            if why is _UNTRAINED and row is not None:
                name, record = KEPT, raw or json_line(row.data)
            elif index is None or row is None:
                name, record = MALFORMED, json_line(_malformed(number, why, raw, row))
            elif row.id != table.row_id[index]:
                raise DataError(_CHANGED.format(number=number))
            elif reject[index]:
                name, record = REJECTED, json_line(reasons.record(index, row))
            else:
                name, record = KEPT, raw or json_line(row.data)
            files[name].write(record + "\n")
            counts[name] += 1
            untrained += why is _UNTRAINED
            usable += row is not None and not why
            if usable > table.facts.get("rows", usable):
                raise DataError(_CHANGED.format(number=number))
        if counts[KEPT] + counts[REJECTED] != len(table) + untrained:
            raise DataError(_CHANGED.format(number=counts[KEPT] + counts[REJECTED]))
    return counts


def _is_parquet(path: str | os.PathLike[str]) -> bool:
    return Path(path).suffix.lower() == ".parquet"


def _refuse_own_source(source: RowSource, folder: Path) -> None:
    """Raise where one of the files would take the place of the rows themselves."""
    if not isinstance(source, str | os.PathLike):
        return
    for name in (KEPT, REJECTED, MALFORMED, KEPT_PARQUET):
        if (folder / name).resolve() == Path(source).resolve():
            raise UsageError(
                f"{str(source)!r} would be written over by the filter's own {name}; "
                "choose another folder"
            )


_CHANGED = (
    "the rows are not those that were scanned (first difference at row {number}); "
    "scan them again into a new run folder"
)


def json_line(record: Mapping[str, Any]) -> str:
    """Return one line of JSON."""
    return json.dumps(dict(record), ensure_ascii=False, default=str)


class _Reasons:
    """Says of a rejected row why it was rejected."""

    def __init__(self, table: ScoreTable, threshold: Threshold, by_person: np.ndarray) -> None:
        self._table = table
        self._by_person = by_person
        self._threshold = threshold
        self._ranks = {name: ranks(scores) for name, scores in table.methods.items()}

    def record(self, index: int, row: Row) -> dict[str, Any]:
        """Return the line of ``rejected.jsonl``."""
        table = self._table
        start, end = int(table.window_start[index]), int(table.window_end[index])
        return {
            "row_id": row.id,
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
            "row": row.data,
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


def _malformed(number: int, why: str, raw: str, row: Row | None) -> dict[str, Any]:
    if row is not None:
        raw = raw or json_line(row.data)
    return {"number": number, "reason": why or "the response has no tokens", "raw": raw}


_UNTRAINED = "untrained"
"""Stands for the reason of a row that is kept without a score."""


def _every_row(source: RowSource, score_masked: bool) -> Iterator[tuple[int, Row | None, str, str]]:
    """Yield number, row (none if it cannot be read), raw line if there is one, and the reason."""
    why: dict[int, str] = {}

    def note(bad: MalformedRow) -> None:
        why[bad.number] = _UNTRAINED if isinstance(bad, UntrainedRow) else bad.reason

    for _ in read_examples(source, note, score_masked):
        pass
    unread: list[MalformedRow] = []
    raw = _Lines(source)
    for row in read_rows(source, unread.append):
        yield from _take(unread)
        yield row.number, row, raw.line(row.number), why.get(row.number, "")
    yield from _take(unread)


def _take(unread: list[MalformedRow]) -> Iterator[tuple[int, Row | None, str, str]]:
    for bad in unread:
        yield bad.number, None, bad.raw, bad.reason
    unread.clear()


class _Lines:
    """The lines of a JSONL file, read along with its rows; empty for other sources."""

    def __init__(self, source: RowSource) -> None:
        is_file = isinstance(source, str | os.PathLike)
        self._path = Path(source) if is_file and not _is_parquet(source) else None
        self._lines = self._read()

    def _read(self) -> Iterator[tuple[int, str]]:
        if self._path is None:
            return
        with open_bytes(self._path) as file:
            for number, line in enumerate(file, 1):
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8", "replace")

    def line(self, number: int) -> str:
        """Return a line without its end; numbers must ascend."""
        if self._path is None:
            return ""
        return next(text for found, text in self._lines if found == number).rstrip("\r\n")


def _write_kept_parquet(source: Path, folder: Path, kept: set[int]) -> None:
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(source)
    seen = 0
    with (
        atomic_write(folder / KEPT_PARQUET, "wb") as out,
        parquet.ParquetWriter(out, file.schema_arrow) as writer,
    ):
        for batch in file.iter_batches(batch_size=1024):
            mask = np.array([seen + i + 1 in kept for i in range(batch.num_rows)], bool)
            writer.write_batch(batch.filter(mask))
            seen += batch.num_rows
