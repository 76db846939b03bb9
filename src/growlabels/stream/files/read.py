"""Streams from files and standard input, with the label columns that the caller names."""

import csv
import io
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import DAMAGED_GZIP, damaged_gzip, open_bytes, separator
from growlabels.base.labels import repeated
from growlabels.base.rows import JSON_LINES
from growlabels.datasets import load_arff
from growlabels.stream.files.columns import (
    COUNT,
    Choice,
    choose_columns,
    choose_named,
    listed,
    refuse_both,
)
from growlabels.stream.files.json import (
    LabelRow,
    Refused,
    SetAside,
    count_words,
    hint_at_words,
    mapping_rows,
)
from growlabels.stream.rows.array_rows import ArrayRows

TableRow = tuple[list[Any], list[Any], dict[str, float]]
"""Values of features and labels, and counts of words; first the names."""
STANDARD_INPUT = "standard input"
TABLES = (".arff", ".arff.gz", ".csv", ".csv.gz", ".tsv", ".tsv.gz")
ENDINGS = (*TABLES, *JSON_LINES, ".parquet")
_NO_LABELS = (
    "{} does not say which {} are labels; pass --labels with a count (the last n), first-n, "
    "prefix:..., or names"
)
_TRUTH = {"1": True, "1.0": True, "true": True, "yes": True} | {
    "0": False, "0.0": False, "false": False, "no": False
}  # fmt: skip


