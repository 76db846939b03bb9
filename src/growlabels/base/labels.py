"""LabelMap: label <-> index, append-only."""

import hashlib
import json
from bisect import bisect_left, insort
from collections.abc import Hashable, Iterable, Iterator
from typing import ClassVar

from growlabels.base.errors import DataError, UsageError

_JSON_TYPES = (str, int, float, bool, type(None))


class LabelMap:
    """An append-only bijection between labels and indices 0, 1, 2, ...

    An index never changes its label. A removed label leaves a tombstone: its index is not
    reused, and the label cannot be added again under another index; adding it again
    brings the old index back.

    Parameters
    ----------
    labels
        First labels, any hashable values, no duplicates.

    Examples
    --------
    >>> labels = LabelMap(["cat", "dog"])
    >>> labels.add("eel")
    2
    >>> labels.index("dog"), labels[2], len(labels)
    (1, 'eel', 3)
    """

    def __init__(self, labels: Iterable[Hashable] = ()) -> None:
        self._labels: list[Hashable] = []
        self._index: dict[Hashable, int] = {}
        self._removed: set[int] = set()
        self._in_order: list[int] = []  # the same, ascending
        self.extend(labels)

    def add(self, label: Hashable) -> int:
        """Return the index of a label, appending the label if it is new."""
        index = self._index.get(label)
        if index is None:
            index = len(self._labels)
            self._index[label] = index
            self._labels.append(label)
        elif index in self._removed:
            self._removed.remove(index)
            del self._in_order[bisect_left(self._in_order, index)]
        return index

    def extend(self, labels: Iterable[Hashable]) -> list[int]:
        """Append new labels; a label that is already there, or twice, is a ``UsageError``."""
        if isinstance(labels, str):  # each letter would become one
            raise UsageError.parameter("labels", "must be a list of labels", labels)
        if isinstance(labels, set | frozenset):
            raise UsageError(
                "labels must be in an order that is the same in every run, they were a "
                f"{type(labels).__name__}; give sorted(labels)"
            )
        new = list(labels)
        seen: set[Hashable] = set()
        for label in new:
            if not found_again(label):
                raise UsageError.parameter(
                    "labels", "must be found again: strings, numbers or tuples", label
                )
            if label in self or label in seen:
                raise UsageError.parameter(
                    "labels",
                    "must be new and different from one another",
                    label,
                    "leave out the label that is already there",
                )
            seen.add(label)
        return [self.add(label) for label in new]

    def remove(self, label: Hashable) -> int:
        """Mark a label as removed; its index stays reserved. Returns the index."""
        index = self.index(label)
        self._removed.add(index)
        insort(self._in_order, index)
        return index

    def index(self, label: Hashable) -> int:
        """Return the index of a label; an unknown or removed one is a ``DataError``."""
        index = self._index.get(label)
        if index is None:
            raise DataError(f"label {label!r} was never added; add it before you use it")
        if index in self._removed:
            raise DataError(f"label {label!r} was removed; add it again before you use it")
        return index

    @property
    def removed(self) -> list[int]:
        """Indices that are tombstones, ascending."""
        return self._in_order.copy()

    def __getitem__(self, index: int) -> Hashable:
        return self._labels[index]

    def __contains__(self, label: object) -> bool:
        index = self._index.get(label)  # type: ignore[call-overload]
        return index is not None and index not in self._removed

    def __len__(self) -> int:
        """Count all indices ever given, tombstones included."""
        return len(self._labels)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._labels)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LabelMap)
            and self._labels == other._labels
            and self._removed == other._removed
        )

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def to_json(self) -> str:
        """Serialise; labels must be strings, numbers, booleans, None or tuples of these."""
        return json.dumps(
            {
                "labels": [_encode(label) for label in self._labels],
                "removed": self._in_order,
            },
            ensure_ascii=False,
        )

    def digest(self, count: int | None = None) -> str:
        """Return the SHA-256 of the first ``count`` labels in order; removal has no effect.

        >>> LabelMap(["a", "b"]).digest(1) == LabelMap(["a"]).digest()
        True
        """
        labels = [_encode(label) for label in self._labels[:count]]
        return hashlib.sha256(json.dumps(labels, ensure_ascii=True).encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> "LabelMap":
        """Read what :meth:`to_json` wrote."""
        try:
            data = json.loads(text)
            if not isinstance(data["labels"], list):
                raise ValueError("'labels' is no list")
            labels = cls(_decode(label) for label in data["labels"])
            labels._removed = set(map(int, data["removed"]))
            labels._in_order = sorted(labels._removed)
            if not labels._removed.issubset(range(len(labels))):
                raise ValueError("a removed index has no label")
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"not a label map: {error}; write it with LabelMap.to_json") from error
        return labels


def found_again(label: object) -> bool:
    """Say whether a label can be looked up: it is hashable, and equal to itself (NaN is not).

    >>> found_again(("a", 1)), found_again(float("nan")), found_again((1, [2]))
    (True, False, False)
    """
    try:
        hash(label)
        return bool(label == label)
    except (TypeError, ValueError):
        return False


def repeated(names: Iterable[Hashable]) -> list[Hashable]:
    """Return the names that stood there before, in order; none where all differ.

    >>> repeated(["a", "b", "a"]), repeated("ab")
    (['a'], [])
    """
    seen: set[Hashable] = set()
    again = []
    for name in names:
        if name in seen:
            again.append(name)
        seen.add(name)
    return again


def _encode(label: Hashable) -> object:
    if isinstance(label, tuple):
        return [_encode(part) for part in label]
    if hasattr(label, "item"):  # a numpy scalar
        label = label.item()  # type: ignore[attr-defined]
    if not isinstance(label, _JSON_TYPES):
        raise UsageError.parameter(
            "label",
            "must be a string, number, boolean, None or a tuple of these to be saved",
            label,
            "use pickle, or rename the labels",
        )
    return label


def _decode(label: object) -> Hashable:
    return tuple(map(_decode, label)) if isinstance(label, list) else label  # type: ignore[return-value]
