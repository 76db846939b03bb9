"""JSON lines: one object a line."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from growlabels.base.labels import repeated
from growlabels.tables.rows import Refusals, Row, Unreadable
from growlabels.tables.text import Text, lines_of


class Twice(ValueError):
    """A key that an object holds twice, of which one value would be lost."""


def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs as a dict; a key that stands there twice raises."""
    data = dict(pairs)
    if len(data) < len(pairs):
        raise Twice(f"duplicate key {repeated(key for key, _ in pairs)[0]!r}")
    return data


DECODER = json.JSONDecoder(object_pairs_hook=as_object)


class JsonLines:
    """Reads one file of JSON lines; blank lines count as lines and are no rows.

    Parameters
    ----------
    blocks
        Whole lines of text.
    """

    columns = None
    place = "line"

    def __init__(self, blocks: Iterable[Text]) -> None:
        self._blocks = blocks

    def rows(self, refuse: Refusals) -> Iterator[Row]:
        """Yield the rows; ``refuse`` takes the lines that hold no object."""
        number = 0
        parse = DECODER.raw_decode
        for block in self._blocks:
            for line in lines_of(block.text, only_feeds=True):
                number += 1
                try:
                    data, end = parse(line)
                    good = type(data) is dict and (end >= len(line) - 1 or line[end:].isspace())
                except (ValueError, RecursionError):
                    good, data = False, {}
                if good and not block.doubtful:
                    yield Row(number, data, line)
                elif line.strip(" \t\r\n"):
                    try:
                        yield Row(number, _parsed(line, block), line)
                    except Unreadable as error:
                        refuse(number, error, line.rstrip("\r\n"))


def _parsed(line: str, block: Text) -> dict[str, Any]:
    """Return the one object that a line holds; :class:`Unreadable` where it holds none."""
    if wrong := block.wrong(line):
        raise wrong
    try:
        data = DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        raise json_reason(error) from error
    if not isinstance(data, dict):
        raise Unreadable(f"is {kind_of(data)}, not an object")
    return data


def json_reason(error: Exception) -> Unreadable:
    """Return why a text is not JSON."""
    if isinstance(error, json.JSONDecodeError):
        return Unreadable(f"broken JSON ({error.msg}: character {error.pos + 1})")
    if isinstance(error, Twice):
        return Unreadable(str(error))
    if isinstance(error, RecursionError):
        return Unreadable("JSON nested too deeply")
    return Unreadable("broken JSON (a whole number of thousands of digits)")


def kind_of(data: object) -> str:
    """Return what a JSON value is, as a message says it."""
    kinds = {
        list: "a list",
        str: "a string",
        type(None): "null",
        bool: "a boolean",
        dict: "an object",
    }
    return kinds.get(type(data), "a number")
