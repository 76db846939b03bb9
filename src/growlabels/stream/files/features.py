"""Features of rows: numbers, and the counts of the words of texts."""

import re
import sys
from collections.abc import Collection, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from growlabels.stream.files.keys import short
from growlabels.stream.rows.text import TextFeatures, count_features

_DATE = re.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}|\d{1,2}:\d\d")
_NO_NUMBERS = {"nan", "inf", "infinity", "na", "n/a", "none", "null"}


def json_features(
    x: Mapping[str, Any], texts: Mapping[str, object], kind: TextFeatures = "ngrams"
) -> dict[str, float]:
    """Return finite numbers by name, and the features of each text."""
    found = {k: _json_number(k, v) for k, v in x.items() if v is not None and k not in texts}
    return found | text_features(texts, found, kind) if texts else found


def text_features(
    texts: Mapping[str, object], taken: Collection[str], kind: TextFeatures
) -> dict[str, float]:
    """Count the features of the texts of one row; None is a missing text.

    Raises
    ------
    ValueError
        A text is not a string, or a feature of a text has a name that is ``taken``.
    """
    found: dict[str, float] = {}
    for name, text in texts.items():
        if not isinstance(text, str | None):
            raise ValueError(f"text {name!r} must be a string, it was {short(text)}")
        found |= count_features(name, text or "", kind)
    if twice := [name for name in taken if name in found]:
        raise ValueError(f"column {short(twice[0])} is also a feature of a text; rename it")
    return found


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
