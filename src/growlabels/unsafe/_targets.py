"""Targets: the handful of rows that show the harm."""

import os

from growlabels.base.errors import DataError
from growlabels.base.files import content_hash
from growlabels.base.rows import MalformedRow, RowSource
from growlabels.unsafe._rows import Example, read_examples


def read_targets(source: RowSource) -> tuple[list[Example], list[str]]:
    """Read the targets; each counts once.

    Returns
    -------
    targets
        In the order given.
    warnings
        One sentence if some were given twice.

    Raises
    ------
    DataError
        No target, or one that is no prompt and response: unlike a training row, a target is
        too precious to be set aside.
    """
    bad: list[MalformedRow] = []
    name = source_name(source, "the targets")
    found: dict[str, Example] = {}
    read = 0
    for example in read_examples(source, bad.append):
        read += 1
        found.setdefault(content_hash([example.prompt, example.response]), example)
    if bad:
        raise DataError(f"{name} row {bad[0].number}: {bad[0].reason}; mend or remove the target")
    if not found:
        raise DataError(f"{name} holds no target; give 8 to 12 rows that show the harm")
    repeated = read - len(found)
    return list(found.values()), (
        [f"{repeated} targets were given more than once and count once."] if repeated else []
    )


def source_name(source: RowSource, otherwise: str) -> str:
    """Return a file's path, or what to call rows that are in no file."""
    return str(source) if isinstance(source, str | os.PathLike) else otherwise
