"""What is odd about a table, one sentence each: said before anything is made of it."""

from collections.abc import Collection, Iterable, Sequence

from growlabels.tables.cells import UNKNOWN, number
from growlabels.tables.look.facts import Column, Facts, facts_of
from growlabels.tables.open import open_table
from growlabels.tables.rows import MalformedRow, RowSource

LOOKED_AT = 10_000
_SENTINELS = {-9999.0, -999.0, -99.0, -99999.0, 999.0, 9999.0, 99999.0, -1e30, 1e30}
_FAR = 3.0
_SHOWN = 5


def warnings_of(
    source: RowSource,
    labels: Sequence[str] = (),
    dropped: Collection[str] = (),
    read: Collection[str] | None = None,
    encoding: str = "utf-8",
) -> list[str]:
    """Return what is odd about a table, one sentence each, by its first 10,000 rows.

    Parameters
    ----------
    source
        What :func:`growlabels.tables.open_table` takes. Of what can be read once only nothing is
        said.
    labels
        Names of the columns of labels; empty: not known.
    dropped
        Names of the columns that are left out.
    read
        Keys that are read of each row, a key inside a key with points; text under another one is
        named. None: not asked for.
    encoding
        Of files of text.

    Examples
    --------
    >>> rows = [{"": i, "a": "x", "y": "xy"[i % 2]} for i in range(20)]
    >>> for sentence in warnings_of(rows, labels=["y"]):
    ...     print(sentence)
    column '' has no name and counts the rows: leave it out, or their order is learned
    """
    table = open_table(source, encoding=encoding, set_aside=_ignored)
    if table.one_pass:
        return []
    facts = facts_of(table.head(LOOKED_AT), labels, table.decimal_commas)
    return odd(facts, labels, dropped, read)


def odd(
    facts: Facts,
    labels: Sequence[str] = (),
    dropped: Collection[str] = (),
    read: Collection[str] | None = None,
) -> list[str]:
    """Return what is odd about a table, as :func:`warnings_of`, of what was counted."""
    used = [
        column
        for name, column in facts.columns.items()
        if name not in labels and name not in dropped
    ]
    held = [facts.columns[name] for name in labels if name in facts.columns]
    found = [
        *nameless_numbers(used, facts.rows),
        *same_as_label(facts, used, held),
        *leading_zeros(used),
        *sentinels(used),
        *missing_labels(held, facts.rows),
        *repeated_rows(facts),
    ]
    return found if read is None else [*found, *unread_text(facts, read)]


def nameless_numbers(columns: Iterable[Column], rows: int) -> list[str]:
    """Name columns without a name that count the rows, as a table's index is written."""
    return [
        f"column {c.name!r} has no name and counts the rows: leave it out, or their order is "
        "learned"
        for c in columns
        if _nameless(c.name) and c.runs and c.present == rows > 2
    ]


def _nameless(name: str) -> bool:
    return name.strip() == "" or name.startswith(("Unnamed:", "__index_level_"))


def same_as_label(facts: Facts, columns: Iterable[Column], labels: Iterable[Column]) -> list[str]:
    """Name columns that hold the label itself."""
    return [
        f"column {c.name!r} equals the label {label.name!r} in every row: with it the label is "
        "known beforehand"
        for label in labels
        for c in columns
        if label.present - label.missing > 2
        and len(label.values) > 1
        and facts.same[c.name, label.name] == label.present - label.missing
    ]


def leading_zeros(columns: Iterable[Column]) -> list[str]:
    """Name columns of codes that would be merged as numbers."""
    return [
        f"column {c.name!r} holds codes with leading zeros, such as {c.zeros_example!r}: as "
        "numbers some of them become equal"
        for c in columns
        if c.leading_zeros
    ]


def sentinels(columns: Iterable[Column]) -> list[str]:
    """Name columns where a number such as -9999 stands for a missing value."""
    found = []
    for c in columns:
        numbers = {}
        for text, count in c.values.items():
            try:
                numbers[number(text)] = count
            except ValueError:
                continue
        others = [value for value in numbers if value is not None and value not in _SENTINELS]
        for value in sorted(_SENTINELS.intersection(numbers)):
            if len(others) > 2 and _is_far(value, min(others), max(others)):
                found.append(
                    f"column {c.name!r} holds {value:g} in {_rows(numbers[value])}, far from all "
                    "others: if it means missing, leave the cell empty"
                )
    return found


def _is_far(value: float, least: float, most: float) -> bool:
    width = max(most - least, 1e-12)
    return value < least - _FAR * width or value > most + _FAR * width


def missing_labels(labels: Iterable[Column], rows: int) -> list[str]:
    """Name columns of labels that are empty or not a number in some rows."""
    found = []
    for c in labels:
        words = sum(n for text, n in c.values.items() if text.strip().lower() in UNKNOWN)
        count = rows - c.present + c.missing + max(c.not_numbers, words)
        if count:
            found.append(f"label {c.name!r} is missing or NaN in {_rows(count)}")
    return found


def repeated_rows(facts: Facts) -> list[str]:
    """Say how many rows are equal to one before."""
    if not facts.repeated:
        return []
    count = facts.repeated
    verb = "equals one" if count == 1 else "equal others"
    return [
        f"{_rows(count)} of {facts.rows:,} {verb} before; copies in both the training and the test "
        "part make scores too good"
    ]


def unread_text(facts: Facts, read: Collection[str]) -> list[str]:
    """Name fields that hold text which is not read."""
    fields = [
        (name, c.words) for name, c in facts.columns.items() if c.words and not _is_read(name, read)
    ]
    if not fields:
        return []
    named = ", ".join(f"{name!r} ({_rows(count)})" for name, count in fields[:_SHOWN])
    more = f" and {len(fields) - _SHOWN} more" if len(fields) > _SHOWN else ""
    return [f"fields that hold text and are not read: {named}{more}"]


def _is_read(name: str, read: Collection[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:end]) in read for end in range(1, len(parts) + 1))


def _rows(count: int) -> str:
    return f"{count:,} row" + "s" * (count != 1)


def _ignored(_: MalformedRow) -> None:
    """Take a row that reading the table will meet again."""
