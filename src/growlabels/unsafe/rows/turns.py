"""One turn of a conversation: who speaks, what is said, and whether training learns it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from growlabels.unsafe.rows.calls import call_text, is_call, parsed

ROLES = {
    "user": ("user", "human", "prompter"),
    "assistant": (
        "assistant", "gpt", "chatgpt", "model", "bot", "chatbot", "ai", "bing", "bard",
        "function_call", "tool_call", "tool_calls",
    ),
    "system": ("system", "developer"),
    "tool": (
        "tool", "function", "observation", "ipython", "tool_response", "tool_result",
        "function_response", "function_result",
    ),
}  # fmt: skip
"""Role -> the names that data sets give it; case, ``-`` and ``_`` do not matter."""
_KNOWN = {name: role for role, names in ROLES.items() for name in names}
_CALLERS = ("function_call", "tool_call", "tool_calls")

SPEAKERS = ("role", "from", "speaker")
"""Keys of a turn that name its role."""
CONTENTS = ("content", "value", "text", "message", "parts")
"""Keys of a turn that hold what is said."""
ROUNDS = {
    "system": "system",
    "human": "user", "user": "user", "input": "user", "prompt": "user", "question": "user",
    "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "output": "assistant",
    "answer": "assistant", "response": "assistant",
}  # fmt: skip
"""Key of an object that holds a whole round, such as ``{"human": ..., "assistant": ...}``."""
REASONING = ("reasoning_content", "thinking", "reasoning")
"""Keys of a turn that hold what the assistant thinks before it answers."""
MASKS = ("weight", "train", "training", "loss")
"""Keys of a turn that keep its text out of the loss where they are 0 or false."""
TURN_FIELDS = (*SPEAKERS, *CONTENTS, "tool_calls", "function_call", *REASONING, *ROUNDS)
"""Keys of a turn whose text is read."""
MEDIA = re.compile(r"(?:input_)?(?:image|audio|video|file)(?:_url|_file|_data)?")
"""Types of parts that hold no text; they are not read."""


class Malformed(ValueError):
    """The reason why a row cannot be read; caught where rows are read."""


class Turn(NamedTuple):
    """One turn.

    Attributes
    ----------
    role
        ``user``, ``assistant``, ``system`` or ``tool``.
    text
        What is said; may be empty.
    trained
        Whether the row asks for the turn to be learned; only assistant turns ever are.
    """

    role: str
    text: str
    trained: bool = True


def read_turns(turns: object, name: str) -> list[Turn]:
    """Read a list of turns, or its JSON as CSV files hold it; raise ``Malformed`` where one is not
    readable.

    >>> turns = [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": "Ho.", "weight": 0}]
    >>> [tuple(turn) for turn in read_turns(turns, "conversations")]
    [('user', 'Hi.', True), ('assistant', 'Ho.', False)]
    """
    turns = parsed(listed(turns))
    if isinstance(turns, Mapping):
        turns = _of_columns(turns)
    if not isinstance(turns, list) or not turns:
        raise Malformed(f"'{name}' is not a list of turns")
    if all(map(_is_round, turns)):
        turns = [
            {"role": ROUNDS[key], "content": said}
            for each in turns
            for key, said in sorted(each.items(), key=lambda item: _ORDER[ROUNDS[item[0]]])
            if said is not None
        ]
    return [_turn(turn, name, place, len(turns)) for place, turn in enumerate(turns, 1)]


_ORDER = {"system": 0, "user": 1, "assistant": 2}


def _of_columns(turns: Mapping[str, Any]) -> Any:
    """Return an object of lists, as Hugging Face writes a sequence, as a list of turns."""
    columns = {key: listed(value) for key, value in turns.items() if value is not None}
    lengths = {len(value) if isinstance(value, list) else -1 for value in columns.values()}
    if len(lengths) != 1 or -1 in lengths:
        return turns
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _is_round(turn: object) -> bool:
    """Return whether an object holds a question and its answer under the names of who speaks."""
    if not isinstance(turn, Mapping) or not set(turn) <= set(ROUNDS):
        return False
    speakers = [ROUNDS[key] for key, said in turn.items() if isinstance(said, str)]
    return "assistant" in speakers and len(set(speakers)) == len(speakers)


def joined(turns: Sequence[Turn | tuple[str, str]]) -> str:
    """Return turns as one prompt.

    A single user turn is written as it is, after a system turn if there is one; any other list
    of turns with each role before its text.

    >>> joined([Turn("system", "Be brief."), Turn("user", "Hi.")])
    'Be brief.\\n\\nHi.'
    >>> joined([Turn("user", "Hi."), Turn("assistant", "Ho.")])
    'user: Hi.\\n\\nassistant: Ho.'
    """
    roles, texts = [turn[0] for turn in turns], [turn[1] for turn in turns]
    if roles == ["user"]:
        return texts[0]
    if roles == ["system", "user"]:
        return "\n\n".join(texts).strip()
    return "\n\n".join(f"{role}: {text}" for role, text in zip(roles, texts, strict=True))


def listed(value: object) -> Any:
    """Return tuples and arrays, as pandas reads lists, as lists; anything else as it is."""
    return list(value) if isinstance(value, tuple | np.ndarray) else value


def kind(value: object) -> str:
    """Return what a value is, in the words of JSON."""
    return {dict: "an object", list: "a list", bool: "a boolean", type(None): "null"}.get(
        type(value), "a number" if isinstance(value, int | float) else type(value).__name__
    )


def _turn(turn: object, name: str, place: int, last: int) -> Turn:
    given = _first(turn, *SPEAKERS) if isinstance(turn, Mapping) else None
    if not isinstance(turn, Mapping) or not isinstance(given, str):
        raise Malformed(f"turn {place} of '{name}' has no text field 'role'")
    called = given.strip().lower().replace("-", "_")
    role = _KNOWN.get(called)
    if role is None:
        known = ", ".join(map(repr, ROLES))
        raise Malformed(
            f"turn {place} of '{name}' has the unknown role {given!r}; the roles are {known}"
        )
    content = listed(_first(turn, *CONTENTS))
    thoughts, calls = _beside(turn, role)
    if called in _CALLERS and is_call(parsed(content)):
        content, calls = None, [call_text(content), *calls]
    if isinstance(content, list):
        parts = [_part(part, name, place) for part in content]
        thoughts += [text for what, text in parts if what == "thinking"]
        calls += [text for what, text in parts if what == "call"]
        content = "".join(text for what, text in parts if what == "text")
    unsaid = role == "assistant" and place < last
    if content is None and (place == 1 or calls or thoughts or unsaid):
        content = ""
    if not isinstance(content, str):
        raise Malformed(f"'content' of turn {place} of '{name}' is {kind(content)}, not text")
    thoughts = [f"<think>{text}</think>" for text in thoughts if text not in content]
    text = "\n".join(part for part in ("".join([*thoughts, content]), *calls) if part)
    return Turn(role, text, not any(is_off(turn.get(mask)) for mask in MASKS))


def _beside(turn: Mapping[str, Any], role: str) -> tuple[list[str], list[str]]:
    """Return the thoughts and the calls that stand beside the content of a turn."""
    if role != "assistant":
        return [], []
    found = (turn.get(key) for key in REASONING)
    thoughts = next(([text] for text in found if isinstance(text, str) and text.strip()), [])
    given = (listed(turn.get(key)) for key in ("tool_calls", "function_call"))
    return thoughts, [text for calls in given if calls and (text := call_text(calls))]


def _first(turn: Mapping[str, Any], *keys: str) -> Any:
    return next((turn[key] for key in keys if turn.get(key) is not None), None)


def is_off(value: object) -> bool:
    """Return whether a value says no: false, 0, or the words that CSV files hold for these.

    >>> [is_off(value) for value in (False, 0, "False", "0", None, "", 0.5)]
    [True, True, True, True, False, False, False]
    """
    if isinstance(value, str):
        return value.strip().lower() in ("false", "0", "0.0", "no")
    return isinstance(value, bool | int | float | np.number | np.bool_) and not value


def _part(part: object, name: str, place: int) -> tuple[str, str]:
    """Return what one part of a content is (text, thinking or call), and its text."""
    if isinstance(part, str):
        return "text", part
    if isinstance(part, Mapping):
        if part.get("type") == "tool_use":
            return "call", call_text(part)
        if MEDIA.fullmatch(str(part.get("type"))):
            return "text", ""
        texts = "".join(_texts(part))
        if texts or isinstance(part.get("text"), str):
            return ("thinking" if part.get("type") in REASONING else "text"), texts
    raise Malformed(f"turn {place} of '{name}' holds a part that is not text")


def _texts(part: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a part: its own, or those of the parts inside it."""
    for key in ("text", "thinking", "content"):
        value = listed(part.get(key))
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (
                text for inner in value if isinstance(inner, Mapping) for text in _texts(inner)
            )
