"""Text written to a file that appears when it is complete, in any encoding, packed or not."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from growlabels.base.errors import DataError
from growlabels.base.files import atomic_write
from growlabels.tables.formats import split_ending
from growlabels.tables.packing import MAGIC, packed


def packing_by_name(path: Path) -> str:
    """Return how a file is packed whose name ends so; empty: not at all."""
    written = split_ending(path.name)[1].lower()
    return next((ending for ending in MAGIC.values() if written.endswith(ending)), "")


class TextFile:
    """Takes text and writes its bytes.

    Parameters
    ----------
    file
        Takes the bytes.
    encoding
        Of the file.
    name
        Of the file, for messages.
    errors
        What is done with a letter that has no bytes; None: half a letter is written as its escape
        in UTF-8, and anything else is an error.
    """

    def __init__(self, file: object, encoding: str, name: str, errors: str | None = None) -> None:
        errors = errors or ("backslashreplace" if encoding == "utf-8" else "strict")
        self._encoder = codecs.getincrementalencoder(encoding)(errors)
        self._file, self._encoding, self._name = file, encoding, name

    def write(self, text: str) -> None:
        """Write some text.

        Raises
        ------
        DataError
            The encoding has no bytes for a letter.
        """
        try:
            self._file.write(self._encoder.encode(text))  # type: ignore[attr-defined]
        except UnicodeEncodeError as error:
            letter = error.object[error.start]
            raise DataError(
                f"{self._name}: {self._encoding} has no letter {letter!r}; write another encoding "
                "or another format"
            ) from error


@contextmanager
def text_file(
    path: Path, encoding: str = "utf-8", bom: bool = False, errors: str | None = None
) -> Iterator[TextFile]:
    """Open a file for text, packed as its name says, whole or not at all."""
    with atomic_write(path, "wb") as raw, packed(raw, packing_by_name(path)) as file:
        out = TextFile(file, encoding, path.name, errors)
        if bom:
            out.write("\ufeff")
        yield out
