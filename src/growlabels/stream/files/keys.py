"""What the columns or keys of rows are: labels, texts, left out, or features."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from growlabels.base.errors import UsageError
from growlabels.base.labels import repeated
from growlabels.stream.files.columns import (
    COUNT,
    Choice,
    choose_columns,
    choose_named,
    listed,
    refuse_both,
)
from growlabels.tables import ABSENT, flat, value_at

LOOKED_AT = 1000
"""A key that is named must have occurred after so many rows."""


class Keys:
    """Splits rows into features and labels as a person chose, and misses keys that never occur.

    Parameters
    ----------
    choice
        Names with commas between, or ``prefix:``; of tables with columns also counts. Without
        labels rows have the keys x and y. A name may be a path, ``meta.tags``.
    columns
        Names of the columns in their order; None where each row has keys of its own.
    source
        What the rows are read from.
    """

    def __init__(self, choice: Choice, columns: list[str] | None, source: str) -> None:
        self._source = source
        self.nested: bool = choice.labels is None
        labels = choice.labels or ""
        prefix = labels.removeprefix("prefix:") if labels.startswith("prefix:") else None
        self._missed: dict[str, Callable[[Mapping[str, Any]], bool]] = {}
        self._paths: list[str] = []
        if columns is not None and not self.nested and not _is_path(labels, columns):
            self._dropped = choose_named(columns, choice.drop, source)
            kept = [name for name in columns if name not in self._dropped]
            self.texts: set[str] = choose_named(kept, choice.text, source)
            chosen = {kept[i] for i in choose_columns(kept, labels, source)}
        else:
            if COUNT.fullmatch(labels):
                must = "must be names or prefix:... for JSON rows, whose keys have no order"
                raise UsageError.parameter("labels", must, labels)
            names = choice._replace(labels=choice.labels if prefix is None else None)
            chosen, self.texts, self._dropped = (
                set[str]() if said is None else set(listed(said, columns or ())) for said in names
            )
            for key in sorted(chosen | self.texts | self._dropped):
                self._missed[f"key {key!r}"] = lambda row, key=key: value_at(row, key) is not ABSENT
        self.labels: list[str] = sorted(chosen)
        self._is_label: Callable[[str], bool] = chosen.__contains__
        if prefix is not None:
            self._is_label = lambda key: key.startswith(prefix)
            self._missed[f"key that starts with {prefix!r}"] = lambda row: any(
                map(self._is_label, flat(row))
            )
        refuse_both(self.texts, self._is_label, source)

    @property
    def dropped(self) -> Collection[str]:
        """Keys that were chosen to be left out."""
        return self._dropped

    def is_label(self, key: str) -> bool:
        """Say whether a key was chosen as a label."""
        return self._is_label(key)

    def is_dropped(self, key: str) -> bool:
        """Say whether a key was chosen to be left out."""
        return key in self._dropped

    def split(self, row: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
        """Return features and labels as they stand in a row; labels by key, but of nested rows."""
        if self.nested:
            return self._split_nested(row)
        if self._missed:
            self._see(row)
        labels = {key: value_at(row, key) for key in self.labels}
        data = flat(row) if any(isinstance(value, Mapping) for value in row.values()) else row
        if not self.labels:
            labels = {key: value for key, value in data.items() if self._is_label(key)}
        left = {k: v for k, v in data.items() if k not in labels and k not in self._dropped}
        taken = (*labels, *self._dropped)
        if data is not row or any("." in name for name in taken):
            inside = tuple(f"{name}." for name in taken)
            lists = {name.rpartition(".")[0] for name in taken}  # of objects that hold the key
            left = {
                key: value
                for key, value in left.items()
                if not key.startswith(inside) and not (key in lists and isinstance(value, list))
            }
        return left, labels

    def _split_nested(self, row: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
        if "x" not in row:
            raise ValueError(
                "has no key 'x'; for flat rows say with --labels which keys are labels"
            )
        x, y = pairs_as_object(row["x"]), pairs_as_object(row.get("y"))
        if not isinstance(x, Mapping):
            raise ValueError(f"'x' must be an object of numbers, it was {short(x)}")
        if self._missed:
            self._see(x)
        return {key: value for key, value in x.items() if key not in self._dropped}, y

    def text_of(self, row: Mapping[str, Any], features: Mapping[str, Any], name: str) -> Any:
        """Return the text under a name; None where there is none."""
        found = features.get(name, ABSENT)
        if found is ABSENT and not self.nested:
            found = value_at(row, name)
        return None if found is ABSENT else found

    def _see(self, row: Mapping[str, Any]) -> None:
        self._missed = {name: fits for name, fits in self._missed.items() if not fits(row)}

    def check(self, rows: int) -> None:
        """Raise where a key that was named is in none of so many rows."""
        if self._missed:
            missed = next(iter(self._missed))
            raise UsageError(f"{self._source} has no {missed} in its first {rows:,} rows; check it")


def _is_path(labels: str, columns: Iterable[str]) -> bool:
    """Say whether labels are named by paths into columns that hold objects."""
    names = set(columns)
    return any(
        name not in names and name.partition(".")[0] in names and "." in name
        for name in listed(labels, names)
    )


def pairs_as_object(value: object) -> object:
    """Return what a map column of Parquet holds, pairs of key and value, as an object."""
    if not (isinstance(value, list) and all(isinstance(pair, tuple) for pair in value)):
        return value
    found = dict(value)
    if len(found) < len(value):
        twice = repeated(key for key, _ in value)
        raise ValueError(f"duplicate key {short(twice[0])}")
    return found


def short(value: object) -> str:
    """Return a value as a message shows it."""
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
