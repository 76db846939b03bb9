"""Labels that a Hugging Face dataset holds as numbers: read as their names."""

from collections.abc import Callable, Iterable
from typing import Any

from growlabels.tables.rows import Unreadable

ReadValue = Callable[[Any], Any]
_LISTS = ("Sequence", "List", "LargeList")


def label_readers(features: Any, columns: Iterable[str]) -> dict[str, ReadValue]:
    """Return what reads the columns that hold a ``ClassLabel``, alone or inside.

    Parameters
    ----------
    features
        Types of the dataset as its JSON says them: column -> type. Anything else: no such column.
    columns
        Names of the columns.

    >>> features = {"y": {"_type": "ClassLabel", "names": ["no", "yes"]}}
    >>> read = label_readers(features, ["x", "y"])["y"]
    >>> read(1), read(-1), read(None)
    ('yes', None, None)
    """
    if not isinstance(features, dict):
        return {}
    readers = {name: _reader(features.get(name)) for name in columns}
    return {name: read for name, read in readers.items() if read is not None}


def _reader(feature: Any) -> ReadValue | None:
    if isinstance(feature, list) and len(feature) == 1:
        return _each(_reader(feature[0]))
    if not isinstance(feature, dict):
        return None
    kind = feature.get("_type")
    if kind == "ClassLabel" and isinstance(feature.get("names"), list):
        return _name_of(list(map(str, feature["names"])))
    if kind in _LISTS:
        inner = feature.get("feature")
        if isinstance(inner, dict) and "_type" not in inner:  # lists of columns, not of rows
            return _inside({name: _each(_reader(part)) for name, part in inner.items()})
        return _each(_reader(inner))
    if kind is None:
        return _inside({name: _reader(part) for name, part in feature.items()})
    return None


def _name_of(names: list[str]) -> ReadValue:
    def read(value: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        if value >= len(names):
            raise Unreadable(f"label {value} is beyond the {len(names)} names of the dataset")
        return names[value] if value >= 0 else None  # -1 is "no label"

    return read


def _each(read: ReadValue | None) -> ReadValue | None:
    if read is None:
        return None
    return lambda values: [read(v) for v in values] if isinstance(values, list) else values


def _inside(readers: dict[str, ReadValue | None]) -> ReadValue | None:
    found = {name: read for name, read in readers.items() if read is not None}
    if not found:
        return None

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: found[k](v) if k in found else v for k, v in value.items()}

    return read
