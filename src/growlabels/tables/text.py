"""Bytes to lines of text, in any encoding; what is not valid is kept and marked, never replaced.

Bytes that are not valid become lone surrogates (``surrogateescape``), so that a reader refuses the
very line that holds them, and so that every other line is read.
"""

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from growlabels.base.errors import DataError, UsageError
from growlabels.tables.packing import DamagedError
from growlabels.tables.rows import Unreadable

LONGEST = 2**28
"""Characters of the longest row that is read."""
_SAMPLE = 2**14
_ESCAPED = re.compile("[\udc80-\udcff]")
_LATIN = re.compile(r"cp125[0247]|iso8859_\d+|latin_1|hp_roman8|mac_\w+|cp(437|775|85\d|86\d)")


@dataclass
class Text:
    """Some text of a file.

    Attributes
    ----------
    text
        The text, without a byte order mark.
    encoding
        Of the file.
    doubtful
        Whether it holds bytes that are not valid in this encoding.
    """

    text: str
    encoding: str
    doubtful: bool = False

    def wrong(self, part: str) -> Unreadable | None:
        """Return why a part of the text is not valid; None where it is."""
        found = _ESCAPED.search(part) if self.doubtful else None
        if found is None:
            return None
        place = len(self._bytes(part[: found.start()]))
        words = f"invalid {self.encoding.upper()} at byte {place}"
        if not self._likely:
            return Unreadable(words)
        return Unreadable(
            f"{words}, it looks like {self._likely}", f"pass --encoding {self._likely} if it is"
        )

    def _bytes(self, part: str) -> bytes:
        try:
            return part.encode(self.encoding, "surrogateescape")
        except UnicodeEncodeError:  # half a letter of UTF-16
            return part.encode("utf-8", "surrogateescape")

    @cached_property
    def _likely(self) -> str:
        """What the lines that are not valid look like, taken together."""
        lines = [line for line in lines_of(self.text) if _ESCAPED.search(line)]
        likely = looks_like(self._bytes("".join(lines)[:_SAMPLE]))
        return "" if likely == self.encoding else likely


def known_encoding(encoding: str) -> str:
    """Return the usual name of an encoding of text; an unknown one is a ``UsageError``.

    >>> known_encoding("Latin1"), known_encoding("UTF8")
    ('iso8859-1', 'utf-8')
    """
    try:
        found = codecs.lookup(encoding)
        "".encode(found.name)
    except (LookupError, TypeError, ValueError) as error:
        raise UsageError.parameter(
            "encoding", "must be the name of an encoding such as utf-8 or cp1252", encoding
        ) from error
    return "utf-8" if found.name == "utf-8-sig" else found.name


def begins_with_mark(head: bytes, encoding: str) -> bool:
    """Say whether text begins with a byte order mark that its encoding leaves to the writer."""
    return head.decode(encoding, "ignore").startswith("\ufeff")


def texts(chunks: Iterable[bytes], encoding: str, name: str, ends: str = "\n") -> Iterator[Text]:
    """Yield the text of chunks of bytes, without a byte order mark.

    Parameters
    ----------
    chunks
        Bytes, in any cut.
    encoding
        As :func:`known_encoding` returns it.
    name
        Of the file, for messages.
    ends
        Letters after which the text may be cut; empty: anywhere.

    Raises
    ------
    DataError
        A line is longer than ``LONGEST``, or the bytes are not of this encoding in a way that no
        single letter can be blamed for.
    """
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    parts: list[str] = []
    size = lines = 0
    begun = False
    chunks = _and_last(chunks)
    while True:
        try:
            chunk = next(chunks)
            text = decoder.decode(chunk, not chunk)
        except StopIteration:
            return
        except DamagedError as error:
            raise DataError(f"{name} after line {lines}: {error.reason}") from error
        except UnicodeError as error:
            raise DataError(
                f"{name} line {lines + 1}: is not {encoding} ({error}); name its encoding with "
                "--encoding"
            ) from error
        if not begun and text:
            begun, text = True, text.removeprefix("\ufeff")
        lines += text.count("\n")
        end = _end(text, ends) if chunk else len(text)
        if chunk and not end:
            parts.append(text)
            size += len(text)
            if size > LONGEST:
                raise _endless(name)
            continue
        whole = "".join((*parts, text[:end]))
        parts, size = [text[end:]], len(text) - end
        if whole:
            yield Text(whole, encoding, _doubtful(whole))


def _end(text: str, ends: str) -> int:
    """Return the place after which a text may be cut, 0 where there is none.

    A carriage return at the very end may be half of a line end.
    """
    if not ends:
        return len(text)
    return text.rfind("\n") + 1 or ("\r" in ends and text.rfind("\r", 0, -1) + 1)


def _doubtful(text: str) -> bool:
    try:
        return not text.isascii() and not text.encode()
    except UnicodeEncodeError:
        return True


def _and_last(chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield from filter(None, chunks)
    yield b""


def _endless(name: str) -> DataError:
    return DataError(f"{name} has a row of more than {LONGEST:,} characters; is it a file of rows?")


def lines_of(text: str, only_feeds: bool = False) -> list[str]:
    """Return the lines of a text with their ends; ``only_feeds``: cut after line feeds alone.

    >>> lines_of("a\\r\\nb\\x0bc\\rd"), lines_of("a\\rb\\nc", True)
    (['a\\r\\n', 'b\\x0bc\\r', 'd'], ['a\\rb\\n', 'c'])
    """
    return list(io.StringIO(text, newline="\n" if only_feeds else ""))


def looks_like(sample: bytes) -> str:
    """Return the encoding that some bytes look like; empty where that cannot be told.

    >>> looks_like("Müller bought a café crème".encode("cp1252"))
    'cp1252'
    """
    try:
        western = sample.decode("cp1252")
    except UnicodeDecodeError:
        western = ""
    try:
        from charset_normalizer import from_bytes
    except ModuleNotFoundError:
        return ""
    best = from_bytes(sample).best()
    found = "" if best is None else best.encoding
    if found.startswith(("utf_16", "utf_32")) and b"\0" not in sample:
        found = ""
    odd = [letter for letter in western if ord(letter) > 127]
    likely = not found or len(odd) < 4 or _LATIN.fullmatch(found)
    if western and likely and sum(map(_usual, odd)) >= 0.9 * len(odd):
        return "cp1252"
    return found.replace("_", "-")


def _usual(letter: str) -> bool:
    return letter.isalpha() or letter in "‘’“”–—…€°§«»\xa0"
