"""Rows of a fine-tuning set as examples: a prompt, the answer that is trained on, the row.

Which text of a row is which is decided in :mod:`growlabels.unsafe.rows.shapes`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from growlabels.base.errors import DataError, UsageError
from growlabels.tables import MalformedRow, RowSource, open_table, row_ids
from growlabels.unsafe.rows.shapes import ShapedRow, read_shape
from growlabels.unsafe.rows.turns import Malformed, Turn, joined


@dataclass(frozen=True)
class Example:
    """One row of a fine-tuning set.

    Attributes
    ----------
    id
        Hash of the content and, after a dash, the number of equal rows before it.
    number
        1-based place in the input.
    prompt
        What the model was asked; may be empty.
    response
        What it is trained to answer; of a conversation the last answer that is trained on.
        Never empty.
    data
        The row as it came.
    answer
        Which of the row's trained answers ``response`` is, from 1.
    turns
        Role and text of the turns before, where some of them are the assistant's.
    earlier
        Places among the turns of the other answers that the row trains on.
    masked
        Number of answers that the row keeps out of training (``weight`` 0, ``train`` false).
    after
        Number of turns after the last answer; training ignores them.

    Examples
    --------
    >>> row = Example("a", 1, "2+2?", "4", {})
    >>> row.prompt, row.response, row.answer
    ('2+2?', '4', 1)
    """

    id: str
    number: int
    prompt: str
    response: str
    data: Mapping[str, Any]
    answer: int = 1
    turns: Sequence[tuple[str, str]] = field(default=(), repr=False)
    earlier: Sequence[int] = ()
    masked: int = 0
    after: int = 0

    def each_answer(self) -> Iterator["Example"]:
        """Yield the row once for each answer that it trains on, itself last.

        >>> said = [("user", "Hi."), ("assistant", "Ho."), ("user", "Bye.")]
        >>> prompt = "user: Hi.\\n\\nassistant: Ho.\\n\\nuser: Bye."
        >>> row = Example("a", 1, prompt, "Ciao.", {}, 2, said, [1])
        >>> [(e.answer, e.prompt[:4], e.response) for e in row.each_answer()]
        [(1, 'Hi.', 'Ho.'), (2, 'user', 'Ciao.')]
        """
        for answer, place in enumerate(self.earlier, 1):
            prompt, response = joined(self.turns[:place]), self.turns[place][1]
            yield Example(self.id, self.number, prompt, response, self.data, answer)
        yield self


class UntrainedRow(MalformedRow):
    """A whole row without an answer that is trained on: it is kept and has no score."""


def read_examples(
    source: RowSource,
    set_aside: Callable[[MalformedRow], None],
    masked: bool = False,
    encoding: str = "utf-8",
) -> Iterator[Example]:
    """Yield each row of a file, a data frame or an iterable as prompt and response.

    Parameters
    ----------
    source
        Whatever :func:`growlabels.tables.open_table` opens: a file, a folder, a pattern of paths,
        a data frame, a Hugging Face dataset or an iterable of mappings.
    set_aside
        Called once for each row that cannot be read, with the reason; and, with an
        :class:`UntrainedRow`, for each whole row of which no answer is trained on.
    masked
        Whether answers that the row keeps out of training are read like the others.
    encoding
        Encoding of files of text, as Python names it. Default UTF-8.

    Raises
    ------
    UsageError
        The file does not exist or its ending is unknown; ``set_aside`` cannot be called.

    Examples
    --------
    >>> bad = []
    >>> rows = [{"prompt": "2+2?", "completion": "4"}, {"prompt": "no answer"}]
    >>> [(e.prompt, e.response) for e in read_examples(rows, bad.append)]
    [('2+2?', '4')]
    >>> bad[0].number, bad[0].reason[:41]
    (2, "has 'prompt' and none of 'completion', 'r")
    """
    UsageError.require_callable("set_aside", set_aside)
    name = row_ids()
    for row in open_table(source, encoding=encoding, set_aside=set_aside):
        found = example_of(name(row.data), row.number, row.data, masked)
        if isinstance(found, Example):
            yield found
        else:
            set_aside(found)


def example_of(
    row_id: str, number: int, data: Mapping[str, Any], masked: bool = False
) -> Example | MalformedRow:
    """Return a row as an example, or what :func:`read_examples` gives to ``set_aside``."""
    try:
        return _example(row_id, number, data, masked)
    except _Untrained as error:
        return UntrainedRow(number, str(error), _raw(data))
    except Malformed as error:
        return MalformedRow(number, str(error), _raw(data))


class _Untrained(Malformed):
    """The reason why no answer of a row is trained on."""


def _example(row_id: str, number: int, data: Mapping[str, Any], masked: bool) -> Example:
    row = read_shape(data)
    answers = [
        place
        for place, turn in enumerate(row.turns)
        if place >= row.asked and turn.role == "assistant" and turn.text.strip()
    ]
    if not answers:
        raise Malformed("the response is empty")
    taught = [place for place in answers if masked or row.turns[place].trained]
    if row.pushed_away and not masked:
        raise _Untrained("'kto_tag' is false: training pushes the model away from the answer")
    if not taught:
        raise _Untrained("no answer is trained on: each has weight 0 or train false")
    turns, taught = (row.turns, taught) if masked else _without_masked(row, taught)
    *earlier, last = taught
    before = turns[:last]
    prompt, response = joined(before), turns[last].text
    for name, text in (("prompt", prompt), ("response", response)):
        if half := half_character(text):
            raise Malformed(f"the {name} holds {half}")
    said = [(turn.role, turn.text) for turn in before]
    return Example(
        row_id,
        number,
        prompt,
        response,
        data,
        answer=len(taught),
        turns=said if any(role == "assistant" for role, _ in said) else (),
        earlier=earlier,
        masked=len(answers) - len(taught),
        after=len(row.turns) - 1 - answers[-1],
    )


def _without_masked(row: ShapedRow, taught: list[int]) -> tuple[list[Turn], list[int]]:
    """Leave out each round, from a user turn to the next, whose answers are all masked."""
    starts = [place for place, turn in enumerate(row.turns) if turn.role == "user"]
    left_out: set[int] = set()
    for start, end in pairwise([*starts, len(row.turns)]):
        answers = [t for t in row.turns[start:end] if t.role == "assistant"]
        if start >= row.asked and answers and not any(turn.trained for turn in answers):
            left_out.update(range(start, end))
    kept = [place for place in range(len(row.turns)) if place not in left_out]
    return [row.turns[place] for place in kept], [kept.index(place) for place in taught]


def read_answers(
    source: RowSource,
    set_aside: Callable[[MalformedRow], None],
    masked: bool = False,
    encoding: str = "utf-8",
) -> Iterator[Example]:
    """Yield every answer of each row, as :meth:`Example.each_answer` does, one at a time."""
    for example in read_examples(source, set_aside, masked, encoding):
        yield from example.each_answer()


def prompt_of(data: Mapping[str, Any]) -> str:
    """Return the prompt of a row that may have no response; empty where it has no prompt.

    >>> prompt_of({"instruction": "Translate.", "input": "Guten Tag"})
    'Translate.\\n\\nGuten Tag'
    >>> prompt_of({"messages": [{"role": "user", "content": "Hello?"}]})
    'Hello?'
    """
    try:
        row = read_shape(data, answered=False)
    except Malformed:
        return ""
    answered = row.turns[-1].role == "assistant"
    return joined(row.turns[:-1] if answered else row.turns)


def half_character(text: str) -> str:
    """Say what half character a text holds, which no tokenizer reads; empty where it holds none.

    >>> half_character("fine"), half_character("cut \\ud83d")
    ('', "half of a character ('\\\\ud83d', at place 5)")
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"half of a character ({text[error.start]!r}, at place {error.start + 1})"
    return ""


def _raw(data: Mapping[str, Any]) -> str:
    return json.dumps(dict(data), ensure_ascii=False, default=str)


def require_usable_row(source: RowSource, name: str, encoding: str = "utf-8") -> None:
    """Raise where no row can be used: ask before a model is loaded, not after it."""
    malformed: list[MalformedRow] = []
    if next(read_examples(source, malformed.append, encoding=encoding), None) is None:
        raise no_usable_row(name, malformed)


def no_usable_row(name: str, malformed: Sequence[MalformedRow]) -> DataError:
    """Build the one wording for rows of which none can be used."""
    first = f" (the first, row {malformed[0].number}: {malformed[0].reason})" if malformed else ""
    return DataError(
        f"{name} holds no usable row, {len(malformed)} malformed{first}; give rows with messages, "
        "conversations, prompt and completion, or instruction and output"
    )
