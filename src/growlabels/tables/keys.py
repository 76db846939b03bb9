"""Keys of nested rows, written with points: ``meta.tags``."""

from collections.abc import Mapping
from typing import Any, Final


class _Absent:
    """There is no such key; in a condition it is false."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = _Absent()
"""What :func:`value_at` returns where a row does not have a key; a null value is None."""


def value_at(data: Mapping[str, Any], key: str) -> Any:
    """Return what a row holds under a key, or under a path of keys with points between.

    Parameters
    ----------
    data
        The row.
    key
        A key of the row, even if it holds points; else a path into its objects. Where the path
        meets a list, the values of its objects come as a list.

    Returns
    -------
    Any
        The value, None where it is null, or :data:`ABSENT`.

    Examples
    --------
    >>> row = {"meta": {"tags": [{"name": "x"}, {"name": "y"}]}, "a.b": 1, "none": None}
    >>> value_at(row, "meta.tags.name"), value_at(row, "a.b")
    (['x', 'y'], 1)
    >>> value_at(row, "none.x"), value_at(row, "meta.x")
    (None, ABSENT)
    """
    if key in data:
        return data[key]
    end = key.find(".")
    while end > 0:
        if key[:end] in data:
            return _inside(data[key[:end]], key[end + 1 :])
        end = key.find(".", end + 1)
    return ABSENT


def _inside(value: Any, key: str) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return value_at(value, key)
    if isinstance(value, list | tuple):
        found = [_inside(one, key) for one in value]
        return [one for one in found if one is not ABSENT] if found != [ABSENT] else ABSENT
    return ABSENT


def flat(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row whose objects are taken apart: their keys follow a point.

    An empty object stays as it is. Of two values under one name a plain key's is kept.

    >>> flat({"event": {"a": 1, "b": {"c": 2}}, "tags": ["x"], "none": {}})
    {'event.a': 1, 'event.b.c': 2, 'tags': ['x'], 'none': {}}
    """
    found: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            for name, one in flat(value).items():
                found.setdefault(f"{key}.{name}", one)
        else:
            found[key] = value
    return found
