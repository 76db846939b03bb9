"""Rows in memory: data frames, Hugging Face datasets, any iterable of mappings."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from growlabels.base.errors import MissingExtraError, UsageError
from growlabels.tables.read.class_labels import label_readers
from growlabels.tables.rows import Refusals, Row, Unreadable

_PART = 1024


class MappingRows:
    """Reads any iterable of mappings; a Hugging Face dataset is one.

    Parameters
    ----------
    rows
        The iterable.
    """

    place = "row"

    def __init__(self, rows: Iterable[Any]) -> None:
        self._rows = rows
        features: Any = getattr(rows, "features", None)
        known = features.to_dict() if hasattr(features, "to_dict") else None
        self.columns: list[Any] | None = list(known) if known else None
        self._labels = label_readers(known, known or ())

    @property
    def class_labels(self) -> frozenset[str]:
        """Columns whose numbers are names of the dataset."""
        return frozenset(self._labels)

    def rows(self, refuse: Refusals) -> Iterator[Row]:
        """Yield the rows; ``refuse`` takes what is no mapping."""
        for number, data in enumerate(self._rows, 1):
            if not isinstance(data, Mapping):
                kind = type(data).__name__
                refuse(number, Unreadable(f"is {kind}, not an object"), repr(data))
                continue
            if self._labels:
                try:
                    data = {
                        key: self._labels[key](value) if key in self._labels else value
                        for key, value in data.items()
                    }
                except Unreadable as error:
                    refuse(number, error, repr(data))
                    continue
            yield Row(number, data, data)


class FrameRows:
    """Reads a data frame of pandas, polars or any other library that narwhals knows.

    Parameters
    ----------
    frame
        A frame of narwhals.
    """

    place = "row"

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.columns: list[str] = list(map(str, frame.columns))

    def rows(self, refuse: Refusals) -> Iterator[Row]:
        """Yield the rows; what the frame counts as missing is None."""
        for start in range(0, len(self._frame), _PART):
            part = self._frame[start : start + _PART]
            columns = list(map(_values, part.iter_columns()))
            for place, cells in enumerate(zip(*columns, strict=True), start + 1):
                data = dict(zip(self.columns, cells, strict=True))
                yield Row(place, data, data)


def _values(column: Any) -> list[Any]:
    missing = column.is_null() | column.is_nan() if column.dtype.is_float() else column.is_null()
    values = column.to_list()
    if not missing.any():
        return values
    return [None if gone else value for value, gone in zip(values, missing.to_list(), strict=True)]


def as_frame(source: Any) -> Any:
    """Return a data frame as narwhals gives it; None where it is none.

    Raises
    ------
    MissingExtraError
        It is one, and narwhals is not installed.
    """
    if not (hasattr(type(source), "columns") or hasattr(source, "__narwhals_dataframe__")):
        return None
    try:
        import narwhals
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "module 'narwhals' is not installed; install it with: pip install narwhals"
        ) from error
    frame: Any = narwhals.from_native(source, pass_through=True)
    if isinstance(frame, narwhals.LazyFrame):
        frame = frame.collect()
    return frame if isinstance(frame, narwhals.DataFrame) else None


def require_rows(source: object) -> None:
    """Raise where iterating over something does not give rows."""
    way_out = ""
    if isinstance(source, Mapping):
        names = ", ".join(map(repr, list(source)[:5]))
        way_out = f"; give one of its parts ({names}) or a list of dicts"
    elif isinstance(source, Iterable) and not isinstance(source, str | bytes):
        return
    must = "must be a file, a data frame, a Hugging Face dataset or an iterable of dicts"
    raise UsageError(f"rows {must}, not {type(source).__name__}{way_out}")
