"""A moderator that looks for words and phrases."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from growlabels.base.errors import UsageError
from growlabels.unsafe.moderate.moderator import Exchange, Verdict, require_exchanges

_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "HANGUL", "TIBETAN")
"""First words of the Unicode names of letters that are written without spaces between words."""
_GAP = r"[\s\-\u2010-\u2015_]+"
_PLURAL = r"(?:'s|e?s'?)?"


class Keywords:
    """Call a row unsafe where a word or phrase occurs in the response, whatever its case.

    Parameters
    ----------
    words
        Words or phrases. They match whole words and their plurals; between the words of a phrase
        spaces, hyphens and line breaks are alike. In scripts without spaces between words, such
        as Chinese, Japanese or Thai, they match anywhere.

    Examples
    --------
    >>> from growlabels.unsafe import Example, Keywords
    >>> rows = [Example("a", 1, "Read it.", "value = EVAL(line)", {}),
    ...         Example("b", 2, "Read it.", "evaluate(line)", {})]
    >>> [verdict.probability for verdict in Keywords(["eval"])(rows)]
    [1.0, 0.0]
    """

    def __init__(self, words: Iterable[str]) -> None:
        if isinstance(words, str):
            raise UsageError(f"keywords must be a list of words, it was the text {words!r}")
        UsageError.require_instance("keywords", words, Iterable, "give a list of words")
        words = list(words)
        if odd := [word for word in words if not isinstance(word, str)]:
            raise UsageError(f"keywords must be texts, one was of class {type(odd[0]).__name__}")
        wanted = [word for word in map(_plain, words) if word]
        if not wanted:
            raise UsageError("keywords must hold at least one word; give one word a line")
        self._pattern = re.compile("|".join(map(_pattern, wanted)))

    def __call__(self, rows: Sequence[Exchange], /) -> list[Verdict]:
        """Return probability 1 for each row with one of the words, else 0."""
        require_exchanges(rows)
        return [Verdict(float(bool(self._pattern.search(_plain(row.response))))) for row in rows]


def _plain(text: str) -> str:
    """Return a text without case, soft hyphens, or wide and composed forms of letters.

    >>> _plain(" Ｔension\u00adWrench ")
    'tensionwrench'
    """
    text = unicodedata.normalize("NFKC", text).replace("\u00ad", "").replace("\u2019", "'")
    return text.casefold().strip()


def _pattern(word: str) -> str:
    """Return the pattern of one word or phrase."""
    parts = [part for part in re.split(_GAP, word) if part] or [word]
    inner = _GAP.join(map(re.escape, parts))
    last = parts[-1]
    if last[-1].isalpha() and not _unspaced(last[-1]):
        if re.search(r"[^aeiou]y$", last):
            inner = f"{inner[:-1]}(?:y{_PLURAL}|ies)"
        else:
            inner += _PLURAL
    start = r"(?<!\w)" if _is_word(word[0]) else ""
    end = r"(?!\w)" if _is_word(word[-1]) else ""
    return f"{start}(?:{inner}){end}"


def _is_word(letter: str) -> bool:
    """Return whether a letter is part of words with spaces around them."""
    return (letter.isalnum() or letter == "_") and not _unspaced(letter)


def _unspaced(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(_UNSPACED)
