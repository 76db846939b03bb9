"""Which text of a row is prompt, which is answer and which is masked, for every shape of row.

This is the one place that says so. It follows what LLaMA-Factory, axolotl, TRL and OpenAI's
fine-tuning train on; ``docs/unsafe.md`` holds the same as a table.

=========================================  ====================================================
``messages``, ``conversations`` and other  a list of turns; every assistant turn is an answer,
names of :data:`CONVERSATIONS`             the turns before it are its prompt
``prompt`` + ``completion`` and other      two texts, or lists of turns; answers of the completion
names of both                              alone are trained on
``instruction`` + ``output`` (Alpaca)      ``input`` or ``context`` belongs to the prompt; the
                                           answers in ``history`` are trained on
``chosen`` + ``rejected``                  the chosen answer; what both share is its prompt
``input.messages`` + ``preferred_output``  the same, as OpenAI writes it
``segments`` (axolotl)                     segments with ``label`` true are answers
=========================================  ====================================================

Beside each of them may stand a system prompt (:data:`SYSTEMS`), and ``kto_tag``, which, where it
is false, makes training push the model away from the answer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from growlabels.unsafe.rows.calls import parsed
from growlabels.unsafe.rows.turns import (
    TURN_FIELDS,
    Malformed,
    Turn,
    is_off,
    kind,
    listed,
    read_turns,
)

CONVERSATIONS = (
    "messages", "conversations", "conversation", "dialogue", "dialog", "chat", "contents", "items",
)  # fmt: skip
PROMPTS = ("prompt", "question", "query", "instruction", "problem", "input", "inputs")
RESPONSES = ("completion", "response", "answer", "output", "solution", "targets")
SYSTEMS = ("system", "system_prompt", "system_message", "systemInstruction", "system_instruction")
_BESIDE_INSTRUCTION = ("input", "context")
KTO = "kto_tag"
_ASSISTANT = "\n\nAssistant:"


class ShapedRow(NamedTuple):
    """What was read of a row.

    Attributes
    ----------
    shape
        Name of the shape, for people.
    turns
        All turns, in order.
    asked
        Place of the first turn whose answer is trained on.
    fields
        Keys that were read, nested ones with dots and without the places in lists.
    pushed_away
        Whether training pushes the model away from the answers.
    """

    shape: str
    turns: list[Turn]
    asked: int
    fields: set[str]
    pushed_away: bool = False


def read_shape(data: Mapping[str, Any], answered: bool = True) -> ShapedRow:
    """Read a row in whichever shape it has.

    Parameters
    ----------
    data
        The row.
    answered
        Whether a row without an answer is refused; without it such a row is a prompt alone.

    Raises
    ------
    Malformed
        The row has no known shape, or a part of it cannot be read.

    Examples
    --------
    >>> row = read_shape({"instruction": "Sort.", "output": "sorted(x)", "note": "draft"})
    >>> row.shape, [turn.text for turn in row.turns], sorted(row.fields)
    ('instruction and output (Alpaca)', ['Sort.', 'sorted(x)'], ['instruction', 'output'])
    """
    for wanted, read in _SHAPES:
        if wanted(data):
            row = read(data, answered)
            break
    else:
        raise Malformed(_what_is_missing(data))
    turns, asked = row.turns, row.asked
    if turns[:1] and turns[0].role != "system":
        name = _present(data, SYSTEMS)
        if name:
            row.fields.add(name)
            text = _system_text(data[name], name)
            if text.strip():
                turns, asked = [Turn("system", text), *turns], asked + 1
    tag = data.get(KTO)
    if tag is not None:
        row.fields.add(KTO)
    return row._replace(turns=turns, asked=asked, pushed_away=is_off(tag))


def _system_text(value: object, name: str) -> str:
    """Return a system prompt: a text, a list of parts, or an object that holds parts."""
    value = listed(value)
    said = value if isinstance(value, Mapping) else {"content": value}
    return read_turns([{**said, "role": "system"}], name)[0].text


def shape_of(data: Mapping[str, Any]) -> str:
    """Return the name of a row's shape; empty where it has none.

    >>> shape_of({"prompt": "2+2?", "completion": "4"}), shape_of({"x": 1})
    ('prompt and completion', '')
    """
    try:
        return read_shape(data, False).shape
    except Malformed:
        return ""


def fields_read(data: Mapping[str, Any]) -> set[str]:
    """Return the keys of a row that are read; of lists of objects ``key.inner``.

    >>> sorted(fields_read({"prompt": "2+2?", "completion": "4", "notes": "easy"}))
    ['completion', 'prompt']
    """
    try:
        return read_shape(data, False).fields
    except Malformed:
        return set()


def _turn_fields(names: Iterable[str]) -> set[str]:
    return {f"{name}.{key}" for name in names for key in TURN_FIELDS}


def _conversation(data: Mapping[str, Any], answered: bool) -> ShapedRow:
    name = _present(data, CONVERSATIONS)
    turns = read_turns(data[name], name)
    if answered and not any(turn.role == "assistant" for turn in turns):
        raise Malformed(f"'{name}' holds no turn of the assistant")
    shape = "conversations (ShareGPT)" if name == "conversations" else name
    written = {name} if isinstance(data[name], str) else set()
    return ShapedRow(shape, turns, 0, _turn_fields([name]) | written)


def _texts(data: Mapping[str, Any], answered: bool) -> ShapedRow:
    """Read two texts, or lists of turns; of an Alpaca row also its input and history."""
    asked, answer = _present(data, PROMPTS), _present(data, RESPONSES)
    if not answer and answered:
        raise Malformed(f"has {asked!r} and none of {', '.join(map(repr, RESPONSES))}")
    before, fields = _prompt_turns(data, asked)
    turns = before
    if answer:
        turns = [*before, *_said(data, answer, "assistant")]
        fields |= _fields_of(data, answer)
    if asked != "instruction":
        return ShapedRow(f"{asked} and {answer}", turns, len(before), fields)
    earlier = _history(data.get("history"))
    fields |= {"history"} if data.get("history") is not None else set()
    shape = f"{asked} and {answer} (Alpaca)"
    return ShapedRow(shape, [*earlier, *turns], 0 if earlier else len(before), fields)


def _prompt_turns(data: Mapping[str, Any], asked: str) -> tuple[list[Turn], set[str]]:
    """Return the turns of the prompt and the fields that they were read from."""
    turns, fields = _said(data, asked, "user"), _fields_of(data, asked)
    if asked == "instruction" and len(turns) == 1:
        beside = [name for name in _BESIDE_INSTRUCTION if data.get(name) is not None]
        texts = [text for name in beside if (text := _text(data, name)).strip()]
        turns, fields = [Turn("user", "\n\n".join([turns[0].text, *texts]))], {*fields, *beside}
    return turns, fields


def _history(value: object) -> list[Turn]:
    """Read the earlier rounds of an Alpaca row: pairs of texts, or turns."""
    rounds = parsed(listed(value))
    if rounds is None or rounds == []:
        return []
    if not isinstance(rounds, list):
        raise Malformed(f"'history' is {kind(value)}, not a list of rounds")
    if isinstance(rounds[0], Mapping):
        return read_turns(rounds, "history")
    turns: list[Turn] = []
    for place, pair in enumerate(map(listed, rounds), 1):
        if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_text, pair))):
            raise Malformed(f"round {place} of 'history' is not a pair of texts")
        turns += [Turn("user", pair[0]), Turn("assistant", pair[1])]
    return turns


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _preference(data: Mapping[str, Any], answered: bool) -> ShapedRow:
    """Read the chosen answer of a pair, with the prompt that stands beside it or is shared."""
    fields = _fields_of(data, "chosen") | {"rejected"}
    shape = "preference pair (the chosen answer)"
    if name := _present(data, CONVERSATIONS):
        before = read_turns(data[name], name)
        fields |= _turn_fields([name])
    elif name := _present(data, PROMPTS):
        before, more = _prompt_turns(data, name)
        fields |= more
    else:
        turns, asked = _shared(data)
        return ShapedRow(shape, turns, asked, fields)
    chosen = _said(data, "chosen", "assistant")
    if chosen[: len(before)] == before:  # the prompt stands in both
        chosen = chosen[len(before) :]
    return ShapedRow(shape, [*before, *chosen], len(before), fields)


def _shared(data: Mapping[str, Any]) -> tuple[list[Turn], int]:
    """Split a chosen answer without a prompt beside it: what both answers share is the prompt."""
    chosen = data["chosen"]
    if not isinstance(chosen, str):
        turns = _said(data, "chosen", "assistant")
        other = _said(data, "rejected", "assistant") if data.get("rejected") is not None else []
        return turns, min(_shared_length(turns, other), len(turns) - 1)
    prompt, mark, answer = chosen.rpartition(_ASSISTANT)
    if not mark and isinstance(data.get("rejected"), str):
        prompt = chosen[: _shared_length(chosen, data["rejected"])]
        prompt = prompt[: max(prompt.rfind(" "), prompt.rfind("\n")) + 1]
        answer = chosen[len(prompt) :]
    return [Turn("user", prompt.strip()), Turn("assistant", answer.strip())], 1


def _shared_length(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many places two texts or lists have in common at their start."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _openai_preference(data: Mapping[str, Any], answered: bool) -> ShapedRow:
    before = read_turns(data["input"]["messages"], "input.messages")
    after = read_turns(data["preferred_output"], "preferred_output")
    fields = _turn_fields(["input.messages", "preferred_output", "non_preferred_output"])
    shape = "preference pair (the preferred output)"
    return ShapedRow(shape, [*before, *after], len(before), fields)


def _segments(data: Mapping[str, Any], answered: bool) -> ShapedRow:
    segments = listed(data["segments"])
    if not all(isinstance(s, Mapping) and isinstance(s.get("text"), str) for s in segments):
        raise Malformed("'segments' holds a segment without a text field 'text'")
    turns = [Turn("assistant" if s.get("label") else "user", s["text"]) for s in segments]
    return ShapedRow("segments", turns, 0, {"segments.text", "segments.label"})


def _is_openai_preference(data: Mapping[str, Any]) -> bool:
    asked = data.get("input")
    return isinstance(asked, Mapping) and "messages" in asked and "preferred_output" in data


def _has_segments(data: Mapping[str, Any]) -> bool:
    return isinstance(listed(data.get("segments")), list) and bool(len(data["segments"]))


_SHAPES: tuple[
    tuple[Callable[[Mapping[str, Any]], object], Callable[[Mapping[str, Any], bool], ShapedRow]],
    ...,
] = (
    (lambda data: data.get("chosen") is not None, _preference),
    (_is_openai_preference, _openai_preference),
    (lambda data: _present(data, CONVERSATIONS), _conversation),
    (lambda data: _present(data, PROMPTS), _texts),
    (_has_segments, _segments),
)
"""What a row of each shape has, and its reader; the first that fits reads the row."""


def _what_is_missing(data: Mapping[str, Any]) -> str:
    """Return why a row has no shape, and what to rename where it nearly has one."""
    if isinstance(data.get("text"), str):
        return (
            "has 'text' and no prompt; name what is trained on 'completion' and what comes before "
            "it, which may be empty, 'prompt'"
        )
    known = ", ".join(map(repr, (*CONVERSATIONS[:2], *PROMPTS)))
    fields = ", ".join(map(repr, list(data)[:8])) or "none"
    return f"has none of {known}; its fields are {fields}: rename those of the prompt and answer"


def _present(data: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the first of some keys whose value is not null; empty where there is none."""
    return next((name for name in names if data.get(name) is not None), "")


def _said(data: Mapping[str, Any], name: str, role: str) -> list[Turn]:
    """Read a text as one turn of a role, or a turn or list of turns as it is."""
    value = listed(data[name])
    if isinstance(value, Mapping):
        return read_turns([value], name)
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return read_turns(value, name)
    return [Turn(role, _text(data, name))]


def _fields_of(data: Mapping[str, Any], name: str) -> set[str]:
    return {name} if isinstance(data[name], str) else _turn_fields([name])


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise Malformed(f"'{name}' is {kind(value)}, not text")
    return value
