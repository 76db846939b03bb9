"""What the columns of a table hold, counted in one pass and bounded memory."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from growlabels.tables.cells import number
from growlabels.tables.keys import flat
from growlabels.tables.rows import Row

MOST_VALUES = 10_000
"""Distinct values of a column that are counted."""
MOST_COLUMNS = 5_000
"""Columns and keys that are counted."""
MOST_ROWS = 1_000_000
"""Rows among which rows that stand there twice are looked for."""
_ZEROS = re.compile(r"0\d+")
_WORDS = 3


@dataclass
class Column:
    """What one column, or one key, holds.

    Attributes
    ----------
    name
        Of the column; a key inside a key has points.
    first
        How many rows came before the first that has it.
    kinds
        Kind of value -> how many.
    values
        Value, as text -> how many; at most ``MOST_VALUES`` of them.
    words
        Texts of three words and more.
    leading_zeros
        Whole numbers written with a zero in front, and the first of them.
    not_numbers
        Numbers that are NaN.
    example
        The first value that is not missing.
    runs
        Whether each value is one more than that of the row before.
    """

    name: str
    first: int = 0
    present: int = 0
    missing: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    overflowed: bool = False
    words: int = 0
    leading_zeros: int = 0
    zeros_example: str = ""
    not_numbers: int = 0
    example: str = ""
    runs: bool = True
    last: float | None = None

    @property
    def kind(self) -> str:
        """The kind of most values."""
        return self.kinds.most_common(1)[0][0] if self.kinds else "empty"

    @property
    def distinct(self) -> str:
        """How many values differ."""
        return f"over {MOST_VALUES:,}" if self.overflowed else f"{len(self.values):,}"

    def add(self, value: Any, decimal_comma: bool) -> None:
        """Count one value."""
        self.present += 1
        if value is None:
            self.missing += 1
            self.runs = False
            return
        kind, found = _kind(value, decimal_comma)
        self.kinds[kind] += 1
        shown = value if isinstance(value, str) else repr(value)
        self.example = self.example or shown[:60].replace("\n", " ")
        if isinstance(found, float) and math.isnan(found):
            self.not_numbers += 1
        if kind == "text":
            self.words += len(shown.split()) >= _WORDS
        elif isinstance(value, str) and _ZEROS.fullmatch(value.strip()):
            self.leading_zeros += 1
            self.zeros_example = self.zeros_example or value.strip()
        whole = found is not None and (self.last is None or found == self.last + 1)
        self.runs, self.last = self.runs and whole, found
        if shown in self.values or len(self.values) < MOST_VALUES:
            self.values[shown[:200]] += 1
        else:
            self.overflowed = True


def _kind(value: Any, decimal_comma: bool) -> tuple[str, float | None]:
    """Return the kind of a value, and the number that it is."""
    if isinstance(value, bool):
        return "truth", None
    if isinstance(value, list | tuple):
        return "list", None
    if isinstance(value, Mapping):
        return "object", None
    if isinstance(value, float) and not math.isfinite(value):
        return "number", value
    try:
        found = number(value, decimal_comma)
    except ValueError:
        return ("text" if isinstance(value, str) else type(value).__name__), None
    return ("text", None) if found is None else ("number", found)


@dataclass
class Facts:
    """What a table holds.

    Attributes
    ----------
    rows
        How many rows were looked at.
    columns
        Name -> what the column holds.
    repeated
        Rows that are equal to one before.
    uncounted
        Values of columns beyond the first ``MOST_COLUMNS``.
    same
        Pair of columns -> in how many rows both hold the same value, as text.
    """

    rows: int = 0
    columns: dict[str, Column] = field(default_factory=dict)
    repeated: int = 0
    uncounted: int = 0
    same: Counter[tuple[str, str]] = field(default_factory=Counter)


def facts_of(
    rows: Iterable[Row], compared: Iterable[str] = (), decimal_commas: Iterable[str] = ()
) -> Facts:
    """Count what some rows hold.

    Parameters
    ----------
    rows
        The rows.
    compared
        Columns that every other one is compared with.
    decimal_commas
        Columns whose numbers have a decimal comma.

    >>> facts = facts_of([Row(1, {"a": "x", "b": "01"}), Row(2, {"a": None, "b": "2"})])
    >>> facts.rows, facts.columns["a"].missing, facts.columns["b"].leading_zeros
    (2, 1, 1)
    """
    facts = Facts()
    compared, commas = list(compared), set(decimal_commas)
    seen: set[int] = set()
    for row in rows:
        data = flat(row.data)
        for name, value in data.items():
            column = facts.columns.get(name)
            if column is None:
                if len(facts.columns) == MOST_COLUMNS:
                    facts.uncounted += 1
                    continue
                column = facts.columns[name] = Column(name, facts.rows)
            column.add(value, name in commas)
        for label in compared:
            if label in data and data[label] is not None:
                facts.same.update(
                    (name, label)
                    for name, value in data.items()
                    if name != label and (value is data[label] or str(value) == str(data[label]))
                )
        facts.rows += 1
        if len(seen) < MOST_ROWS:
            mark = hash(repr(data))
            facts.repeated += mark in seen
            seen.add(mark)
    return facts
