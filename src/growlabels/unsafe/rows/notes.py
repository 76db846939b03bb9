"""What was not read of the rows, counted: masked answers, turns after the last, unread fields."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from growlabels.unsafe.rows.examples import Example
from growlabels.unsafe.rows.shapes import KTO, fields_read
from growlabels.unsafe.rows.turns import MEDIA, listed

_WORDS = 3
_UNSPACED = 12
_NAMED = 5


class ReadingNotes:
    """Count what a scan does not read of its rows, and say it in sentences.

    Examples
    --------
    >>> notes = ReadingNotes()
    >>> data = {"prompt": "2+2?", "completion": "4", "hint": "count on your fingers"}
    >>> notes.add(Example("a", 1, "2+2?", "4", data))
    >>> notes.sentences()
    ["Fields that hold text and are not read: 'hint' (1 row)."]
    """

    def __init__(self) -> None:
        self.masked: int = 0
        self.masked_rows: int = 0
        self.after: int = 0
        self.media: int = 0
        self.undesirable: int = 0
        self.untrained: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()

    def add(self, example: Example) -> None:
        """Count one row."""
        self.masked += example.masked
        self.masked_rows += example.masked > 0
        self.after += example.after > 0
        self.media += _holds_media(example.data)
        self.undesirable += example.data.get("label") is False and KTO not in example.data
        self.unread.update(unread_text(example.data))

    def sentences(self) -> list[str]:
        """Return one sentence for each kind of text that was not read."""
        found = [
            f"{_counted(count, 'row')} kept without a score, because training does not learn "
            f"{'its' if count == 1 else 'their'} answers: {reason}. --score-masked scores them."
            for reason, count in self.untrained.most_common()
        ]
        if self.masked:
            found.append(
                f"{_counted(self.masked, 'answer')} in {_counted(self.masked_rows, 'row')} not "
                "trained on (weight 0 or train false) and not scored. --score-masked scores such "
                "answers."
            )
        if self.after:
            found.append(
                f"Turns after the last answer, in {_counted(self.after, 'conversation')}: training "
                "ignores them, and so does the scan."
            )
        if self.media:
            found.append(
                f"{_counted(self.media, 'row')} with images, sound or files: the scan reads their "
                "text alone."
            )
        if self.undesirable:
            found.append(
                f"'label' is false in {_counted(self.undesirable, 'row')}. If it marks undesirable "
                f"answers, as in TRL's KTO format, rename it to {KTO!r}: such rows are then kept "
                "without a score. If it labels the harm, ignore this."
            )
        if self.unread:
            named = [f"{k!r} ({_counted(n, 'row')})" for k, n in self.unread.most_common(_NAMED)]
            more = len(self.unread) - len(named)
            rest = f" and {more} more" if more > 0 else ""
            found.append(f"Fields that hold text and are not read: {', '.join(named)}{rest}.")
        return found


def unread_text(data: Mapping[str, Any]) -> set[str]:
    """Return the keys of a row that hold text and are not read.

    Text is at least three words, or twelve characters of a script without spaces. Nested keys
    are written with dots, without the places in lists.

    >>> row = {"messages": [{"role": "user", "content": "Hi.", "mood": "more or less merry"}]}
    >>> unread_text(row)
    {'messages.mood'}
    """
    read = fields_read(data)
    return {path for path, value in _texts(data, "") if not _covered(path, read) and _prose(value)}


def _holds_media(value: object) -> bool:
    """Return whether a value holds a part that is an image, sound or a file."""
    value = listed(value)
    if isinstance(value, Mapping):
        kind = value.get("type")
        if isinstance(kind, str) and MEDIA.fullmatch(kind):
            return True
        return any(map(_holds_media, value.values()))
    return isinstance(value, list) and any(map(_holds_media, value))


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    value = listed(value)
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)


def _covered(path: str, read: set[str]) -> bool:
    """Return whether a key, or one that it lies in, is read."""
    parts = path.split(".")
    return any(".".join(parts[: end + 1]) in read for end in range(len(parts)))


def _prose(text: str) -> bool:
    return len(text.split()) >= _WORDS or (len(text) >= _UNSPACED and not text.isascii())


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
