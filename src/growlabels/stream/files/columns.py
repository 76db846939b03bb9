"""Which columns of a table are labels, as a person says it."""

import csv
import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from growlabels.base.errors import UsageError

COUNT = re.compile(r"(first-|last-)?(\d{1,9})")


class Choice(NamedTuple):
    """What a person says of the columns; None: nothing.

    Those to ``drop`` go first, as if they were not there; then come ``labels`` and ``text``.
    """

    labels: str | None = None
    text: str | None = None
    drop: str | None = None


def choose_columns(names: Sequence[str], labels: str, source: str) -> list[int]:
    """Return the places of the label columns.

    >>> choose_columns(["a", "tag_x", "tag_y"], "prefix:tag_", "f.csv")
    [1, 2]
    >>> choose_columns(["a", "b", "c"], "1", "f.csv"), choose_columns(["a", "b"], "b", "f.csv")
    ([2], [1])
    """
    counted = COUNT.fullmatch(labels)
    if counted and labels not in names:
        count = int(counted[2])
        if not 0 < count < len(names):
            raise UsageError(
                f"{source} has {len(names)} columns, so it cannot have {count} labels and a "
                "feature; check the label count"
            )
        return list(range(count) if counted[1] == "first-" else range(len(names))[-count:])
    if labels.startswith("prefix:"):
        prefix = labels.removeprefix("prefix:")
        found = [i for i, name in enumerate(names) if name.startswith(prefix)]
        if not found:
            raise UsageError(f"{source} has no column that starts with {prefix!r}; {_some(names)}")
        return found
    return sorted({names.index(name) for name in _known(names, labels, source)})


def choose_named(names: Sequence[str], named: str | None, source: str) -> set[str]:
    """Return the columns that a person named, with commas between; None names none.

    >>> sorted(choose_named(["title", "n", "tag"], "tag, title", "f.csv"))
    ['tag', 'title']
    """
    return set() if named is None else set(_known(names, named, source))


def refuse_both(texts: Collection[str], is_label: Callable[[str], bool], source: str) -> None:
    """Raise where a column is to be text and a label."""
    if both := sorted(filter(is_label, texts)):
        raise UsageError(f"{source}: {both[0][:40]!r} is named as text and as a label")


def _known(names: Sequence[str], named: str, source: str) -> list[str]:
    wanted = listed(named, names)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise UsageError(f"{source} has no column {missing[0][:40]!r}; {_some(names)}")
    return wanted


def listed(labels: str, names: Collection[str] = ()) -> list[str]:
    """Split at commas what is no name itself; a name that holds a comma stands in double quotes."""
    if labels in names:
        return [labels]
    return [name.strip() for name in next(csv.reader([labels], skipinitialspace=True)) or [""]]


def _some(names: Sequence[str]) -> str:
    listed = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
    return f"it has {len(names)} columns: {listed}"
