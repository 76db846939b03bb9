"""What a row of a live stream says: an id, features, labels, each of which may be missing."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from growlabels.base.errors import DataError
from growlabels.base.labels import repeated
from growlabels.stream.rows.inputs import Inputs

KEYS = {"id", "x", "y"}
Id = str | int


class Record(NamedTuple):
    """One row.

    Attributes
    ----------
    id
        What labels that come later name the row by; None: they cannot.
    x
        The features; None: these are labels of a row that came before or will come.
    y
        The true labels, sorted as given; None: not known yet.
    """

    id: Id | None
    x: Mapping[str, Any] | None
    y: tuple[str, ...] | None


def read_record(row: Mapping[str, Any], inputs: Inputs | None = None) -> Record:
    """Return what an object with the keys ``x``, ``y`` and ``id`` says.

    Where the model has ``inputs``, a row may also be flat: its columns beside ``id`` and ``y`` are
    the features, but those that ``inputs`` names as labels.

    ``y`` is a list of labels, an object label -> truth value, or null for labels that are not
    known yet, as where the key is absent. One null among the truth values makes all of them
    unknown: a label that is not known is not a negative.

    Raises
    ------
    DataError
        The object says nothing that can be used, or a part is not what it must be.

    Examples
    --------
    >>> read_record({"id": 7, "x": {"a": 1}, "y": None})
    Record(id=7, x={'a': 1}, y=None)
    >>> read_record({"id": 7, "y": {"red": True, "blue": False}})
    Record(id=7, x=None, y=('red',))
    >>> read_record({"title": "ggplot axis", "tags": ["r"]}, Inputs(("title",), (), ("tags",)))
    Record(id=None, x={'title': 'ggplot axis'}, y=('r',))
    """
    if inputs is not None and "x" not in row and row.keys() - KEYS:
        row = _nested(row, inputs)
    if unknown := sorted(row.keys() - KEYS):
        raise DataError(
            f"has the unknown key {unknown[0][:40]!r}; a row has the keys 'x', 'y' and 'id'"
        )
    name, x, y = row.get("id"), row.get("x"), row.get("y")
    if name is not None and (isinstance(name, bool) or not isinstance(name, str | int)):
        raise DataError(f"'id' must be a string or a whole number, it was {_short(name)}")
    if x is not None and not isinstance(x, Mapping):
        raise DataError(f"'x' must be an object of features, it was {_short(x)}")
    if x is None and name is None:
        raise DataError("has neither 'x' nor 'id'; it must have one of the two")
    labels = None if y is None else _labels(y)
    if x is None and labels is None:
        raise DataError(f"has the id {_short(name)} and neither features nor labels")
    return Record(name, x, labels)


def _nested(row: Mapping[str, Any], inputs: Inputs) -> dict[str, Any]:
    """Return a flat row with its features under ``x`` and its labels under ``y``."""
    own = {"id", "y", *inputs.labels}
    found: dict[str, Any] = {"x": {key: value for key, value in row.items() if key not in own}}
    named = {key: row[key] for key in inputs.labels if key in row}
    listed = [value for value in named.values() if value is not None]
    if "y" not in row and named:
        lists = bool(listed) and all(isinstance(value, list) for value in listed)
        found["y"] = [one for value in listed for one in value] if lists else named
    if not found["x"] and "id" in row:
        del found["x"]
    return found | {key: row[key] for key in ("id", "y") if key in row}


def _labels(y: object) -> tuple[str, ...] | None:
    if isinstance(y, Mapping):
        for label, there in y.items():
            if there not in (0, 1, None):
                raise DataError(f"label {label!r} must be true or false, it was {_short(there)}")
        if None in y.values():
            return None
        return tuple(str(label) for label, there in y.items() if there)
    if not isinstance(y, list):
        raise DataError(f"'y' must be a list of labels or an object, it was {_short(y)}")
    for label in y:
        if not isinstance(label, str | int) or isinstance(label, bool):
            raise DataError(f"a label must be a string, it was {_short(label)}")
    names = tuple(map(str, y))
    if twice := repeated(names):
        raise DataError(f"label {_short(twice[0])} is named twice")
    return names


def _short(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
