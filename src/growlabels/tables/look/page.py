"""The command ``growlabels look``: how a file will be read, before anything runs."""

from collections.abc import Iterator, Sequence
from itertools import islice

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress
from growlabels.tables.cells import find_label_form
from growlabels.tables.keys import ABSENT, value_at
from growlabels.tables.look.commands import Look
from growlabels.tables.look.facts import Column, Facts, facts_of
from growlabels.tables.look.odd import odd
from growlabels.tables.open import open_table
from growlabels.tables.rows import MalformedRow, Row
from growlabels.tables.table import Table

_LABELS = (
    "label",
    "labels",
    "tag",
    "tags",
    "y",
    "target",
    "class",
    "category",
    "categories",
    "genres",
)
_CHATS = ("messages", "conversations")
_PROMPTS = ("prompt", "question", "query", "instruction")
_ANSWERS = ("completion", "response", "answer", "output", "chosen")
_MOST_COLUMNS = 40
_HEAD = 1000


def run(options: Look, progress: Progress) -> None:
    """Read the file and print what it holds."""
    if options.rows is not None:
        UsageError.require_whole("rows", options.rows)
    aside: list[MalformedRow] = []
    table = open_table(str(options.file), encoding=options.encoding, set_aside=aside.append)
    head = table.head(_HEAD if not table.one_pass else 100)
    labels = _labels(options.labels, table, head)
    rows = islice(_told(table, progress), options.rows)
    facts = facts_of(rows, labels, table.decimal_commas)
    for line in _lines(table, facts, labels, head, aside):
        print(line)


def _told(table: Table, progress: Progress) -> Iterator[Row]:
    for count, row in enumerate(table, 1):
        if count % 10_000 == 0:
            progress("rows", count)
        yield row


def _labels(named: str | None, table: Table, head: Sequence[Row]) -> list[str]:
    """Return the columns of labels: as named, as the file says, or by their usual names."""
    if named is not None:
        labels = [name.strip() for name in named.split(",")]
        known = table.columns or sorted({key for row in head for key in row.data})
        for name in labels:
            if all(value_at(row.data, name) is ABSENT for row in head):
                raise UsageError(f"{table.name} has no column {name!r}; it has {', '.join(known)}")
        return labels
    if table.said_labels is not None:
        return table.said_labels
    names = list(dict.fromkeys(key for row in head for key in row.data))
    return [name for name in names if name.lower() in _LABELS]


def _lines(
    table: Table,
    facts: Facts,
    labels: Sequence[str],
    head: Sequence[Row],
    aside: Sequence[MalformedRow],
) -> Iterator[str]:
    encoding = f", {table.encoding}" if table.encoding else ""
    several = f", {len(table.parts):,} files" if len(table.parts) > 1 else ""
    yield f"{table.name}: {table.format}{encoding}{several}, {facts.rows:,} rows"
    for note in table.notes:
        yield f"  {note}"
    if aside:
        yield (
            f"  {len(aside):,} rows cannot be read; the first, {table.place} {aside[0].number}: "
            f"{aside[0].reason}"
        )
    yield ""
    yield from _table(list(facts.columns.values()), facts.rows)
    if facts.uncounted:
        yield f"... and further keys, in {facts.uncounted:,} values, that are not counted"
    yield ""
    yield from _taken(facts, labels, head)
    warnings = odd(facts, labels, read=None)
    if warnings:
        yield ""
        yield from (f"warning: {sentence}" for sentence in warnings)


def _table(columns: Sequence[Column], rows: int) -> Iterator[str]:
    """Yield a line for each column."""
    yield f"{'column':24} {'type':8} {'missing':>8} {'distinct':>12}  example"
    for column in columns[:_MOST_COLUMNS]:
        missing = (rows - column.present + column.missing) / max(rows, 1)
        yield (
            f"{column.name[:24] or '(no name)':24} {column.kind[:8]:8} {missing:8.1%} "
            f"{column.distinct:>12}  {column.example}"
        )
    if len(columns) > _MOST_COLUMNS:
        yield f"... and {len(columns) - _MOST_COLUMNS:,} more columns"


def _taken(facts: Facts, labels: Sequence[str], head: Sequence[Row]) -> Iterator[str]:
    """Yield what the systems would take of the columns, as far as their names tell."""
    columns = [c for c in facts.columns.values() if c.name not in labels]
    texts = [c.name for c in columns if c.words]
    numbers = [c.name for c in columns if c.kind in ("number", "truth")]
    yield f"labels (stream, classes): {_named(labels)}"
    for name in labels[:3]:
        form = find_label_form((value_at(row.data, name) for row in head), name=name)
        if form.sentence:
            yield f"  {form.sentence}"
    yield f"text (stream --text, classes): {_named(texts)}"
    yield f"features (stream, classes): {_named(numbers)}"
    names = set(facts.columns) | {name.partition(".")[0] for name in facts.columns}
    chat = next((name for name in _CHATS if name in names), None)
    prompt = next((name for name in _PROMPTS if name in names), None)
    answer = next((name for name in _ANSWERS if name in names and name != prompt), None)
    if chat is not None:
        yield f"prompt and answer (unsafe): the turns of {chat!r}"
    elif prompt is not None and answer is not None:
        yield f"prompt (unsafe): {prompt!r}; answer: {answer!r}"
    else:
        yield "prompt and answer (unsafe): none"


def _named(names: Sequence[str]) -> str:
    if not names:
        return "none"
    listed = ", ".join(map(repr, names[:8]))
    return listed + (f" and {len(names) - 8} more" if len(names) > 8 else "")
