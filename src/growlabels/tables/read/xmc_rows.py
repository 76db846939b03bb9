"""Rows of the XMC repository and of libsvm: ``1,5 3:.5 7:1.2``, labels and then features."""

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from growlabels.tables.rows import Refusals, Row, Unreadable
from growlabels.tables.text import Text, lines_of

_HEADER = re.compile(r"\s*(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s*")
_ROW = re.compile(r"([^\s:]+)?(\s+\d+:[^\s:]+)+\s*(#.*)?|\d+:[^\s:]+(\s+\d+:[^\s:]+)*\s*(#.*)?")


def is_xmc(line: str) -> bool:
    """Say whether a line is a header or a row of this format.

    >>> is_xmc("300 100 20"), is_xmc("1,5 3:.5 7:1.2"), is_xmc(" 3:.5"), is_xmc("12:30 at noon")
    (True, True, True, False)
    """
    return bool(_HEADER.fullmatch(line) or _ROW.fullmatch(line.rstrip("\r\n")))


class XmcRows:
    """Reads one file; rows are ``{"x": {"3": 0.5, "7": 1.2}, "y": ["1", "5"]}``.

    Parameters
    ----------
    blocks
        Whole lines of text. The first may say how many rows, features and labels there are.

    Attributes
    ----------
    header
        The line that says so; empty without one.
    """

    columns = None
    place = "line"

    def __init__(self, blocks: Iterable[Text]) -> None:
        self._blocks = blocks
        self.header = ""

    def rows(self, refuse: Refusals) -> Iterator[Row]:
        """Yield the rows; ``refuse`` takes those that cannot be read, or that are missing."""
        number = rows = 0
        promised: list[int] = []
        for block in self._blocks:
            for line in lines_of(block.text):
                number += 1
                if number == 1 and (found := _HEADER.fullmatch(line)):
                    promised = list(map(int, found.groups()))
                    self.header: str = line
                    continue
                if not line.strip("\r\n") or line.startswith("#"):
                    continue
                rows += 1
                try:
                    if wrong := block.wrong(line):
                        raise wrong
                    yield Row(number, _row(line, promised), line)
                except Unreadable as error:
                    refuse(number, error, line.rstrip("\r\n"))
        if promised and rows != promised[0]:
            reason = f"the header promises {promised[0]:,} rows, the file has {rows:,}"
            refuse(number + 1, Unreadable(reason, "get the file again or mend the header"), "")


def _row(line: str, promised: list[int]) -> dict[str, Any]:
    labels, _, features = line.partition("#")[0].rstrip().partition(" ")
    if "\t" in labels:
        labels, _, features = line.partition("#")[0].rstrip().partition("\t")
    if ":" in labels:
        labels, features = "", f"{labels} {features}"
    y = [label.strip() for label in labels.split(",")] if labels.strip() else []
    if "" in y:
        raise Unreadable(f"has an empty label in {labels[:40]!r}")
    x: dict[str, float] = {}
    for pair in features.split():
        index, _, cell = pair.partition(":")
        try:
            value = float(cell) if "_" not in cell else math.nan
        except ValueError:
            value = math.nan
        if not (index.isascii() and index.isdigit()) or not math.isfinite(value):
            raise Unreadable(f"{pair[:40]!r} is not 'index:number'")
        if index in x:
            raise Unreadable(f"index {index[:40]} is given twice")
        x[index] = value
    if promised:
        for found, most, what in ((x, promised[1], "feature"), (y, promised[2], "label")):
            for index in found:
                if index.isdigit() and (len(index) > 12 or int(index) > most):
                    raise Unreadable(
                        f"{what} {index[:40]} is beyond the {most:,} that the header promises"
                    )
    return {"x": x, "y": y}
