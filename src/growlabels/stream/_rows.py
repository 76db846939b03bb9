"""Streams from files: ARFF, CSV and JSONL, with the label columns that the caller names."""

import csv
import gzip
import io
import itertools
import math
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.rows import MalformedRow, read_rows
from growlabels.datasets import load_arff
from growlabels.stream._prequential import ArrayRows

SetAside = Callable[[MalformedRow], None]
LabelRow = tuple[dict[str, float], dict[str, bool]]
ENDINGS = (".arff", ".arff.gz", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".jsonl", ".ndjson")
_NO_LABELS = (
    "{} does not say which {} are labels; pass --labels with a count (the last n), first-n, "
    "prefix:..., or names"
)
_TRUTH = {"1": True, "1.0": True, "true": True, "yes": True} | {
    "0": False, "0.0": False, "false": False, "no": False
}  # fmt: skip


def read_stream(
    path: Path, labels: str | None = None, set_aside: SetAside | None = None
) -> ArrayRows | Iterator[LabelRow]:
    """Read a file as a stream of (features, labels).

    Parameters
    ----------
    path
        ARFF (dense or sparse), CSV or TSV with a header, each plain or gzipped; or JSONL, which
        is read row by row while the stream runs: ``{"x": {...}, "y": [...]}`` or flat rows.
    labels
        Which columns are labels: ``"14"`` the last 14, ``"first-14"``, ``"prefix:tag_"``, names
        with commas between (a name that holds a comma in double quotes), or for ARFF the path of
        a Mulan XML file. None: what an ARFF file says of itself, or the ``y`` of JSONL rows.
    set_aside
        Called with each row that cannot be used. Without it such a row raises.

    Raises
    ------
    UsageError
        The file or a label column does not exist, the file's ending is unknown, or nothing says
        what the labels are.
    DataError
        The file is empty, or a row is malformed.
    """
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
        return _arff(path, labels, set_aside)
    if ending in (".jsonl", ".ndjson"):
        return _json_rows(path, labels, set_aside)
    return _table(path, labels, set_aside, "\t" if ending.startswith(".tsv") else ",")


def choose_columns(names: Sequence[str], labels: str, source: str) -> list[int]:
    """Return the places of the label columns.

    >>> choose_columns(["a", "tag_x", "tag_y"], "prefix:tag_", "f.csv")
    [1, 2]
    >>> choose_columns(["a", "b", "c"], "1", "f.csv"), choose_columns(["a", "b"], "b", "f.csv")
    ([2], [1])
    """
    counted = re.fullmatch(r"(first-|last-)?(\d+)", labels)
    if counted and labels not in names:
        count = int(counted[2])
        if not 0 < count < len(names):
            raise UsageError(
                f"{source} has {len(names)} columns, so it cannot have {count} labels and a "
                "feature; check the label count"
            )
        return list(range(count) if counted[1] == "first-" else range(len(names))[-count:])
    if labels.startswith("prefix:"):
        prefix = labels.removeprefix("prefix:")
        found = [i for i, name in enumerate(names) if name.startswith(prefix)]
        if not found:
            raise UsageError(f"{source} has no column that starts with {prefix!r}; {_some(names)}")
        return found
    wanted = [labels] if labels in names else _listed(labels)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise UsageError(f"{source} has no column {missing[0]!r}; {_some(names)}")
    return sorted({names.index(name) for name in wanted})


def _listed(labels: str) -> list[str]:
    """Split names at commas; a name that holds a comma stands in double quotes."""
    return [name.strip() for name in next(csv.reader([labels], skipinitialspace=True)) or [""]]


def _some(names: Sequence[str]) -> str:
    listed = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
    return f"it has {len(names)} columns: {listed}"


def _arff(path: Path, labels: str | None, set_aside: SetAside | None) -> ArrayRows:
    chosen: Any = labels
    if labels is not None and not labels.endswith(".xml"):
        counted = re.fullmatch(r"(first-|last-)?(\d+)", labels)
        if counted:
            chosen = int(counted[2]) * (1 if counted[1] == "first-" else -1)
        elif labels.startswith("prefix:"):
            prefix = labels.removeprefix("prefix:")
            chosen = lambda name: name.startswith(prefix)  # noqa: E731
        else:
            chosen = _listed(labels)
    try:
        X, Y, features, names = load_arff(path, chosen, set_aside)
    except UsageError as error:
        if labels is None:
            raise UsageError(_NO_LABELS.format(path.name, "attributes")) from error
        raise
    if isinstance(X, np.ndarray):
        X = np.nan_to_num(X, nan=0.0)  # "?": a missing feature is the same as one that is zero
    return ArrayRows(X, Y, features, names)


