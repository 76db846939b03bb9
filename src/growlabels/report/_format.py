"""Numbers and other values as a reader wants to see them."""

import math
import numbers
import unicodedata
from collections.abc import Iterable, Iterator, Mapping


def format_value(value: object, digits: int | None = None) -> str:
    """Write a value for people.

    Floats get ``digits`` decimals, by default as many as four digits need and at most three; or
    powers of ten where those would hide the figure. Whole numbers get thousands separators;
    ``None`` is an en dash; a figure that is not a number says so.

    >>> format_value(0.12345), format_value(1234567), format_value(0.00002), format_value(None)
    ('0.123', '1,234,567', '2.0e-05', '–')
    >>> format_value(float("nan")), format_value(True), format_value(12345.678)
    ('not defined', 'yes', '12,346')
    >>> format_value(12345.678, digits=1), format_value(83.1249)
    ('12,345.7', '83.12')
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
        return _format_float(float(value), decimals([float(value)]) if digits is None else digits)
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(format_value(item, digits) for item in value)
    return plain(value)


def decimals(values: Iterable[float]) -> int:
    """Return how many decimals a column of figures needs, judged by its largest.

    >>> decimals([0.5, 0.25]), decimals([83.1, 5.0]), decimals([5312.4, 0.1])
    (3, 2, 0)
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return 3 if largest < 1 else max(0, 3 - math.floor(math.log10(largest)))


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


def exact(value: object) -> str:
    """Write a setting in full: nothing rounded, no separators.

    >>> exact(0.0125), exact(None), exact([1000, 2.5])
    ('0.0125', 'none', '1000, 2.5')
    """
    if value is None:
        return "none"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(exact(item) for item in value) or "none"
    return plain(value)


def flatten(settings: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the leaves of nested settings under dotted names.

    >>> list(flatten({"model": {"layers": 8}, "seed": 0}))
    [('model.layers', 8), ('seed', 0)]
    >>> list(flatten({"fits": [{"seed": 0}, {"seed": 1}]}))
    [('fits.1.seed', 0), ('fits.2.seed', 1)]
    """
    for name, value in settings.items():
        if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            value = {str(place): one for place, one in enumerate(value, 1)}
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
