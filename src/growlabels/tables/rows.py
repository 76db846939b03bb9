"""Rows, and rows that could not be read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any, BinaryIO, NamedTuple

from growlabels.base.errors import DataError
from growlabels.base.files import content_hash

RowSource = str | PathLike[str] | BinaryIO | Iterable[Mapping[str, Any]]
"""A path, a pattern, ``-``, an open binary file, a data frame or an iterable of mappings."""


class Row(NamedTuple):
    """One row.

    Attributes
    ----------
    number
        1-based place in the input: the line of a file of lines, else the row.
    data
        Column or key -> value.
    raw
        What :func:`growlabels.tables.writer_like` needs to write the row back unchanged.
    """

    number: int
    data: Mapping[str, Any]
    raw: Any = None


@dataclass(frozen=True)
class MalformedRow:
    """A row that was set aside: its 1-based place, the reason, and its raw text.

    Bytes that are not text in the file's encoding are written as ``\\xe9`` in ``raw``.
    """

    number: int
    reason: str
    raw: str


SetAside = Callable[[MalformedRow], None]


class Unreadable(ValueError):
    """The reason why a row cannot be read, and what to do about it; caught inside this package."""

    def __init__(self, reason: str, way_out: str = "mend or remove the row") -> None:
        super().__init__(reason)
        self.way_out = way_out


class Refusals:
    """Sets the unreadable rows of one file aside and counts them, or raises at the first.

    Parameters
    ----------
    at
        Gives the words for the place of a row, such as ``"rows.csv line 3"``.
    set_aside
        Called with each unreadable row. Without it such a row raises.
    before
        Is added to the numbers of rows: those of the files before this one.
    tell_place
        Whether reasons end with the place: in a table of several files.

    Attributes
    ----------
    count
        Rows set aside.
    last
        Number of the last of them, without those before; 0: there is none.
    """

    def __init__(
        self,
        at: Callable[[int], str],
        set_aside: SetAside | None,
        before: int = 0,
        tell_place: bool = False,
    ) -> None:
        self._at, self._set_aside = at, set_aside
        self._before, self._tell_place = before, tell_place
        self.count: int = 0
        self.last: int = 0

    def __call__(self, number: int, reason: Unreadable, raw: str) -> None:
        """Set one row aside.

        Raises
        ------
        DataError
            Nothing takes the rows that are set aside.
        """
        self.last = number
        number += self._before
        if self._set_aside is None:
            raise DataError(f"{self._at(number)}: {reason}; {reason.way_out}")
        self.count += 1
        told = f"{reason} ({self._at(number)})" if self._tell_place else str(reason)
        self._set_aside(MalformedRow(number, told, shown(raw)))


def shown(raw: str) -> str:
    """Return raw text in which bytes that are no text are escapes.

    >>> shown("caf\\udce9")
    'caf\\\\xe9'
    """
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else c for c in raw)


def row_ids() -> Callable[[Mapping[str, Any]], str]:
    """Make a function that names rows by their content.

    Returns
    -------
    Callable
        Row -> 16 hexadecimal digits of its content hash and, after a dash, how many equal rows the
        function named before.

    >>> name = row_ids()
    >>> first, second = name({"a": 1}), name({"a": 1})
    >>> first[:-2] == second[:-2], first[-2:], second[-2:]
    (True, '-0', '-1')
    """
    seen: dict[str, int] = {}

    def name(data: Mapping[str, Any]) -> str:
        digest = content_hash(data)[:16]
        copy = seen.get(digest, 0)
        seen[digest] = copy + 1
        return f"{digest}-{copy}"

    return name
