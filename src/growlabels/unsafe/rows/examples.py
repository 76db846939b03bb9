"""Rows of a fine-tuning set in four shapes, read as prompts and responses.

========================================  =====================================================
``messages``                              a list of turns with ``role`` and ``content``; the last
                                          turn is the assistant's and is the response
``conversations``                         the same in the shape of ShareGPT: ``from`` (human, gpt,
                                          ...) and ``value``, and maybe a text ``system`` beside it
``prompt`` + ``completion``               two texts, or two lists of turns; other names of the one
                                          are ``question``, ``query`` and ``instruction``, of the
                                          other ``response``, ``answer`` and ``output``
``instruction``/``input``/``output``      ``input``, or ``context``, may be absent or empty
========================================  =====================================================

A turn of tool calls, with or without text, is its text and then the JSON of the calls.

A conversation teaches each turn of the assistant that has text, after the turns before it; of
``prompt`` + ``completion`` those of the completion, since nobody trains on the prompt.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.rows import MalformedRow, RowSource, read_rows

_ROLES = {"human": "user", "gpt": "assistant", "observation": "tool", "function_call": "assistant"}
"""How ShareGPT calls them -> how messages do; other names are the same."""
_PROMPTS = ("prompt", "question", "query", "instruction")
_RESPONSES = ("completion", "response", "answer", "output")
_BESIDE_INSTRUCTION = ("input", "context")


@dataclass(frozen=True)
class Example:
    """One row of a fine-tuning set.

    Attributes
    ----------
    id
        Content hash and ordinal, as in :class:`growlabels.base.rows.Row`.
    number
        1-based place in the input.
    prompt
        What the model was asked; may be empty.
    response
        What it is taught to answer, of a conversation the last answer; never empty.
    data
        The row as it came, to be written back unchanged.
    answer
        Which of the row's answers ``response`` is, from 1.
    turns
        Role and text of the turns before, where some of them are the assistant's.
    earlier
        Places among the turns of the answers that the row teaches too.
    """

    id: str
    number: int
    prompt: str
    response: str
    data: Mapping[str, Any]
    answer: int = 1
    turns: Sequence[tuple[str, str]] = field(default=(), repr=False)
    earlier: Sequence[int] = ()

    def each_answer(self) -> Iterator["Example"]:
        """Yield a row as it was read once for each answer that it teaches, itself last.

        >>> said = [("user", "Hi."), ("assistant", "Ho."), ("user", "Bye.")]
        >>> prompt = "user: Hi.\\n\\nassistant: Ho.\\n\\nuser: Bye."
        >>> row = Example("a", 1, prompt, "Ciao.", {}, 2, said, [1])
        >>> [(e.answer, e.prompt[:4], e.response) for e in row.each_answer()]
        [(1, 'Hi.', 'Ho.'), (2, 'user', 'Ciao.')]
        """
        for answer, place in enumerate(self.earlier, 1):
            prompt, response = _joined(self.turns[:place]), self.turns[place][1]
            yield Example(self.id, self.number, prompt, response, self.data, answer)
        yield self


class _Read(NamedTuple):
    """What is read of a row; see :class:`Example`."""

    prompt: str
    response: str
    turns: Sequence[tuple[str, str]] = ()
    earlier: Sequence[int] = ()


class _Malformed(ValueError):
    """Why a row is no prompt and response; caught in this module."""


def read_examples(
    source: RowSource, set_aside: Callable[[MalformedRow], None]
) -> Iterator[Example]:
    """Yield each row of a JSONL or Parquet file, or of an iterable, as prompt and response.

    Parameters
    ----------
    source
        As :func:`growlabels.base.rows.read_rows` takes it.
    set_aside
        Called once for each row that is no prompt and response, with the reason.

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
    >>> bad[0].number, bad[0].reason
    (2, "has 'prompt' and none of 'completion', 'response', 'answer', 'output'")
    """
    UsageError.require_callable("set_aside", set_aside)
    for row in read_rows(source, set_aside):
        try:
            read = _prompt_and_response(row.data)
            if not read.response.strip():
                raise _Malformed("the response is empty")
            _require_whole(read.prompt, "prompt")
            _require_whole(read.response, "response")
        except _Malformed as error:
            set_aside(MalformedRow(row.number, str(error), _raw(row.data)))
            continue
        prompt, response, turns, earlier = read
        last = len(earlier) + 1
        yield Example(row.id, row.number, prompt, response, row.data, last, turns, earlier)


def read_answers(source: RowSource, set_aside: Callable[[MalformedRow], None]) -> Iterator[Example]:
    """Yield every answer of each row, as :meth:`Example.each_answer` does, one at a time."""
    for example in read_examples(source, set_aside):
        yield from example.each_answer()


def _prompt_and_response(data: Mapping[str, Any]) -> _Read:
    if data.get("messages") is not None:
        return _from_messages(data["messages"], "messages")
    if data.get("conversations") is not None:
        turns = _listed(data["conversations"])
        if isinstance(turns, list) and turns and isinstance(data.get("system"), str):
            turns = [{"role": "system", "content": data["system"]}, *turns]
        return _from_messages(turns, "conversations")
    asked = next((name for name in _PROMPTS if data.get(name) is not None), "")
    answer = next((name for name in _RESPONSES if data.get(name) is not None), "")
    if not (asked and answer):
        raise _Malformed(_what_is_missing(data, asked))
    prompt, response = _listed(data[asked]), _listed(data[answer])
    if isinstance(prompt, list) and isinstance(response, list):
        return _from_messages([*prompt, *response], f"{asked} + {answer}", len(prompt))
    parts = [_text(data, asked)]
    if asked == "instruction":
        beside = [name for name in _BESIDE_INSTRUCTION if data.get(name) is not None]
        parts += [text for name in beside if (text := _text(data, name)).strip()]
    return _Read("\n\n".join(parts), _text(data, answer))


def _what_is_missing(data: Mapping[str, Any], asked: str) -> str:
    """Say why a row is no pair of texts, and what to rename where its shape is a known one."""
    if data.get("chosen") is not None:
        return (
            "is a preference pair; name the answer that is trained on, such as 'chosen', "
            "'completion', and what it answers 'prompt'"
        )
    if asked:
        return f"has {asked!r} and none of {', '.join(map(repr, _RESPONSES))}"
    if isinstance(data.get("text"), str):
        return (
            "has 'text' and no prompt; name what is trained on 'completion' and what comes before "
            "it, which may be empty, 'prompt'"
        )
    known = ", ".join(map(repr, ("messages", "conversations", *_PROMPTS)))
    return f"has none of {known}; its fields are {', '.join(map(repr, list(data)[:8])) or 'none'}"


def prompt_of(data: Mapping[str, Any]) -> str:
    """Return the prompt of a row that may have no response; empty where it has no prompt.

    >>> prompt_of({"instruction": "Translate.", "input": "Guten Tag"})
    'Translate.\\n\\nGuten Tag'
    >>> prompt_of({"messages": [{"role": "user", "content": "Hello?"}]})
    'Hello?'
    """
    answer: object = "-"
    for name in ("messages", "conversations", *_PROMPTS):
        turns = _listed(data.get(name))
        if isinstance(turns, list) and turns:
            answer = [{"role": "assistant", "content": "-"}]
            if name not in _PROMPTS and not _is_answer(turns[-1]):
                data = {**data, name: [*turns, *answer]}
            break
    try:
        return _prompt_and_response({**data, "completion": answer}).prompt
    except _Malformed:
        return ""


def _from_messages(turns: object, name: str, asked: int = 0) -> _Read:
    """Take the last turn as the response; answers before it, from a place on, are taught too."""
    turns = _listed(turns)
    if not isinstance(turns, list) or not turns:
        raise _Malformed(f"'{name}' is not a list of turns")
    read = [_turn(turn, name, place, len(turns)) for place, turn in enumerate(turns, 1)]
    role, response = read.pop()
    if role != "assistant":
        raise _Malformed(f"'{name}' ends with a turn of {role!r}, not of 'assistant'")
    earlier = [
        place
        for place, (role, text) in enumerate(read)
        if place >= asked and role == "assistant" and text.strip()
    ]
    answered = any(role == "assistant" for role, _ in read)
    return _Read(_joined(read), response, read if answered else (), earlier)


def _joined(turns: Sequence[tuple[str, str]]) -> str:
    """Write turns as a prompt: a single user turn as it is, several each after its role."""
    roles, texts = [role for role, _ in turns], [text for _, text in turns]
    if roles == ["user"]:
        return texts[0]
    if roles == ["system", "user"]:
        return "\n\n".join(texts).strip()
    return "\n\n".join(f"{role}: {text}" for role, text in turns)


def _said(turn: object) -> tuple[Any, Any]:
    """Return role and content of a turn, in the words of ``messages``."""
    if not isinstance(turn, Mapping):
        return None, None
    if turn.get("role") is None and isinstance(turn.get("from"), str):
        return _ROLES.get(turn["from"], turn["from"]), turn.get("value")
    return turn.get("role"), turn.get("content")


def _is_answer(turn: object) -> bool:
    role, _ = _said(turn)
    return _ROLES.get(str(role), role) == "assistant"


def _turn(turn: object, name: str, place: int, last: int) -> tuple[str, str]:
    role, content = _said(turn)
    if not isinstance(turn, Mapping) or not isinstance(role, str):
        raise _Malformed(f"turn {place} of '{name}' has no text field 'role'")
    content = _listed(content)
    if isinstance(content, list):
        content = "".join(_part(part, name, place) for part in content)
    calls = _listed(turn.get("tool_calls"))
    if content is None and (place == 1 or calls or (role == "assistant" and place < last)):
        content = ""
    if not isinstance(content, str):
        raise _Malformed(f"'content' of turn {place} of '{name}' is {_kind(content)}, not text")
    if calls:
        text = json.dumps(calls, ensure_ascii=False, default=str)
        content = f"{content}\n{text}" if content else text
    return role, content


def _listed(value: object) -> Any:
    """Return tuples and arrays, as pandas reads lists, as lists; anything else as it is."""
    return list(value) if isinstance(value, tuple | np.ndarray) else value


def _part(part: object, name: str, place: int) -> str:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return part["text"]
    raise _Malformed(f"turn {place} of '{name}' holds a part that is not text")


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise _Malformed(f"'{name}' is {_kind(value)}, not text")
    return value


def _require_whole(text: str, name: str) -> None:
    if half := half_character(text):
        raise _Malformed(f"the {name} holds {half}")


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


def _kind(value: object) -> str:
    return {dict: "an object", list: "a list", bool: "a boolean", type(None): "null"}.get(
        type(value), "a number" if isinstance(value, int | float) else type(value).__name__
    )


def _raw(data: Mapping[str, Any]) -> str:
    return json.dumps(dict(data), ensure_ascii=False, default=str)


def require_usable_row(source: RowSource, name: str) -> None:
    """Raise where no row can be used: ask before a model is loaded, not after it."""
    malformed: list[MalformedRow] = []
    if next(read_examples(source, malformed.append), None) is None:
        raise no_usable_row(name, malformed)


def no_usable_row(name: str, malformed: Sequence[MalformedRow]) -> DataError:
    """Build the one wording for rows of which none can be used."""
    first = f" (the first, row {malformed[0].number}: {malformed[0].reason})" if malformed else ""
    return DataError(
        f"{name} holds no usable row, {len(malformed)} malformed{first}; give JSON objects, one a "
        "line, or Parquet rows, with messages, conversations, prompt and completion, or "
        "instruction and output"
    )
