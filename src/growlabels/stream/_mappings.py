"""Rows of JSON and Parquet as a stream: read, checked and handed on one by one."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from growlabels.base.errors import DataError, UsageError
from growlabels.base.labels import repeated
from growlabels.base.rows import MalformedRow, read_mappings
from growlabels.stream._columns import COUNT, choose_columns, choose_text

SetAside = Callable[[MalformedRow], None]
LabelRow = tuple[dict[str, float], dict[str, bool]]
_WORD = re.compile(r"\w+")
_NO_NUMBERS = {"nan", "inf", "infinity", "na", "n/a", "none", "null"}


class Refused:
    """Sets bad rows aside, or raises at the first.

    Parameters
    ----------
    source
        What the rows are read from.
    where
        What a number of a row counts: ``"line"`` or ``"row"``.
    set_aside
        Called with each bad row. Without it a bad row raises.
    """

    def __init__(self, source: str, where: str, set_aside: SetAside | None) -> None:
        self._source, self._where, self._set_aside = source, where, set_aside
        self._first = ""

    def __call__(self, number: int, reason: object, raw: object) -> None:
        """Deal with one bad row."""
        told = f"{self._where} {number}: {reason}"
        if self._set_aside is None:
            raise DataError(f"{self._source} {told}; mend or remove the row")
        text = raw if isinstance(raw, str) else repr(raw)
        self.add(MalformedRow(number, str(reason), text))

    def add(self, row: MalformedRow) -> None:
        """Set a row aside."""
        self._first = self._first or f"{self._where} {row.number}: {row.reason}"
        if self._set_aside is not None:
            self._set_aside(row)

    def all(self) -> DataError:
        """Build the error of rows that cannot be used, one and all; or of no row at all."""
        if not self._first:
            return DataError(f"{self._source} has no rows; there is nothing to learn from")
        return DataError(f"{self._source} has no row that can be used; the first, {self._first}")


def mapping_rows(
    source: Path | BinaryIO,
    name: str,
    labels: str | None,
    text: str | None,
    set_aside: SetAside | None,
) -> Iterator[LabelRow]:
    """Yield the rows of a file of JSON lines or of Parquet; the first says what keys there are."""
    ordered = name.lower().endswith(".parquet")
    refused = Refused(name, "row" if ordered else "line", set_aside)
    chosen, texts, used = None, None, False
    for number, data in read_mappings(source, refused.add if set_aside else None):
        if labels is not None and chosen is None:
            chosen = _label_keys(labels, list(data), name, ordered)
        try:
            x, y = _split(data, chosen)
            if texts is None:
                keys, of_labels = (x, ()) if chosen is None else (data, set(data) - set(x))
                texts = choose_text(list(keys), text, of_labels, f"the first row of {name}")
            x, y = _features(x, texts), _json_truths(y)
        except UsageError:
            raise
        except ValueError as error:
            refused(number, error, data)
            continue
        used = True
        yield x, y
    if not used:
        raise refused.all()


def _label_keys(labels: str, keys: list[str], source: str, ordered: bool) -> Callable[[str], bool]:
    """Return which keys are labels; the first row must have them."""
    if not ordered and COUNT.fullmatch(labels) and labels not in keys:
        raise UsageError.parameter(
            "labels", "must be names or prefix:... for JSON rows, whose keys have no order", labels
        )
    chosen = {keys[i] for i in choose_columns(keys, labels, f"the first row of {source}")}
    if labels.startswith("prefix:"):
        return lambda name: name.startswith(labels.removeprefix("prefix:"))
    return chosen.__contains__


def _split(data: Mapping[str, Any], is_label: Callable[[str], bool] | None) -> tuple[Any, Any]:
    """Return features and labels as they stand in a row."""
    if is_label is None:
        missing = [key for key in ("x", "y") if key not in data]
        if missing:
            raise ValueError(
                f"has no key {missing[0]!r}; for flat rows say with --labels which keys are labels"
            )
        x, y = _object(data["x"]), _object(data["y"])
        if not isinstance(x, Mapping):
            raise ValueError(f"'x' must be an object of numbers, it was {_short(x)}")
        return x, y
    x = {key: value for key, value in data.items() if not is_label(key)}
    y = {key: value for key, value in data.items() if is_label(key)}
    listed = next(iter(y.values()), None) if len(y) == 1 else None
    return x, listed if isinstance(listed, list) else y


def _features(x: Mapping[str, Any], texts: Collection[str]) -> dict[str, float]:
    """Return finite numbers by name, and the counts of the words of each text."""
    found = {k: _json_number(k, v) for k, v in x.items() if v is not None and k not in texts}
    for name in texts:
        if x.get(name) is not None:
            words = count_words(name, x[name])
            if twice := found.keys() & words.keys():
                raise ValueError(
                    f"feature {_short(min(twice))} is also a word of a text; rename it"
                )
            found |= words
    return found


def count_words(name: str, text: object) -> dict[str, float]:
    """Count the words of a text in lower case, as features: column, colon, word.

    >>> count_words("subject", "Refund? REFUND now")
    {'subject: refund': 2.0, 'subject: now': 1.0}
    """
    if not isinstance(text, str):
        raise ValueError(f"text {name!r} must be a string, it was {_short(text)}")
    counts = Counter(_WORD.findall(text.lower()))
    return {f"{name}: {word}": float(count) for word, count in counts.items()}


def _object(value: object) -> object:
    """Return what a map column of Parquet holds, pairs of key and value, as an object."""
    if not (isinstance(value, list) and all(isinstance(pair, tuple) for pair in value)):
        return value
    found = dict(value)
    if len(found) < len(value):
        twice = repeated(key for key, _ in value)
        raise ValueError(f"key {_short(twice[0])} is there twice")
    return found


def _json_truths(y: object) -> dict[str, bool]:
    if isinstance(y, list):
        for label in y:
            if not isinstance(label, str | int) or isinstance(label, bool):
                raise ValueError(f"a label must be a string, it was {_short(label)}")
        names = list(map(str, y))
        if twice := repeated(names):
            raise ValueError(f"label {_short(twice[0])} is named twice")
        return dict.fromkeys(names, True)
    if not isinstance(y, Mapping):
        raise ValueError(f"'y' must be a list of labels or an object, it was {_short(y)}")
    for label, there in y.items():
        if there not in (0, 1, None):
            raise ValueError(f"label {label!r} must be true or false, it was {_short(there)}")
    return {str(label): bool(there) for label, there in y.items() if there is not None}


def _json_number(name: str, value: object) -> float:
    if not isinstance(value, int | float | Decimal) or not abs(value) <= sys.float_info.max:
        was = _short(value) + hint_at_words(value)
        raise ValueError(f"feature {name!r} must be a finite number, it was {was}")
    return float(value)


def hint_at_words(value: object) -> str:
    """Return what helps where a feature holds words, and not just a number gone wrong."""
    text = value.strip().lower() if isinstance(value, str) else ""
    words = text[:1].isalpha() and text not in _NO_NUMBERS
    return " (name it with --text to count its words, or leave it out)" if words else ""


def _short(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
