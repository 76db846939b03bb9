"""Rows that are read and cannot be used."""

from growlabels.base.errors import DataError
from growlabels.tables import MalformedRow, SetAside, Table


class Refused:
    """Sets rows aside that cannot be used, or raises at the first.

    Parameters
    ----------
    set_aside
        Called with each bad row. Without it a bad row raises.
    """

    def __init__(self, set_aside: SetAside | None) -> None:
        self._set_aside = set_aside
        self._first: MalformedRow | None = None

    def __call__(self, table: Table, number: int, reason: object, raw: object) -> None:
        """Deal with one bad row."""
        if self._set_aside is None:
            raise DataError(f"{table.at(number)}: {reason}; mend or remove the row")
        text = raw.rstrip("\r\n") if isinstance(raw, str) else repr(raw)
        self.add(MalformedRow(number, str(reason), text))

    def add(self, row: MalformedRow) -> None:
        """Set a row aside."""
        self._first = self._first or row
        if self._set_aside is not None:
            self._set_aside(row)

    def all(self, table: Table) -> DataError:
        """Build the error of rows that cannot be used, one and all; or of no row at all."""
        if self._first is None:
            return DataError(f"{table.name} has no rows; there is nothing to learn from")
        where = f"{table.place} {self._first.number}: {self._first.reason}"
        return DataError(f"{table.name} has no row that can be used; the first, {where}")
