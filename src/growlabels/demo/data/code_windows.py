"""Cut windows of at most 48 tokens from a function body."""

import re
import textwrap
from collections.abc import Callable, Sequence

import numpy as np

TokenCounter = Callable[[str], int]
MOST_TOKENS = 48
FEWEST_TOKENS = 20
_PIECE = re.compile(r"[^\W\d_]+|\d|\s+(?=\s)|[^\w\s]|_|\n")


def approximate_tokens(text: str) -> int:
    """Estimate the number of tokens that a byte-pair tokenizer for code gives for a text.

    >>> approximate_tokens("return eval(text, scope)")
    7
    """
    return sum(1 + (len(piece) - 1) // 7 for piece in _PIECE.findall(text))


class BodyWindows:
    """The windows of one function body.

    Parameters
    ----------
    lines
        All lines of the file.
    starts
        1-based lines where a window may start: the first lines of the body's statements.
    last
        The last line of the function.
    count_tokens
        Function that counts the tokens of a text.
    """

    def __init__(
        self, lines: Sequence[str], starts: Sequence[int], last: int, count_tokens: TokenCounter
    ) -> None:
        self._lines = lines
        self.starts: list[int] = list(starts)
        self._last = last
        self._count = count_tokens
        body = lines[starts[0] - 1 : last]
        self._tokens = np.cumsum([0, *(count_tokens(line + "\n") for line in body)])

    def choices(self, anchor: int) -> list[int]:
        """Return the starts from which a window reaches to the end of the anchor line."""
        return [s for s in self.starts if s <= anchor and self._between(s, anchor) <= MOST_TOKENS]

    def is_inner(self, start: int) -> bool:
        """Return whether a window starts after the beginning of the body."""
        return start != self.starts[0]

    def text(self, start: int) -> tuple[str, int] | None:
        """Return the window from a start and its last line; None if it is too short."""
        last = start
        while last < self._last and self._between(start, last + 1) <= MOST_TOKENS:
            last += 1
        while last >= start:
            text = textwrap.dedent("\n".join(self._lines[start - 1 : last])).rstrip()
            tokens = self._count(text)
            if tokens < FEWEST_TOKENS:
                return None
            if tokens <= MOST_TOKENS:
                return text, last
            last -= 1
        return None

    def _between(self, first: int, last: int) -> int:
        top = self.starts[0]
        return int(self._tokens[last - top + 1] - self._tokens[first - top])
