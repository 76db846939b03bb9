"""ARFF files, dense and sparse, row by row."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from growlabels.base.errors import DataError, GrowLabelsError
from growlabels.tables.read.arff_header import (
    Attribute,
    choose_labels,
    parse_attribute,
    split_cells,
    without_comment,
)
from growlabels.tables.rows import Refusals, Row, Unreadable
from growlabels.tables.text import Text, lines_of


class Line(NamedTuple):
    """A line that is neither blank nor a comment: its number, its text, and as it stands."""

    number: int
    text: str
    raw: str


def arff_lines(blocks: Iterable[Text]) -> Iterator[Line]:
    """Yield the lines of an ARFF file that are neither blank nor comments.

    A line that is not UTF-8 is Latin-1, which older tools wrote.
    """
    number = 0
    for block in blocks:
        for raw in lines_of(block.text, only_feeds=True):
            number += 1
            text = raw.strip()
            if not text or text.startswith("%"):
                continue
            if block.wrong(text) and block.encoding == "utf-8":
                text = text.encode("utf-8", "surrogateescape").decode("latin-1")
            yield Line(number, text, raw)


def read_header(lines: Iterator[Line], source: str) -> tuple[str, list[Attribute], int]:
    """Return the name of the relation, the attributes, and the last line; the rows follow.

    Raises
    ------
    DataError
        The header is not what it must be; the message names the line.
    """
    relation, attributes = "", []
    names: dict[str, int] = {}
    for number, line, _ in lines:
        word = line.split(None, 1)[0].lower()
        if word == "@relation":
            relation = line[len(word) :].strip()
        elif word == "@attribute":
            attribute = parse_attribute(line, source, number)
            if attribute.name in names:
                raise DataError(
                    f"{source} line {number}: attribute {attribute.name!r} is declared again "
                    f"(first on line {names[attribute.name]}); rename one"
                )
            names[attribute.name] = number
            attributes.append(attribute)
        elif word == "@data":
            if not attributes:
                raise DataError(f"{source} line {number}: @data comes before any @attribute")
            return relation, attributes, number
        else:
            raise DataError(
                f"{source} line {number}: expected @relation, @attribute or @data, "
                f"found {line[:40]!r}; is this an ARFF file?"
            )
    raise DataError(f"{source} has no @data line; is it a whole ARFF file?")


class ArffRows:
    """Reads one file; values are numbers, the words of nominal attributes, or None for ``?``.

    Parameters
    ----------
    blocks
        Whole lines of text.
    path
        Of the file, beside which an XML file may name the labels; None where there is none.
    name
        Of the file, for messages.

    Attributes
    ----------
    columns
        Names of the attributes.
    said_labels
        Names of the labels, where the file or the XML file beside it says which they are.
    header
        The text up to ``@data``.
    """

    place = "line"

    def __init__(self, blocks: Iterable[Text], path: Path | None, name: str) -> None:
        self._head: list[str] | None = []
        self._lines = arff_lines(self._noted(blocks))
        relation, self._attributes, last = read_header(self._lines, name)
        self.header: str = "".join(lines_of("".join(self._head), only_feeds=True)[:last])
        self._head = None
        self.columns: list[str] = [attribute.name for attribute in self._attributes]
        self.said_labels: list[str] | None = None
        try:
            places = choose_labels(relation, self._attributes, None, path or Path(name))
            self.said_labels = [self.columns[place] for place in places]
        except GrowLabelsError:  # nothing says it, or not of this file
            pass

    def rows(self, refuse: Refusals) -> Iterator[Row]:
        """Yield the rows; of sparse ones the numbers that stand there and all words."""
        words = {
            attribute.name: attribute.values[0]
            for attribute in self._attributes
            if attribute.values
        }
        for number, line, raw in self._lines:
            try:
                if line.startswith("{"):
                    data = {**words, **self._sparse(without_comment(line))}
                else:
                    data = self._dense(split_cells(without_comment(line)))
            except ValueError as error:
                refuse(number, Unreadable(str(error)), raw.rstrip("\r\n"))
            else:
                yield Row(number, data, raw)

    def _noted(self, blocks: Iterable[Text]) -> Iterator[Text]:
        """Yield blocks, and note their text while the header is read."""
        for block in blocks:
            if self._head is not None:
                self._head.append(block.text)
            yield block

    def _dense(self, cells: list[str]) -> dict[str, Any]:
        if len(cells) != len(self.columns):
            raise ValueError(f"has {len(cells)} values for {len(self.columns)} attributes")
        return {a.name: _value(a, cell) for a, cell in zip(self._attributes, cells, strict=True)}

    def _sparse(self, line: str) -> dict[str, Any]:
        return {
            self.columns[place]: _value(self._attributes[place], cell)
            for place, cell in sparse_pairs(line, len(self.columns))
        }


def _value(attribute: Attribute, cell: str) -> Any:
    """Return a number for a numeric attribute, else the word; None where it is missing."""
    if cell == "?":
        return None
    if attribute.values is not None or attribute.other:
        return cell
    value = math.nan if "_" in cell else float(cell)
    if not math.isfinite(value):
        raise ValueError(f"attribute {attribute.name!r} must be a finite number, it was {cell!r}")
    return value


def sparse_pairs(line: str, count: int) -> Iterator[tuple[int, str]]:
    """Yield index and value of each cell of a sparse row.

    Raises
    ------
    ValueError
        The row is not ``{index value, ...}`` with indices below the count, each once.
    """
    if not line.endswith("}"):
        raise ValueError("the row does not end with '}'")
    inside = line[1:-1].strip()
    seen = set()
    for cell in _split_pairs(inside) if inside else ():
        place, _, value = cell.strip().partition(" ")
        if not place.isascii() or not place.isdigit() or not value.strip():
            raise ValueError(f"{cell[:40]!r} is not 'index value'")
        column = int(place) if len(place) < 10 else count
        if column >= count:
            raise ValueError(f"index {place[:40]} is beyond the {count} attributes, counted from 0")
        if column in seen:
            raise ValueError(f"index {column} is given twice")
        seen.add(column)
        yield column, _unquoted(value.strip())


def _split_pairs(text: str) -> list[str]:
    """Split at commas outside quotes and keep the quotes."""
    if "'" not in text and '"' not in text:
        return text.replace("\t", " ").split(",")
    parts, start, quote, escaped = [], 0, "", False
    for i, letter in enumerate(text):
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == ",":
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def _unquoted(text: str) -> str:
    """Return a value without its quotes."""
    return split_cells(text)[0] if text[0] in "'\"" else text
