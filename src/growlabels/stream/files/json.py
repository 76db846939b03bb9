"""Rows of JSON and Parquet as a stream: read, checked and handed on one by one."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from growlabels.base.errors import DataError
from growlabels.base.labels import repeated
from growlabels.base.rows import MalformedRow, read_mappings
from growlabels.stream.files.columns import Choice
from growlabels.stream.files.keys import LOOKED_AT, Keys, short

SetAside = Callable[[MalformedRow], None]
LabelRow = tuple[dict[str, float], dict[str, bool]]
_WORD = re.compile(r"\w+")
_DATE = re.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}|\d{1,2}:\d\d")
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
    source: Path | BinaryIO, name: str, choice: Choice, set_aside: SetAside | None
) -> Iterator[LabelRow]:
    """Yield the rows of a file of JSON lines or of Parquet."""
    ordered = name.lower().endswith(".parquet")
    refused = Refused(name, "row" if ordered else "line", set_aside)
    keys, count, used = None, 0, False
    for number, data in read_mappings(source, refused.add if set_aside else None):
        keys = keys or Keys(choice, data, name, ordered)
        if count == LOOKED_AT:
            keys.check(count)
        count += 1
        try:
            x, labels = keys.split(data)
            features, y = _features(x, keys.texts), _json_truths(labels)
        except ValueError as error:
            refused(number, error, data)
            continue
        used = True
        yield features, y
    if not used:
        raise refused.all()
    if keys is not None:
        keys.check(count)


def _features(x: Mapping[str, Any], texts: Collection[str]) -> dict[str, float]:
    """Return finite numbers by name, and the counts of the words of each text."""
    found = {k: _json_number(k, v) for k, v in x.items() if v is not None and k not in texts}
    return found | count_words({name: x.get(name) for name in texts}, found)


def count_words(texts: Mapping[str, object], taken: Collection[str]) -> dict[str, float]:
    """Count the words of texts in lower case, as features: column, colon, word.

    None is a text that is missing. No feature may have a name that is ``taken``.

    >>> count_words({"subject": "Refund? REFUND now"}, [])
    {'subject: refund': 2.0, 'subject: now': 1.0}
    """
    found: dict[str, float] = {}
    for name, text in texts.items():
        if not isinstance(text, str | None):
            raise ValueError(f"text {name!r} must be a string, it was {short(text)}")
        counts = Counter(_WORD.findall((text or "").lower()))
        found |= {f"{name}: {word}": float(count) for word, count in counts.items()}
    if twice := [name for name in taken if name in found]:
        raise ValueError(f"column {short(twice[0])} is also a word of a text; rename it")
    return found


def _json_truths(y: object) -> dict[str, bool]:
    if isinstance(y, list):
        for label in y:
            if not isinstance(label, str | int) or isinstance(label, bool):
                raise ValueError(f"a label must be a string, it was {short(label)}")
        names = list(map(str, y))
        if twice := repeated(names):
            raise ValueError(f"label {short(twice[0])} is named twice")
        return dict.fromkeys(names, True)
    if not isinstance(y, Mapping):
        raise ValueError(f"'y' must be a list of labels or an object, it was {short(y)}")
    for label, there in y.items():
        if there not in (0, 1, None):
            raise ValueError(f"label {label!r} must be true or false, it was {short(there)}")
    return {str(label): bool(there) for label, there in y.items() if there is not None}


def _json_number(name: str, value: object) -> float:
    if not isinstance(value, int | float | Decimal) or not abs(value) <= sys.float_info.max:
        was = short(value) + hint_at_words(value)
        raise ValueError(f"feature {name!r} must be a finite number, it was {was}")
    return float(value)


def hint_at_words(value: object) -> str:
    """Return what helps where a feature holds words or dates, not just a number gone wrong."""
    text = value.strip().lower() if isinstance(value, str) else ""
    words = text[:1].isalpha() and text not in _NO_NUMBERS
    if words:
        return " (--text counts its words, --drop leaves it out)"
    dated = isinstance(value, date | time) or _DATE.match(text)
    return " (--drop leaves dates out; make numbers of them to use them)" if dated else ""
