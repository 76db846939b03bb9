from typing import Any

import pytest

from growlabels.unsafe.rows.turns import REASONING, Malformed, Turn, joined, read_turns

HUMAN = {"role": "user", "content": "q"}


def answer(**fields: Any) -> str:
    return read_turns([HUMAN, {"role": "assistant", **fields}], "messages")[1].text


@pytest.mark.parametrize("key", REASONING)
def test_reasoning_comes_before_the_answer(key: str) -> None:
    inline = answer(content="<think>first</think>then")
    assert answer(content="then", **{key: "first"}) == inline
    assert answer(content=None, **{key: "first"}) == "<think>first</think>"
    assert answer(content="<think>first</think>then", **{key: "first"}) == inline
    assert answer(content="then", **{key: None}) == "then"


def test_reasoning_of_the_user_is_none() -> None:
    assert read_turns([{**HUMAN, "thinking": "t"}], "messages")[0].text == "q"


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_calls": [{"id": "c1", "type": "function", "function": {}}]},
        {"function_call": {}},
    ],
)
def test_calls_in_either_field(fields: dict[str, Any]) -> None:
    call = {"name": "say", "arguments": '{"text": "it\\u2019s"}'}
    given = {
        k: [{**v[0], "function": call}] if k == "tool_calls" else call for k, v in fields.items()
    }
    assert answer(content=None, **given) == "it’s\nsay(text)"
    assert answer(content="Well.", **given) == "Well.\nit’s\nsay(text)"


def test_a_call_as_the_value_of_a_turn() -> None:
    value = '{"name": "say", "arguments": {"text": "hello"}}'
    turns = [{"from": "human", "value": "q"}, {"from": "function_call", "value": value}]
    assert read_turns(turns, "conversations")[1] == Turn("assistant", "hello\nsay(text)")
    spoken = [{"from": "human", "value": "q"}, {"from": "gpt", "value": value}]
    assert read_turns(spoken, "conversations")[1].text == value, "plain text that looks like one"


def test_parts_of_a_content() -> None:
    parts = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Look: "},
        "here",
        {"type": "tool_use", "id": "t1", "name": "say", "input": {"text": "hi"}},
    ]
    assert answer(content=parts) == "<think>hm</think>Look: here\nhi\nsay(text)"
    result = [{"type": "tool_result", "content": [{"type": "text", "text": "3"}]}]
    assert read_turns([{"role": "user", "content": result}], "messages")[0].text == "3"
    with pytest.raises(Malformed, match="holds a part that is not text"):
        answer(content=[{"type": "chart", "chart": {"url": "x"}}])


def test_a_last_answer_without_content_is_malformed_unless_it_calls() -> None:
    with pytest.raises(Malformed, match="'content' of turn 2 of 'messages' is null"):
        answer(content=None)


def test_joined() -> None:
    assert joined([]) == ""
    assert joined([Turn("system", ""), Turn("user", "q")]) == "q"
    assert joined([Turn("user", "q"), Turn("tool", "3")]) == "user: q\n\ntool: 3"
