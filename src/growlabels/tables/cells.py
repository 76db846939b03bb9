"""Numbers in cells, and labels as people write them in one column."""

import ast
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from growlabels.base.errors import UsageError

SEPARATORS = ("|", ";", ",")
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_ANGLES = re.compile(r"(?:<[^<>]+>\s*)+")
_ANGLE = re.compile(r"<([^<>]+)>")
_BLANK_BETWEEN = re.compile(r"""(['"])\s+(['"])""")
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""")
_BRACKETS = re.compile(r"set\(\)|\[(.*)\]|\{(.*)\}|\((.*)\)", re.DOTALL)
_HINTS = {" ": "blanks", "/": "'/'", "\n": "line breaks", "\t": "tabs", "::": "'::'", "+": "'+'"}
MISSING = frozenset(("nan", "na", "n/a", "null", "none", "<na>", "#n/a", "nat"))
"""Words for a missing number, in any case, as R, pandas and spreadsheets write it."""
UNKNOWN = frozenset(("nan", "null", "none", "<na>", "#n/a", "nat"))
"""Words for labels that are not known, in any case; ``NA`` may be a label."""
_TRUTHS = {"true": 1.0, "false": 0.0}
_MOST = 1000


def number(value: object, decimal_comma: bool = False) -> float | None:
    """Return the number that a cell holds; None where it is missing (empty, ``NA``, ``NaN``, ...).

    Parameters
    ----------
    value
        Text, a number, a truth value, or None.
    decimal_comma
        Whether ``0,5`` is a half, as :attr:`Table.decimal_commas` says of a column.

    Raises
    ------
    ValueError
        It holds something else, or a number that is not finite.

    Examples
    --------
    >>> number("0.5"), number("0,5", decimal_comma=True), number(" "), number(True)
    (0.5, 0.5, None, 1.0)
    """
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if decimal_comma and _COMMA.fullmatch(text):
            text = text.replace(",", ".")
        try:
            found = math.nan if "_" in text else float(text)
        except ValueError:
            found = _TRUTHS.get(text.lower(), math.nan)
        if math.isnan(found) and text.lower() in MISSING:
            return None
    elif value is None:
        return None
    elif isinstance(value, bool | int | float | Decimal | np.number | np.bool_):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
    else:
        found = math.nan
    if not math.isfinite(found):
        shown = repr(value)
        shown = shown if len(shown) <= 42 else shown[:39] + "..."
        raise ValueError(f"must be a finite number, it was {shown}")
    return found


@dataclass
class LabelForm:
    """How the labels of a row are written in one column; :func:`find_label_form` finds it out.

    Attributes
    ----------
    kind
        ``"list"``, ``"object"``, ``"JSON list"``, ``"Python list"``, ``"angles"``, ``"separated"``
        or ``"single"``.
    separator
        Between labels, where they are separated.
    name
        Of the column, for messages.
    unsplit
        Values read so far as one label although they hold a letter that often separates labels.
    hint
        What may separate labels and was not taken for it.
    """

    kind: str
    separator: str = ""
    name: str = ""
    chosen: bool = False
    unsplit: int = field(default=0, compare=False)
    hint: str = field(default="", compare=False)

    @property
    def sentence(self) -> str:
        """What was found out, in one sentence; empty where it cannot be mistaken."""
        ways = {
            "JSON list": "holds JSON lists of labels",
            "Python list": "holds Python lists of labels",
            "angles": "holds labels in angle brackets",
            "brackets": "holds labels in brackets, separated by ','",
            "separated": f"holds several labels a cell, separated by {self.separator!r}",
            "single": "holds one label a cell",
        }
        if self.kind not in ways or self.chosen:
            return ""
        said = f"column {self.name!r} {ways[self.kind]} (--label-separator says otherwise)"
        if self.hint:
            said += f"; {_HINTS[self.hint]} stand between words that are labels alone elsewhere"
        return said

    def labels(self, value: object) -> list[str] | None:
        """Return the labels of a row; None where they are not known.

        A missing value is not known. Blank text is no label where several stand in a cell, and
        not known where one does.

        Raises
        ------
        ValueError
            The value is not of this form.
        """
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, list | tuple | set):
            return _names(value)
        if isinstance(value, Mapping):
            return [str(name) for name, there in value.items() if _truth(name, there)]
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        if not isinstance(value, str):
            return _names([value])
        text = value.strip()
        if not self.chosen and text.lower() in UNKNOWN:
            return None
        if self.kind == "separated":
            return _pieces(text.split(self.separator))
        if not text:
            return None
        if self.kind in ("JSON list", "Python list"):
            return _names(_parsed_list(text, self.kind))
        if self.kind == "angles":
            if not _ANGLES.fullmatch(text):
                raise ValueError(f"must hold labels in angle brackets, it was {text[:40]!r}")
            return _pieces(_ANGLE.findall(text))
        if self.kind == "brackets":
            if not (found := _BRACKETS.fullmatch(text)):
                raise ValueError(f"must hold labels in brackets, it was {text[:40]!r}")
            inside = "".join(part or "" for part in found.groups())
            return _pieces(piece.strip(" '\"") for piece in inside.split(","))
        if not self.chosen and any(letter in text for letter in SEPARATORS):
            self.unsplit += 1
        return [value] if self.chosen else [text]


def find_label_form(
    values: Iterable[object], separator: str | None = None, name: str = ""
) -> LabelForm:
    """Find out how labels are written in a column, by values of its first rows.

    Parameters
    ----------
    values
        Values of the first rows; at most 1,000 are looked at.
    separator
        What stands between labels in a cell; empty: a cell is one label. None: found out.
    name
        Of the column, for messages.

    Examples
    --------
    >>> form = find_label_form(["r;sql", "r", "pandas; r"], name="tags")
    >>> form.labels("sql; r"), form.labels(""), form.labels(None)
    (['sql', 'r'], [], None)
    >>> form.sentence
    "column 'tags' holds several labels a cell, separated by ';' (--label-separator says otherwise)"
    >>> find_label_form(["['r', 'sql']", "[]"]).labels("['sql']")
    ['sql']
    """
    if separator is not None:
        if not isinstance(separator, str):
            raise UsageError.parameter("label separator", "must be text", separator)
        return LabelForm("separated" if separator else "single", separator, name, chosen=True)
    seen = [value for value, _ in zip(values, range(_MOST), strict=False) if value is not None]
    if any(isinstance(value, list | tuple | set | np.ndarray) for value in seen):
        return LabelForm("list", name=name)
    if any(isinstance(value, Mapping) for value in seen):
        return LabelForm("object", name=name)
    cells = [text for value in seen if isinstance(value, str) and (text := value.strip())]
    cells = [text for text in cells if text.lower() not in UNKNOWN]
    for kind in ("JSON list", "Python list"):
        if cells and _all(cells, lambda cell, kind=kind: _parsed_list(cell, kind)):
            return LabelForm(kind, name=name)
    if cells and all(_ANGLES.fullmatch(cell) for cell in cells):
        return LabelForm("angles", name=name)
    if cells and all(map(_BRACKETS.fullmatch, cells)):
        return LabelForm("brackets", name=name)
    for letter in SEPARATORS:
        if _separates(letter, cells):
            return LabelForm("separated", letter, name)
    hint = next((letter for letter in _HINTS if _separates(letter, cells, few=False)), "")
    return LabelForm("single", name=name, hint=hint)


def _all(cells: list[str], read: Callable[[str], object]) -> bool:
    try:
        for cell in cells:
            read(cell)
    except ValueError:
        return False
    return True


def _separates(letter: str, cells: list[str], few: bool = True) -> bool:
    """Say whether a letter separates labels: the pieces come back in other cells.

    Words of a sentence between commas do not: most of them stand in one cell alone. Of fewer
    than 20 cells (``few``) short pieces are enough.
    """
    split = [_pieces(cell.split(letter)) for cell in cells if letter in cell]
    if not split:
        return False
    whole = [cell for cell in cells if letter not in cell]
    pieces = [piece for several in split for piece in several]
    elsewhere = set(whole)
    counts: dict[str, int] = {}
    for piece in pieces:
        counts[piece] = counts.get(piece, 0) + 1
    again = sum(count for piece, count in counts.items() if count > 1 or piece in elsewhere)
    short = few and len(cells) < 20 and all(len(piece.split()) <= 3 for piece in pieces)
    return 2 * again >= len(pieces) or short


def _pieces(parts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(piece for part in parts if (piece := part.strip())))


def _names(values: Iterable[object]) -> list[str]:
    found = []
    for label in values:
        if isinstance(label, np.generic):
            label = label.item()
        if isinstance(label, Mapping) and isinstance(label.get("name"), str):
            label = label["name"]
        if not isinstance(label, str | int) or isinstance(label, bool):
            shown = "null" if label is None else repr(label)[:40]
            raise ValueError(f"a label must be a string, it was {shown}")
        found.append(str(label))
    return found


def _truth(name: object, there: object) -> bool:
    if there not in (0, 1, None):
        raise ValueError(f"label {name!r} must be true or false, it was {there!r}")
    return bool(there)


def _parsed_list(text: str, kind: str) -> Iterable[object]:
    """Return the list that a text holds.

    Lists as numpy prints them, ``['a' 'b']``, have no commas: Python would join their strings.
    """
    if not text.startswith(("[", "(", "{")):
        raise ValueError(f"must be a {kind} of labels, it was {text[:40]!r}")
    try:
        if kind == "JSON list":
            found = json.loads(text)
        elif _BLANK_BETWEEN.search(text):
            found = [single or double for single, double in _QUOTED.findall(text)]
        else:
            found = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"must be a {kind} of labels, it was {text[:40]!r}") from error
    if not isinstance(found, list | tuple | set):
        raise ValueError(f"must be a {kind} of labels, it was {text[:40]!r}")
    return found
