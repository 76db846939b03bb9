"""Labels of rows: columns of 0 and 1, lists, objects, and text that holds several."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from growlabels.base.labels import repeated
from growlabels.stream.files.keys import Keys, short
from growlabels.tables import ABSENT, LabelForm, Table, find_label_form

TRUTH = {"1": True, "1.0": True, "true": True, "yes": True, "y": True} | {
    "0": False, "0.0": False, "false": False, "no": False, "n": False
}  # fmt: skip
LabelTruths = dict[str, bool | None]
"""Label -> whether it is there; None: not known yet."""
_LOOKED_AT = 1000
_WAITED_FOR = 100


class Labels:
    """Reads the labels of rows; how they are written is found out over the first rows.

    Parameters
    ----------
    table
        The rows.
    keys
        What splits them.
    separator
        What stands between labels in a cell; empty: a cell is one label; None: found out.
    say
        Takes a sentence on each column of labels that was found to hold several.

    Attributes
    ----------
    are_truths
        Whether every column of labels holds 0 and 1.
    """

    def __init__(
        self, table: Table, keys: Keys, separator: str | None, say: Callable[[str], None]
    ) -> None:
        self._separator = separator
        self._in_cells = table.format == "csv"  # which cannot tell unknown from none
        self._forms: dict[str, LabelForm] = {}
        rows = table.head(1 if table.one_pass else _LOOKED_AT)
        if table.one_pass and separator is None and _holds_text(keys, rows):
            rows = table.head(_WAITED_FOR)
        columns: dict[str, list[Any]] = {}
        for row in rows if not keys.nested else ():
            _, labels = keys.split(row.data)
            for name, value in labels.items():
                columns.setdefault(name, []).append(value)
        for name, values in columns.items():
            if not _are_truths(values):
                form = find_label_form(values, separator, name)
                self._forms[name] = form
                if form.sentence:
                    say(form.sentence)
                if self._in_cells:
                    say(f"an empty cell of {name!r} means that the row has no label")
        self.are_truths: bool = not self._forms

    def read(self, labels: Any) -> LabelTruths | None:
        """Return label -> whether it is there, None where that is not known yet.

        Returns None where nothing is known of the labels: every value is null or absent. An empty
        list is known: the row has no label.

        Raises
        ------
        ValueError
            A label is no label.
        """
        if _is_unknown(labels) and not (self._forms and self._in_cells):
            return None
        if not isinstance(labels, Mapping) or not self._forms:
            return truths(labels)
        found: dict[str, bool | None] = {}
        unknown = False
        for name, value in labels.items():
            form = self._forms.get(name)
            if value is ABSENT or value is None:
                continue
            if form is None or isinstance(value, bool | int):
                found |= truths({name: value})
                continue
            names = form.labels(value)
            unknown |= names is None
            if twice := repeated([*found, *(names or ())]):
                raise ValueError(f"label {short(twice[0])} is named twice")
            found |= dict.fromkeys(names or (), True)
        return None if unknown and not found else found


def _is_unknown(labels: Any) -> bool:
    """Say whether nothing is known of the labels of a row."""
    if isinstance(labels, Mapping):
        return bool(labels) and all(value is None or value is ABSENT for value in labels.values())
    return labels is None or labels is ABSENT


def _holds_text(keys: Keys, rows: Iterable[Any]) -> bool:
    if keys.nested:
        return False
    values = [value for row in rows for value in keys.split(row.data)[1].values()]
    return any(isinstance(value, str) and value.strip().lower() not in TRUTH for value in values)


def _are_truths(values: Iterable[Any]) -> bool:
    """Say whether a column holds 0 and 1: most of its values, so that another one is an error."""
    said = [value for value in values if value is not None and value is not ABSENT]
    good = sum(
        (isinstance(value, str) and value.strip().lower() in TRUTH)
        or (isinstance(value, bool | int | float))
        for value in said
    )
    return 2 * good >= len(said)


def truths(y: object) -> LabelTruths:
    """Return label -> whether it is there, for a list of labels or an object of truth values.

    A null in an object is a label that is not known yet.
    """
    if isinstance(y, list):
        for label in y:
            if not isinstance(label, str | int) or isinstance(label, bool):
                raise ValueError(f"a label must be a string, it was {short(label)}")
        names = list(map(str, y))
        if twice := repeated(names):
            raise ValueError(f"label {short(twice[0])} is named twice")
        return dict.fromkeys(names, True)
    if not isinstance(y, Mapping):
        raise ValueError(f"'y' must be a list of labels or an object, it was {short(y)}")
    found: LabelTruths = {}
    for label, there in y.items():
        if there is ABSENT:
            continue
        if there is None:
            found[str(label)] = None
            continue
        if isinstance(there, str):
            there = TRUTH.get(there.strip().lower(), there)
        if not isinstance(there, bool | int | float) or there not in (0, 1):
            raise ValueError(f"label {label!r} must be true or false, it was {short(there)}")
        found[str(label)] = bool(there)
    return found
