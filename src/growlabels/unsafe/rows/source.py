"""Where rows come from: any table, named in messages, hashed, and looked for on the disk."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

from growlabels.base.errors import UsageError
from growlabels.base.files import content_hash, file_sha256
from growlabels.tables import RowSource, SetAside, Table, open_table


def open_rows(
    source: RowSource, set_aside: SetAside | None = None, encoding: str = "utf-8"
) -> Table:
    """Open rows that are read more than once.

    Raises
    ------
    UsageError
        There is no such file, or the rows can be read only once.
    """
    table = open_table(source, encoding=encoding, set_aside=set_aside)
    if table.one_pass:
        raise UsageError(
            f"the rows of {table.name} can be read only once and are needed several times; write "
            "them to a file"
        )
    return table


def held(source: RowSource) -> RowSource:
    """Return rows that can be read again: those of an iterator are put into a list."""
    return cast("RowSource", list(source)) if isinstance(source, Iterator) else source


def source_name(source: RowSource, otherwise: str) -> str:
    """Return a file's path, or what to call rows that are in no file."""
    return str(source) if isinstance(source, str | os.PathLike) else otherwise


def source_path(source: RowSource) -> str | None:
    """Return the whole path of rows that are on the disk; None where they are not."""
    return str(Path(source).resolve()) if isinstance(source, str | os.PathLike) else None


def source_hash(source: str | os.PathLike[str]) -> str:
    """Return a hash of a file, or of all files of a folder or a pattern."""
    files = [part.path for part in open_table(source).parts if part.path is not None]
    if len(files) == 1 and Path(source).is_file():
        return file_sha256(files[0])
    return content_hash([[file.name, file_sha256(file)] for file in files])


def is_there(source: str | os.PathLike[str]) -> bool:
    """Return whether there is a file or folder, or a file that a pattern matches."""
    with suppress(UsageError):
        return bool(open_table(source).parts)
    return Path(source).exists()
