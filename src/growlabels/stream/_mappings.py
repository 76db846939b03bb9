"""Rows of JSON and Parquet as a stream: read, checked and handed on one by one."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from growlabels.base.errors import DataError, UsageError
from growlabels.base.rows import MalformedRow, read_mappings
from growlabels.stream._columns import choose_columns

SetAside = Callable[[MalformedRow], None]
LabelRow = tuple[dict[str, float], dict[str, bool]]


def mapping_rows(
    source: Path | BinaryIO, name: str, labels: str | None, set_aside: SetAside | None
) -> Iterator[LabelRow]:
    """Yield the rows of a file of JSON lines or of Parquet; the first says what keys there are."""
    ordered = name.lower().endswith(".parquet")
    chosen, used = None, False
    for number, data in read_mappings(source, set_aside):
        if labels is not None and chosen is None:
            chosen = _label_keys(labels, list(data), name, ordered)
        try:
            x, y = _xy(data, chosen)
        except ValueError as error:
            refuse(name, f"{'row' if ordered else 'line'} {number}", error, data, set_aside)
            continue
        used = True
        yield x, y
    if not used:
        raise DataError(f"{name} has no row that can be used; is it whole?")


def refuse(
    source: str, where: str, reason: object, raw: object, set_aside: SetAside | None
) -> None:
    """Set a bad row aside, or raise; ``where`` ends with its number."""
    if set_aside is None:
        raise DataError(f"{source} {where}: {reason}; mend or remove the row")
    text = raw if isinstance(raw, str) else repr(raw)
    set_aside(MalformedRow(int(where.rpartition(" ")[2]), str(reason), text))


def _label_keys(labels: str, keys: list[str], source: str, ordered: bool) -> Callable[[str], bool]:
    """Return which keys are labels; the first row must have them."""
    if not ordered and re.fullmatch(r"(first-|last-)?\d+", labels) and labels not in keys:
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
        names = list(map(str, y))
        if len(set(names)) < len(names):
            twice = next(name for i, name in enumerate(names) if name in names[:i])
            raise ValueError(f"label {_short(twice)} is named twice; name it once")
        return dict.fromkeys(names, True)
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