def _table(path: Path, labels: str | None, set_aside: SetAside | None, comma: str) -> ArrayRows:
    if labels is None:
        raise UsageError(_NO_LABELS.format(path.name, "columns"))
    lines = csv.reader(_text(path), delimiter=comma)
    rows = _lines(lines, path.name)
    names = [name.strip() for _, cells in itertools.islice(rows, 1) for name in cells]
    if any("\ufffd" in name for name in names):
        raise DataError(f"{path.name} line 1 is not UTF-8; save the file as UTF-8")
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise DataError(f"{path.name} has two columns named {twice!r}; rename one")
    columns = choose_columns(names, labels, path.name)
    inside = set(columns)
    features = [i for i in range(len(names)) if i not in inside]
    if not features:
        raise DataError(f"{path.name} has label columns only; it needs at least one feature")
    X, Y = [], []
    for line, cells in rows:
        if not any(cells):
            continue
        try:
            _same_width(cells, names)
            x = [_number(names[i], cells[i]) for i in features]
            y = [_truth(names[i], cells[i]) for i in columns]
        except ValueError as error:
            _bad(path, line, str(error), comma.join(cells), set_aside)
            continue
        X.append(x)
        Y.append(y)
    if not X:
        raise DataError(f"{path.name} has no row that can be used; is it whole?")
    return ArrayRows(
        np.array(X), np.array(Y), [names[i] for i in features], [names[i] for i in columns]
    )


def _text(path: Path) -> Iterable[str]:
    opener: Any = gzip.open if path.suffix == ".gz" else Path.open
    with (
        opener(path, "rb") as raw,
        io.TextIOWrapper(raw, "utf-8-sig", errors="replace", newline="") as text,
    ):
        yield from text


def _lines(lines: Any, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV reader, each with the line it begins on."""
    first = 1
    try:
        for cells in lines:
            yield first, cells
            first = lines.line_num + 1
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{source}: the gzip stream is cut off or damaged ({error}); get the file again"
        ) from error
    except csv.Error as error:
        raise DataError(f"{source} line {first}: {error}; mend or remove the row") from error


def _bad(path: Path, line: int, reason: str, raw: str, set_aside: SetAside | None) -> None:
    if set_aside is None:
        raise DataError(f"{path.name} line {line}: {reason}; mend or remove the row")
    set_aside(MalformedRow(line, reason, raw))


def _same_width(cells: Sequence[str], names: Sequence[str]) -> None:
    if len(cells) != len(names):
        raise ValueError(f"has {len(cells)} cells for {len(names)} columns")


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
        raise ValueError(f"column {name!r} must be a finite number, it was {cell[:40]!r}")
    return value


def _truth(name: str, cell: str) -> bool:
    found = _TRUTH.get(cell.strip().lower())
    if found is None:
        raise ValueError(f"label {name!r} must be 0 or 1, it was {cell[:40]!r}")
    return found


def _json_rows(path: Path, labels: str | None, set_aside: SetAside | None) -> Iterator[LabelRow]:
    chosen = None
    used = False
    for row in read_rows(path, set_aside):
        if labels is not None and chosen is None:
            chosen = _json_labels(labels, list(row.data), path.name)
        try:
            x, y = _xy(row.data, chosen)
        except ValueError as error:
            _bad(path, row.number, str(error), repr(dict(row.data)), set_aside)
            continue
        used = True
        yield x, y
    if not used:
        raise DataError(f"{path.name} has no row that can be used; is it whole?")


def _json_labels(labels: str, keys: list[str], source: str) -> Callable[[str], bool]:
    """Return which keys are labels; the first row must have them."""
    if re.fullmatch(r"(first-|last-)?\d+", labels) and labels not in keys:
        raise UsageError.parameter(
            "labels", "must be names or prefix:... for JSON rows, whose keys have no order", labels
        )
    chosen = {keys[i] for i in choose_columns(keys, labels, f"the first row of {source}")}
    if labels.startswith("prefix:"):
        return lambda name: name.startswith(labels.removeprefix("prefix:"))
    return chosen.__contains__


def _xy(data: Mapping[str, Any], is_label: Callable[[str], bool] | None) -> LabelRow:
    if is_label is None:
        missing = [key for key in ("x", "y") if key not in data]
        if missing:
            raise ValueError(
                f"has no key {missing[0]!r}; for flat rows say with --labels which keys are labels"
            )
        x, y = data["x"], data["y"]
        if not isinstance(x, Mapping):
            raise ValueError(f"'x' must be an object of numbers, it was {_short(x)}")
    else:
        x = {key: value for key, value in data.items() if not is_label(key)}
        y = {key: value for key, value in data.items() if is_label(key)}
    return {k: _json_number(k, v) for k, v in x.items() if v is not None}, _json_truths(y)


def _json_truths(y: object) -> dict[str, bool]:
    if isinstance(y, list):
        wrong = [label for label in y if not isinstance(label, str | int)]
        if wrong:
            raise ValueError(f"a label must be a string, it was {_short(wrong[0])}")
        return {str(label): True for label in y}
    if not isinstance(y, Mapping):
        raise ValueError(f"'y' must be a list of labels or an object, it was {_short(y)}")
    for label, there in y.items():
        if there not in (0, 1, None):
            raise ValueError(f"label {label!r} must be true or false, it was {_short(there)}")
    return {str(label): bool(there) for label, there in y.items() if there is not None}


def _json_number(name: str, value: object) -> float:
    if not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise ValueError(f"feature {name!r} must be a finite number, it was {_short(value)}")
    return float(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
