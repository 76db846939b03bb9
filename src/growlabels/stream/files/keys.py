"""What the keys of JSON and Parquet rows are: labels, texts, left out, or features."""

from collections.abc import Callable, Mapping
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

LOOKED_AT = 1000
"""A key that is named must have occurred after so many rows."""


class Keys:
    """Splits rows into features and labels as a person chose, and misses keys that never occur.

    Parameters
    ----------
    choice
        Names with commas between, or ``prefix:``; of Parquet also counts. Without labels rows have
        the keys x and y.
    first
        The first row.
    source
        What the rows are read from.
    ordered
        Whether all rows have the keys of the first, in one order, as in Parquet.
    """

    def __init__(
        self, choice: Choice, first: Mapping[str, Any], source: str, ordered: bool
    ) -> None:
        self._source = source
        self._nested = choice.labels is None
        labels, keys = choice.labels or "", list(first)
        prefix = labels.removeprefix("prefix:") if labels.startswith("prefix:") else None
        self._missed: dict[str, Callable[[str], bool]] = {}
        if ordered and not self._nested:
            where = f"the first row of {source}"
            self._dropped = choose_named(keys, choice.drop, where)
            keys = [key for key in keys if key not in self._dropped]
            self.texts = choose_named(keys, choice.text, where)
            chosen = {keys[i] for i in choose_columns(keys, labels, where)}
        else:
            if COUNT.fullmatch(labels) and labels not in keys:
                must = "must be names or prefix:... for JSON rows, whose keys have no order"
                raise UsageError.parameter("labels", must, labels)
            names = choice._replace(labels=choice.labels if prefix is None else None)
            chosen, self.texts, self._dropped = (
                set() if said is None else set(listed(said, keys)) for said in names
            )
            for key in sorted(chosen | self.texts | self._dropped):
                self._missed[f"key {key!r}"] = key.__eq__
        self._is_label: Callable[[str], bool] = chosen.__contains__
        if prefix is not None:
            self._is_label = lambda key: key.startswith(prefix)
            self._missed[f"key that starts with {prefix!r}"] = self._is_label
        refuse_both(self.texts, self._is_label, source)

    def split(self, data: Mapping[str, Any]) -> tuple[Mapping[str, Any], object]:
        """Return features and labels as they stand in a row."""
        if self._nested:
            missing = [key for key in ("x", "y") if key not in data]
            if missing:
                raise ValueError(
                    f"has no key {missing[0]!r}; for flat rows say with --labels which keys are "
                    "labels"
                )
            x, y = pairs_as_object(data["x"]), pairs_as_object(data["y"])
            if not isinstance(x, Mapping):
                raise ValueError(f"'x' must be an object of numbers, it was {short(x)}")
            self._seen(x)
            return {key: value for key, value in x.items() if key not in self._dropped}, y
        self._seen(data)
        kept = {key: value for key, value in data.items() if key not in self._dropped}
        y = {key: value for key, value in kept.items() if self._is_label(key)}
        return {key: value for key, value in kept.items() if key not in y}, _together(y)

    def _seen(self, row: Mapping[str, Any]) -> None:
        if self._missed:
            self._missed = {k: fits for k, fits in self._missed.items() if not any(map(fits, row))}

    def check(self, rows: int) -> None:
        """Raise where a key that was named is in none of so many rows."""
        if self._missed:
            missed = next(iter(self._missed))
            raise UsageError(f"{self._source} has no {missed} in its first {rows:,} rows; check it")


def _together(y: dict[str, Any]) -> object:
    """Return the labels of one list, where all keys of labels hold lists."""
    lists = [value for value in y.values() if value is not None]
    if not lists or not all(isinstance(value, list) for value in lists):
        return y
    return [label for value in lists for label in value]


def pairs_as_object(value: object) -> object:
    """Return what a map column of Parquet holds, pairs of key and value, as an object."""
    if not (isinstance(value, list) and all(isinstance(pair, tuple) for pair in value)):
        return value
    found = dict(value)
    if len(found) < len(value):
        twice = repeated(key for key, _ in value)
        raise ValueError(f"key {short(twice[0])} is there twice")
    return found


def short(value: object) -> str:
    """Return a value as a message shows it."""
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
