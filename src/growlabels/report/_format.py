"""Numbers and other values as a reader wants to see them."""

import math
import numbers
import unicodedata
from collections.abc import Iterator, Mapping


def format_value(value: object, digits: int = 3) -> str:
    """Write a value for people.

    Floats get ``digits`` decimals, or powers of ten where those would hide the figure; whole
    numbers get thousands separators; ``None`` is an en dash; a figure that is not a number says
    so.

    >>> format_value(0.12345), format_value(1234567), format_value(0.00002), format_value(None)
    ('0.123', '1,234,567', '2.0e-05', '–')
    >>> format_value(float("nan")), format_value(True), format_value(12345.678, digits=1)
    ('not defined', 'yes', '12,345.7')
    """
    if value is None:
        return "–"
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()  # type: ignore[attr-defined]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}"
    if isinstance(value, numbers.Real):
        return _format_float(float(value), digits)
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(format_value(item, digits) for item in value)
    return plain(value)


def _format_float(value: float, digits: int) -> str:
    if math.isnan(value):
        return "not defined"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.{digits}f}"
    hidden = value != 0 and abs(value) < 0.5 * 10.0**-digits
    if hidden or abs(value) >= 1e15:
        text = f"{value:.1e}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")
    return text.replace("-", "−", 1) if text.startswith("-") else text


def plain(value: object) -> str:
    """Return text without control characters, which neither XML nor a reader can take.

    >>> plain("a\\x00b")
    'a�b'
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if _is_control(letter) else letter for letter in str(value)
    )


def _is_control(letter: str) -> bool:
    if letter in "\t\n":
        return False
    return unicodedata.category(letter) in ("Cc", "Cs") or letter in "\ufffe\uffff"


def flatten(settings: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the leaves of nested settings under dotted names.

    >>> list(flatten({"model": {"layers": 8}, "seed": 0}))
    [('model.layers', 8), ('seed', 0)]
    """
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
