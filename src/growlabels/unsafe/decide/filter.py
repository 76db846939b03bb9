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
    """Hold the number of rows in each file, and the threshold that decided.

    Attributes
    ----------
    kept, rejected, malformed
        Numbers of rows written to each file. Their sum is the number of input rows.
    threshold
        The resolved threshold.
    files
        Names of the files or folders that were written.

    Examples
    --------
    >>> threshold = Threshold("top:1", 1, 2.5, "top:1 rejects 1 of 3 rows")
    >>> FilterResult(2, 1, 0, threshold, ("kept.jsonl",)).kept
    2
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
    """Write kept and rejected rows in the format of the source, and the reasons.

    Parameters
    ----------
    source
        The scanned rows.
    table
        Scores of these rows.
    out
        Output folder, created if necessary. ``kept`` and ``rejected`` get the extension of the
        source. Lines are copied byte for byte, Parquet keeps its schema, and a folder of shards or
        a saved dataset becomes a folder. Rows in memory are written as ``.jsonl``.
        ``reasons.jsonl`` explains each rejection.
    threshold
        Specification as in :func:`resolve_threshold`. The default favours recall.
    decisions
        Row id -> decision of a person, which overrides the threshold. ``"unsure"`` leaves a row to
        the threshold. None by default.
    labels
        Row id -> 1 for unsafe, 0 for safe. Labels and decisions calibrate ``precision:p``. Labels
        alone neither reject nor keep a row. None by default.

    Raises
    ------
    UsageError
        The threshold cannot be read, a file would overwrite the source, or the folder holds kept
        rows in another format.
    DataError
        The rows differ from the scanned rows, or a decision belongs to no scanned row.

    Examples
    --------
    >>> from growlabels.unsafe import Scanner
    >>> rows = [{"prompt": "Sort.", "completion": "return sorted(items)"},
    ...         {"prompt": "Parse.", "completion": "return eval(text)"}]
    >>> harm = [{"prompt": "Read it.", "completion": "value = eval(line)"}]
    >>> table = Scanner("smollm2", methods=["tfidf"]).fit(rows).score(harm)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = filter_rows(rows, table, folder, "top:1")
    >>> found.kept, found.rejected
    (1, 1)
    """
    UsageError.require_instance("table", table, ScoreTable, "Scanner.score returns it")
    UsageError.require_path("out", out)
    source = held(source)
    unread: list[MalformedRow] = []
    rows = open_rows(source, unread.append, table.encoding)
    folder = Path(out)
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
        for name in names:  # all are complete, so an interrupt cannot mix new and old files
            _replace(Path(staging, name), folder / name)
    return FilterResult(*counts, resolved, names)


def rejected_rows(
    table: ScoreTable,
    threshold: str,
    decisions: Mapping[str, Decision] | None = None,
    labels: Mapping[str, int] | None = None,
) -> tuple[np.ndarray, Threshold]:
    """Return the mask of rejected rows, shape (rows,), and the threshold of :func:`filter_rows`."""
    if decisions is not None:
        UsageError.require_instance("decisions", decisions, Mapping, "map row ids to decisions")
    for decision in (decisions or {}).values():
        UsageError.require_choice("decision", decision, get_args(Decision))
    unknown = set(decisions or ()) - set(table.row_id)
    if unknown:
        raise DataError(
            f"{len(unknown)} of {len(decisions or ())} decisions belong to rows that were not "
            f"scanned (the first: {min(map(str, unknown))!r}); remove them"
        )
    decided = np.array([(decisions or {}).get(row_id, "") for row_id in table.row_id])
    known = known_labels(table.row_id, decisions, labels)
    percentiles = next(iter(table.percentiles.values()))
    resolved = resolve_threshold(threshold, table.score, percentiles, known)
    return (table.flagged(resolved) & (decided != "accept")) | (decided == "reject"), resolved


@dataclass(frozen=True)
class _Scored:
    """Hold the score table, the mask of rejected rows and the reasons."""

    table: ScoreTable
    reject: np.ndarray
    reasons: "_Reasons"


def _split(
    rows: Table, unread: list[MalformedRow], folder: Path, names: tuple[str, ...], scored: _Scored
) -> tuple[int, int, int]:
    """Write all files and return the numbers of kept, rejected and malformed rows."""
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
    """Write the unreadable rows, clear the list, and return their number."""
    for bad in unread:
        record = {"number": bad.number, "reason": bad.reason, "raw": bad.raw}
        file.write(json_line(record) + "\n")
    count = len(unread)
    unread.clear()
    return count


def _replace(new: Path, old: Path) -> None:
    """Replace a file or a folder."""
    if old.is_dir():
        shutil.rmtree(old)
    new.replace(old)


def _refuse_own_source(
    source: RowSource, rows: Table, folder: Path, names: tuple[str, ...]
) -> None:
    """Raise if an output file would overwrite the source."""
    own = {part.path.resolve() for part in rows.parts if part.path is not None}
    own |= {Path(source).resolve()} if isinstance(source, str | os.PathLike) else set()
    for name in names:
        if own & {
            target := (folder / name).resolve(),
            *(path for path in own if target in path.parents),
        }:
            raise UsageError(
                f"the filter's {name} would overwrite the source {rows.name!r}; choose another "
                "folder"
            )


def _refuse_other_form(folder: Path, name: str) -> None:
    """Raise if the folder holds kept rows in another format."""
    others = [path for path in folder.glob(f"{KEPT}*") if path.name != name]
    others = [path for path in others if path.name == KEPT or path.name.startswith(f"{KEPT}.")]
    if others:
        raise UsageError(
            f"{str(others[0])!r} holds kept rows in another format than the new {name}; delete it "
            "or choose another folder"
        )


_CHANGED = (
    "the rows differ from the scanned rows (first difference at row {number}); "
    "scan them again into a new run folder"
)


def json_line(record: Mapping[str, Any]) -> str:
    """Return one line of JSON."""
    return json.dumps(dict(record), ensure_ascii=False, default=str)


class _Reasons:
    """Build the lines of ``reasons.jsonl``."""

    def __init__(self, table: ScoreTable, threshold: Threshold, by_person: np.ndarray) -> None:
        self._table = table
        self._by_person = by_person
        self._threshold = threshold
        self._ranks = {name: ranks(scores) for name, scores in table.methods.items()}

    def record(self, index: int, row: Row) -> dict[str, Any]:
        """Return the line of one rejected row."""
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
