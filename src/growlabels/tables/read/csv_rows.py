"""Tables of one record a line: cells between tabs, semicolons, commas or bars, quoted as in CSV."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from growlabels.base.errors import DataError
from growlabels.base.labels import repeated
from growlabels.tables.rows import Refusals, Row, Unreadable
from growlabels.tables.text import Text, lines_of

SEPARATORS = "\t;,|"
WORDS = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars"}
LONGEST_CELL = 2**22
_LOOKED_AT = 50
_QUOTED = re.compile(r'"[^"]*"')
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+\s*")
_NUMBER = re.compile(r"\s*[+-]?\d*([.,]\d+)?([eE][+-]?\d+)?\s*")
_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*")


class CsvRows:
    """Reads one file of records.

    Parameters
    ----------
    blocks
        Whole lines of text.
    name
        Of the file, for messages.
    separator
        The letter between cells; empty: found out by :func:`find_separator`.

    Attributes
    ----------
    columns
        Names in the header, without blanks around them.
    header
        The text of the header with the blank lines before it.
    separator
        The letter between cells.

    Raises
    ------
    DataError
        There is no header, it cannot be read, or it names a column twice.
    """

    place = "line"

    def __init__(self, blocks: Iterable[Text], name: str, separator: str = "") -> None:
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
        head, rest = _head_and_rest(iter(blocks), name)
        lines = lines_of(head.text)
        self.separator: str = separator or find_separator(lines)
        self.columns: list[str]
        self.columns, used = self._names(lines, head, name)
        self.header: str = "".join(lines[:used])
        left = Text("".join(lines[used:]), head.encoding, head.doubtful)
        self._blocks = chain([left], rest)
        self._number = used  # lines before those of the block that is read

    def rows(self, refuse: Refusals) -> Iterator[Row]:
        """Yield the rows, each with the number of its first line; ``refuse`` takes bad records."""
        carried, before = "", None
        for block, is_last in _with_last(self._blocks):
            if carried and before is not None:
                doubtful = before.doubtful or block.doubtful
                block = Text(carried + block.text, before.encoding, doubtful)
            lines = lines_of(block.text)
            start = 0
            while start < len(lines):
                start = yield from self._good(lines, start, block)
                if start == len(lines):
                    break
                wrong = self._wrong(lines, start, block, is_last)
                if wrong is None:
                    break
                refuse(self._number + start + 1, wrong, lines[start].rstrip("\r\n"))
                start += 1
            carried, before = "".join(lines[start:]), block
            self._number += start

    def _good(self, lines: list[str], start: int, block: Text) -> Iterator[Any]:
        """Yield rows from a line on; return the line of the first record that is not good."""
        columns, width, number = self.columns, len(self.columns), self._number + 1
        reader = self._reader(lines[start:] if start else lines)
        place = start
        try:
            for cells in reader:
                end = start + reader.line_num
                if len(cells) == width:
                    raw = lines[place] if end == place + 1 else "".join(lines[place:end])
                    if block.doubtful and block.wrong(raw):
                        return place
                    data = dict(zip(columns, cells, strict=True))
                    if "" in cells:
                        data = {name: cell or None for name, cell in data.items()}
                    yield Row(number + place, data, raw)
                elif cells:
                    return place
                place = end
        except csv.Error:
            return place
        return place

    def _wrong(self, lines: list[str], start: int, block: Text, is_last: bool) -> Unreadable | None:
        """Return why a record is not good; None where it goes on in the next block."""
        if bad := block.wrong(lines[start]):
            return bad
        reader = self._reader(lines[start:])
        try:
            cells = next(reader)
        except csv.Error as error:
            at_end = start + reader.line_num == len(lines)
            if at_end and not is_last and "field larger" not in str(error):
                return None
            open_quote = "unexpected end" in str(error)
            return Unreadable("a quote is left open" if open_quote else f"broken CSV: {error}")
        over = reader.line_num
        if bad := block.wrong("".join(lines[start : start + over])):
            return bad
        asked = f" over {over} lines: was a quote left open?" if over > 1 else ""
        return Unreadable(
            f"has {len(cells)} cells for {len(self.columns)} columns{asked}",
            "mend or remove the row; a cell that holds the separator must be quoted",
        )

    def _reader(self, lines: Sequence[str]) -> Any:
        return csv.reader(iter(lines), delimiter=self.separator, strict=True)

    def _names(self, lines: list[str], head: Text, name: str) -> tuple[list[str], int]:
        """Return the names of the columns and how many lines they take."""
        reader = self._reader(lines)
        try:
            cells = next(cells for cells in reader if cells)
        except (csv.Error, StopIteration) as error:
            raise DataError(
                f"{name} line {max(reader.line_num, 1)}: the header cannot be read: {error}; "
                "mend it"
            ) from error
        used = reader.line_num
        if bad := head.wrong("".join(lines[:used])):
            raise DataError(f"{name} line {used}: {bad}; {bad.way_out}")
        names = [cell.strip() for cell in cells]
        if twice := repeated(names):
            raise DataError(
                f"{name} has two columns named {twice[0]!r}; rename one, or put a line of names "
                "first"
            )
        return names, used


def _head_and_rest(blocks: Iterator[Text], name: str) -> tuple[Text, Iterator[Text]]:
    """Return text that holds the header; also rows, where the header has several separators."""
    head = None
    for block in blocks:
        doubtful = block.doubtful or (head is not None and head.doubtful)
        head = Text((head.text if head else "") + block.text, block.encoding, doubtful)
        lines = [line for line in lines_of(head.text) if line.strip()]
        if not lines:
            continue
        bare = _QUOTED.sub("", lines[0])
        choices = sum(separator in bare for separator in SEPARATORS)
        is_whole = '"' not in bare and bare.endswith(("\n", "\r"))
        if is_whole and len(lines) > (choices > 1):
            break
    if head is None or not head.text.strip():
        raise DataError(f"{name} is empty; it needs a line of column names, and rows")
    return head, blocks


def _with_last(blocks: Iterable[Text]) -> Iterator[tuple[Text, bool]]:
    """Yield each block, and at the end an empty one that is marked as the last."""
    for block in blocks:
        yield block, False
    yield Text("", "utf-8"), True


def find_separator(lines: Sequence[str]) -> str:
    """Return the letter between the cells of a table.

    Of the letters that occur in the header outside quotes, it is the one by which most rows have
    as many cells as the header; then the one that gives most cells.

    >>> find_separator(["name, english;label", "red apple;apple", "green, sour;pear"])
    ';'
    >>> find_separator(['"length, mm"|width']), find_separator(["text"])
    ('|', ',')
    """
    lines = [line for line in islice(lines, _LOOKED_AT + 1) if line.strip()]
    bare = _QUOTED.sub("", lines[0])
    found = [separator for separator in SEPARATORS if separator in bare]

    def fit(separator: str) -> tuple[float, int]:
        widths = [len(cells) for cells in csv.reader(lines, delimiter=separator) if cells]
        return sum(width == widths[0] for width in widths) / len(widths), widths[0]

    return max(found, key=fit) if len(found) > 1 else (found or [","])[0]


def decimal_commas(rows: Iterable[Row]) -> frozenset[str]:
    """Return the columns whose numbers have a decimal comma, by some rows.

    Such a column holds nothing but numbers, and of those with a comma some cannot be meant as
    thousands (``1,234`` can).

    >>> sorted(decimal_commas([Row(2, {"a": "0,5", "b": "1,234"}), Row(3, {"a": "2", "b": None})]))
    ['a']
    """
    found: dict[str, bool] = {}
    for row in rows:
        for name, cell in row.data.items():
            if cell is None or found.get(name, True) is None:
                continue
            if not _NUMBER.fullmatch(cell):
                found[name] = None  # type: ignore[assignment]
            elif _DECIMAL_COMMA.fullmatch(cell) and not _THOUSANDS.fullmatch(cell):
                found[name] = True
    return frozenset(name for name, is_decimal in found.items() if is_decimal)