def read_stream(
    path: Path,
    labels: str | None = None,
    set_aside: SetAside | None = None,
    text: str | None = None,
    drop: str | None = None,
) -> ArrayRows | Iterator[LabelRow]:
    """Read a file as a stream of (features, labels).

    Parameters
    ----------
    path
        ARFF (dense or sparse), CSV or TSV with a header, each plain or gzipped; or JSON lines
        (plain or gzipped) or Parquet, read row by row while the stream runs: ``{"x": {...},
        "y": [...]}`` or flat rows. ``-``: standard input, JSON lines or CSV, line by line.
    labels
        Which columns are labels: ``"14"`` the last 14, ``"first-14"``, ``"prefix:tag_"``, names
        with commas between (a name that holds a comma in double quotes), or for ARFF the path of
        a Mulan XML file. None: what an ARFF file says of itself, or the ``y`` of the rows.
    set_aside
        Called with each row that cannot be used. Without it such a row raises.
    text
        Names of columns or keys, with commas between, that hold text (not of ARFF): the counts of
        their words become features, ``"subject: refund"``.
    drop
        Names of columns or keys to leave out, with commas between.

    Raises
    ------
    UsageError
        The file or a column does not exist, the file's ending is unknown, or nothing says what
        the labels are.
    DataError
        The file is empty, or a row is malformed.
    """
    if not isinstance(labels, str | None):
        raise UsageError.parameter("labels", "must be text such as '14' or 'a,b'", labels)
    choice = Choice(labels, text, drop)
    if str(path) == "-":
        return _standard_input(choice, set_aside)
    if not path.is_file():
        raise UsageError.missing_file(path)
    ending = next((end for end in ENDINGS if path.name.lower().endswith(end)), None)
    if ending is None:
        raise UsageError.parameter(
            "file", "must end in one of " + " ".join(ENDINGS), path.name, "convert or rename it"
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty; there is nothing to learn from")
    if ending.startswith(".arff"):
        if text is not None:
            raise UsageError.parameter(
                "text", "is for CSV, JSON lines and Parquet, not for ARFF", text, "convert the file"
            )
        return _arff(path, labels, drop, set_aside)
    if ending not in TABLES:
        return mapping_rows(path, path.name, choice, set_aside)
    rows = _table_rows(_text(path), path.name, choice, set_aside)
    return _table(rows) if text is None else _by_name(rows)


def _arff(
    path: Path, labels: str | None, drop: str | None, set_aside: SetAside | None
) -> ArrayRows:
    chosen: Any = labels
    if labels is not None and not labels.endswith(".xml"):
        counted = COUNT.fullmatch(labels)
        if counted:
            chosen = int(counted[2]) * (1 if counted[1] == "first-" else -1)
        elif labels.startswith("prefix:"):
            prefix = labels.removeprefix("prefix:")
            chosen = lambda name: name.startswith(prefix)  # noqa: E731
        else:
            chosen = listed(labels)
    try:
        X, Y, features, names = load_arff(path, chosen, set_aside, listed(drop) if drop else ())
    except UsageError as error:
        if labels is None:
            raise UsageError(_NO_LABELS.format(path.name, "attributes")) from error
        raise
    if isinstance(X, np.ndarray):
        X = np.nan_to_num(X, nan=0.0)  # "?": a missing feature is the same as one that is zero
    return ArrayRows(X, Y, features, names)


def _table(rows: Iterator[TableRow]) -> ArrayRows:
    features, names, _ = next(rows)
    X, Y, _ = zip(*rows, strict=True)
    return ArrayRows(np.array(X), np.array(Y), features, names)


def _by_name(rows: Iterator[TableRow]) -> Iterator[LabelRow]:
    features, names, _ = next(rows)
    for x, y, words in rows:
        yield dict(zip(features, x, strict=True)) | words, dict(zip(names, y, strict=True))


def _table_rows(
    decoded: Iterable[str],
    source: str,
    choice: Choice,
    set_aside: SetAside | None,
) -> Iterator[TableRow]:
    """Yield the names of features and labels, then the values of each row and its words."""
    if choice.labels is None:
        raise UsageError(_NO_LABELS.format(source, "columns"))
    head = _head(decoded := iter(decoded), source)
    comma = separator(head[-1] if head else "")
    reader = csv.reader(chain(head, decoded), delimiter=comma)
    names = _header(reader, source)
    refused = Refused(source, "line", set_aside)
    dropped = choose_named(names, choice.drop, source)
    kept = [i for i in range(len(names)) if names[i] not in dropped]
    left = [names[i] for i in kept]
    labels = [kept[place] for place in choose_columns(left, choice.labels, source)]
    texts = choose_named(left, choice.text, source)
    refuse_both(texts, {names[i] for i in labels}.__contains__, source)
    read = [i for i in kept if names[i] in texts]
    features = [i for i in kept if i not in {*labels, *read}]
    if not features and not texts:
        raise DataError(f"{source} has label columns only; it needs at least one feature")
    yield [names[i] for i in features], [names[i] for i in labels], {}
    used = False
    for line, lines, cells in _lines(reader, source, refused):
        try:
            _same_width(cells, names, lines)
            x = [_number(names[i], cells[i]) for i in features]
            y = [_truth(names[i], cells[i]) for i in labels]
            words = count_words({names[i]: cells[i] for i in read}, left) if read else {}
        except ValueError as error:
            refused(line, error, comma.join(cells))
            continue
        used = True
        yield x, y, words
    if not used:
        raise refused.all()


def _head(lines: Iterator[str], source: str) -> list[str]:
    """Take the lines up to the first that is not blank."""
    head = []
    try:
        for line in lines:
            head.append(line)
            if line.strip():
                break
    except DAMAGED_GZIP as error:
        raise damaged_gzip(f"{source} after line {len(head)}", error) from error
    return head


def _header(reader: Any, source: str) -> list[str]:
    """Read the names of the columns; they are never set aside, or a row would be the header."""

    def unreadable(line: int, reason: object, raw: object) -> None:
        raise DataError(f"{source} line {line}: the header cannot be read: {reason}; mend it")

    _, _, cells = next(_lines(reader, source, unreadable), (0, 0, []))
    names = [name.strip() for name in cells]
    if not names:
        raise DataError(f"{source} is empty; there is nothing to learn from")
    if any("\ufffd" in name for name in names):
        raise DataError(f"{source} line 1 is not UTF-8; save the file as UTF-8")
    if len(names) == 1:
        raise DataError(
            f"{source} has one column only, {names[0][:40]!r}; it needs features and labels, with "
            "commas, tabs or semicolons between"
        )
    if twice := repeated(names):
        raise DataError(
            f"{source} has two columns named {twice[0]!r}; rename one, or put a line of names first"
        )
    return names


def _standard_input(choice: Choice, set_aside: SetAside | None) -> Iterator[LabelRow]:
    """Yield each row as soon as its line is there: JSON lines, or CSV with a header."""
    if sys.stdin is None:
        raise DataError(f"{STANDARD_INPUT} is closed; write the rows to it")
    raw = sys.stdin.buffer
    first = next((line for line in iter(raw.readline, b"") if line.strip()), b"")
    if not first:
        raise DataError(f"{STANDARD_INPUT} is empty; there is nothing to learn from")
    if first.startswith(b"\x1f\x8b"):
        raise DataError(f"{STANDARD_INPUT} is gzipped; unpack it with zcat or gzip -dc")
    lines = _Reread(first, raw)
    if first.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        read: Any = lines
        yield from mapping_rows(read, STANDARD_INPUT, choice, set_aside)
        return
    decoded = (line.decode("utf-8-sig", "replace") for line in iter(lines.readline, b""))
    yield from _by_name(_table_rows(decoded, STANDARD_INPUT, choice, set_aside))


class _Reread:
    """A binary file whose first line was read already."""

    name = STANDARD_INPUT

    def __init__(self, first: bytes, file: Any) -> None:
        self._first, self._file = first, file

    def readline(self) -> bytes:
        line, self._first = self._first or self._file.readline(), b""
        return line


def _text(path: Path) -> Iterable[str]:
    with (
        open_bytes(path) as raw,
        io.TextIOWrapper(raw, "utf-8-sig", errors="replace", newline="") as text,
    ):
        yield from text


def _lines(
    lines: Any, source: str, refused: Callable[[int, object, object], None]
) -> Iterator[tuple[int, int, list[str]]]:
    """Yield line, how many lines, and cells of each row of a CSV reader that is not blank."""
    while True:
        first = lines.line_num + 1
        try:
            cells = next(lines, None)
        except DAMAGED_GZIP as error:
            raise damaged_gzip(f"{source} after line {lines.line_num}", error) from error
        except csv.Error as error:
            refused(first, error, "")
            continue
        if cells is None:
            return
        if cells:
            yield first, lines.line_num + 1 - first, cells


def _same_width(cells: Sequence[str], names: Sequence[str], lines: int) -> None:
    if len(cells) != len(names):
        over = f" over {lines} lines: was a quote left open?" if lines > 1 else ""
        raise ValueError(f"has {len(cells)} cells for {len(names)} columns{over}")


def _number(name: str, cell: str) -> float:
    """Read a feature; an empty cell is a missing feature, which is the same as zero."""
    text = cell.strip()
    if not text:
        return 0.0
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        was = f"{cell[:40]!r}{hint_at_words(cell)}"
        raise ValueError(f"column {name!r} must be a finite number, it was {was}")
    return value


def _truth(name: str, cell: str) -> bool:
    found = _TRUTH.get(cell.strip().lower())
    if found is None:
        raise ValueError(f"label {name!r} must be 0 or 1, it was {cell[:40]!r}")
    return found
