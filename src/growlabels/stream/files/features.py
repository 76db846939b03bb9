"""Features of rows: numbers, and the counts of the words of texts."""

import re
import sys
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from growlabels.stream.files.keys import short

_WORD = re.compile(r"\w+")
_DATE = re.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}|\d{1,2}:\d\d")
_NO_NUMBERS = {"nan", "inf", "infinity", "na", "n/a", "none", "null"}


def json_features(x: Mapping[str, Any], texts: Mapping[str, object]) -> dict[str, float]:
    """Return finite numbers by name, and the counts of the words of each text."""
    found = {k: _json_number(k, v) for k, v in x.items() if v is not None and k not in texts}
    return found | count_words(texts, found) if texts else found


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
