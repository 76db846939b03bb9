"""JSON arrays of objects, and objects one after the other over several lines, in bounded memory."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from growlabels.base.errors import DataError
from growlabels.tables.read.json_lines import DECODER, json_reason, kind_of
from growlabels.tables.rows import Refusals, Row, Unreadable
from growlabels.tables.text import LONGEST, Text

_BLANK = re.compile(r"[ \t\r\n]*")
_BETWEEN = re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],\n]', re.DOTALL)
_CUT = 16  # a literal or an escape that is cut off at the end of the text is shorter
SHOWN = 10_000


class Element(NamedTuple):
    """The text of one element, and what stands between it and the one before."""

    lead: str
    text: str


@dataclass
class Layout:
    """What stands around the elements, as far as it was read.

    Attributes
    ----------
    opening, closing
        Text before the first element and after the last.
    between
        Text between the first two.
    """

    opening: str = "[\n"
    between: str = ",\n"
    closing: str = "\n]\n"


class JsonValues:
    """Reads one file of JSON values: an array, or values one after the other.

    Parameters
    ----------
    blocks
        The text, in any cut.

    Attributes
    ----------
    layout
        Is filled in while the rows are read.
    """

    columns = None
    place = "row"
    _refuse: Refusals

    def __init__(self, blocks: Iterable[Text]) -> None:
        self._blocks = iter(blocks)
        self.layout: Layout = Layout()
        self._text, self._place, self._ended = "", 0, False
        self._doubtful: Text | None = None
        self._line = self._number = 0

    def rows(self, refuse: Refusals) -> Iterator[Row]:
        """Yield the rows, numbered from 1; ``refuse`` takes the values that are no objects."""
        self._refuse = refuse
        self._line = 1
        opening = self._take(_BLANK)
        self._array = self._ahead("[")
        if self._array:
            self._place += 1
            opening += "[" + self._take(_BLANK)
        self.layout.opening = opening
        lead, cut_off = "", self._array
        while self._more():
            if self._array and self._ahead("]"):
                cut_off = False
                break
            self._number += 1
            if self._number == 2:
                self.layout.between = lead
            row = self._row(lead)
            if row is not None:
                yield row
            lead = self._take(_BETWEEN if self._array else _BLANK)
            if not self._more():
                cut_off = self._array and row is not None
            elif self._array and "," not in lead and not self._ahead("]"):
                self._give_up("the element is not followed by a comma")
                return
        self._end(lead, cut_off)

    def _end(self, lead: str, cut_off: bool) -> None:
        """Read what follows the last element."""
        if cut_off:
            self._number += 1
            self._refuse(self._number, Unreadable("the array is cut off; it has no ]"), "")
        if not self._array:
            self.layout.closing = lead
        elif self._ahead("]"):
            self._place += 1
            self.layout.closing = lead + "]" + self._take(_BLANK)
            if self._more():
                self._give_up("there is text after the end of the array")

    def _row(self, lead: str) -> Row | None:
        """Read one value; None where it was set aside."""
        wrong: Unreadable
        try:
            start, data = self._value()
        except Unreadable as error:
            start, data, wrong = self._skip(), None, error
        else:
            wrong = Unreadable(f"is {kind_of(data)}, not an object")
        text = self._text[start : self._place]
        if self._doubtful is not None and (bad := self._doubtful.wrong(text)):
            data, wrong = None, bad
        line = self._line
        self._line += text.count("\n")
        if type(data) is dict:
            return Row(self._number, data, Element(lead, text))
        self._refuse(self._number, Unreadable(f"{wrong} (line {line})", wrong.way_out), text)
        return None

    def _value(self) -> tuple[int, Any]:
        """Read the value at the place; return where it starts, and the value."""
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:
                if self._ended or not self._is_cut_off(error):
                    place = error.pos - self._place
                    text = self._text[self._place :]
                    raise json_reason(json.JSONDecodeError(error.msg, text, place)) from error
            except (RecursionError, ValueError) as error:
                raise json_reason(error) from error
            else:
                whole = isinstance(value, dict | list | str) or end < len(self._text) - _CUT
                if whole or self._ended:
                    start, self._place = self._place, end
                    return start, value
            self._read(len(self._text) - self._place)

    def _is_cut_off(self, error: json.JSONDecodeError) -> bool:
        """Say whether more text may mend the value."""
        return error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _CUT

    def _skip(self) -> int:
        """Go to the end of a value that is no JSON; return where it starts.

        It ends where its brackets are closed, or else at a comma of the array, or at a line end
        where there is no array.
        """
        depth, place = 0, self._place
        while True:
            part = _PART.search(self._text, place)
            if (part is None or part.end() == len(self._text)) and not self._ended:
                self._read(len(self._text) - self._place)
                depth, place = 0, self._place
                continue
            if part is None:
                place = len(self._text)
                break
            letter, place = part.group(), part.end()
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(letter, 0)
            if depth < 0 or (depth == 0 and letter == ("," if self._array else "\n")):
                place = max(part.start(), self._place + 1)
                break
            if depth == 0 and letter in "}]":
                break
        start, self._place = self._place, place
        return start

    def _give_up(self, why: str) -> None:
        """Set aside all that follows as one row: where the next row begins is not known."""
        rest = self._text[self._place : self._place + SHOWN]
        while self._read(0):
            self._text, self._place = "", 0
        self._number += 1
        reason = Unreadable(f"{why} (line {self._line}); nothing after it can be read")
        self._refuse(self._number, reason, rest)

    def _take(self, pattern: re.Pattern[str]) -> str:
        """Take what fits at the place."""
        while True:
            found = pattern.match(self._text, self._place)
            assert found is not None
            if found.end() < len(self._text) or not self._read(0):
                break
        self._place = found.end()
        self._line += found.group().count("\n")
        return found.group()

    def _ahead(self, letter: str) -> bool:
        return self._text.startswith(letter, self._place)

    def _more(self) -> bool:
        while self._place >= len(self._text) and self._read(0):
            pass
        return self._place < len(self._text)

    def _read(self, least: int) -> bool:
        """Read at least so many letters on; False at the end."""
        if len(self._text) - self._place > LONGEST:
            raise DataError(f"row {self._number} has more than {LONGEST:,} characters")
        parts, size = [self._text[self._place :]], 0
        doubtful = self._doubtful if parts[0] else None
        while not size or size < least:
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
                break
            parts.append(block.text)
            size += len(block.text)
            doubtful = block if block.doubtful else doubtful
        self._text, self._place, self._doubtful = "".join(parts), 0, doubtful
        return bool(size)
