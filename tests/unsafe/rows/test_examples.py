import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growlabels.base.errors import UsageError
from growlabels.tables import MalformedRow
from growlabels.unsafe.rows.examples import Example, prompt_of, read_answers, read_examples

USER, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
HUMAN, CALLED = {"from": "human", "value": "q"}, '[{"function": {"name": "f"}}]'
NULL_ROLES = [
    {"role": None, "from": "human", "value": "q"},
    {"role": None, "from": "gpt", "value": "a"},
]
CALL = {"role": "assistant", "content": None, "tool_calls": json.loads(CALLED)}
CALL_BEFORE = "user: q\n\nassistant: f()"


def read(rows: Any) -> tuple[list[Example], list[MalformedRow]]:
    bad: list[MalformedRow] = []
    return list(read_examples(rows, bad.append)), bad


@pytest.mark.parametrize(
    ("row", "prompt", "response"),
    [
        ({"messages": [USER, ANSWER]}, "q", "a"),
        ({"messages": [{"role": "system", "content": "s"}, USER, ANSWER]}, "s\n\nq", "a"),
        (
            {"messages": [USER, ANSWER, USER, ANSWER]},
            "user: q\n\nassistant: a\n\nuser: q",
            "a",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, ANSWER]},
            "q",
            "a",
        ),
        ({"messages": [ANSWER]}, "", "a"),
        ({"prompt": "q", "completion": "a"}, "q", "a"),
        ({"prompt": "q", "response": "a", "completion": None}, "q", "a"),
        ({"prompt": "", "completion": "a"}, "", "a"),
        ({"prompt": [USER], "completion": [ANSWER]}, "q", "a"),
        ({"messages": np.array([USER, ANSWER])}, "q", "a"),
        (
            {
                "messages": [
                    USER,
                    {**CALL, "content": "c"},
                    {"role": "tool", "content": "3"},
                    ANSWER,
                ]
            },
            "user: q\n\nassistant: c\nf()\n\ntool: 3",
            "a",
        ),
        ({"messages": [USER, CALL]}, "q", "f()"),
        ({"conversations": [HUMAN, {"from": "gpt", "value": "a"}], "system": "s"}, "s\n\nq", "a"),
        (
            {"conversations": [HUMAN, {"from": "observation", "value": "3"}, ANSWER]},
            "user: q\n\ntool: 3",
            "a",
        ),
        ({"question": "q", "answer": "a"}, "q", "a"),
        ({"query": "q", "response": "a", "answer": None}, "q", "a"),
        ({"instruction": "q", "input": "x", "output": "a"}, "q\n\nx", "a"),
        ({"instruction": "q", "context": "x", "response": "a"}, "q\n\nx", "a"),
        ({"instruction": "q", "input": "", "output": "a"}, "q", "a"),
        ({"instruction": "q", "output": "a"}, "q", "a"),
    ],
)
def test_shapes(row: dict[str, Any], prompt: str, response: str) -> None:
    (example,), bad = read([row])
    assert (example.prompt, example.response, bad) == (prompt, response, [])
    assert example.data is row


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "none of 'messages', 'conversations', 'prompt', .*; its fields are none"),
        ({"xs": "q"}, "its fields are 'xs'"),
        ({"text": "q", "label": 1}, "has 'text' and no prompt; name what is trained on"),
        ({"prompt": "q"}, "has 'prompt' and none of 'completion', 'response'"),
        ({"question": "q"}, "has 'question' and none of 'completion'"),
        ({"prompt": "q", "completion": " \n"}, "the response is empty"),
        ({"prompt": 5, "completion": "a"}, "'prompt' is a number, not text"),
        ({"prompt": "q", "completion": ["a"]}, "'completion' is a list, not text"),
        ({"instruction": "q"}, "has 'instruction' and none of .* 'output'"),
        ({"instruction": "q", "input": {}, "output": "a"}, "'input' is an object"),
        ({"messages": []}, "not a list of turns"),
        ({"messages": "hello"}, "not a list of turns"),
        ({"conversations": 5, "system": "s"}, "'conversations' is not a list of turns"),
        ({"conversations": [HUMAN]}, "'conversations' holds no turn of the assistant"),
        ({"conversations": [HUMAN, {"from": "gpt"}], "system": 5}, "turn 2 .* is null, not text"),
        ({"messages": [USER]}, "'messages' holds no turn of the assistant"),
        ({"messages": [USER, {"role": "assistant", "content": None}]}, "turn 2 .* is null"),
        ({"messages": [USER, {"role": "assistant"}]}, "'content' of turn 2"),
        ({"messages": ["q", ANSWER]}, "turn 1 of 'messages' has no text field 'role'"),
        (
            {"messages": [{"role": "user", "content": [{"type": "chart"}]}, ANSWER]},
            "a part that is not text",
        ),
    ],
)
def test_malformed_rows_are_set_aside_with_the_reason(row: dict[str, Any], reason: str) -> None:
    good, bad = read([{"prompt": "q", "completion": "a"}, row])
    assert len(good) == 1 and len(bad) == 1 and bad[0].number == 2
    assert re.search(reason, bad[0].reason)
    assert json.loads(bad[0].raw) == row


def test_broken_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"prompt": "q", "completion": "a"}\n{broken\n\xff\n[1]\n')
    good, bad = read(path)
    assert [e.number for e in good] == [1] and [row.number for row in bad] == [2, 3, 4]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"train": [1], "test": [2]}, r"not dict; give one of its parts \('train', 'test'\)"),
        (None, "dataset or an iterable of dicts, not NoneType"),
        (5, "not int"),
    ],
)
def test_what_is_no_rows(rows: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(rows)


@pytest.mark.parametrize("frame", [pandas.DataFrame, pyarrow.table])
def test_data_frames(frame: Any) -> None:
    (example,), bad = read(frame({"prompt": ["q", "r"], "completion": ["a", None]}))
    assert (example.prompt, example.response, [row.number for row in bad]) == ("q", "a", [2])


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"prompt": "q"}, "q"),
        ({"prompt": [USER]}, "q"),
        ({"prompt": "q", "completion": "a"}, "q"),
        ({"instruction": "q", "input": "x"}, "q\n\nx"),
        ({"messages": [USER]}, "q"),
        ({"messages": [USER, ANSWER]}, "q"),
        ({"conversations": [HUMAN]}, "q"),
        ({"conversations": NULL_ROLES}, "q"),
        ({"messages": []}, ""),
        ({"text": "q"}, ""),
    ],
)
def test_the_prompt_of_a_row_with_or_without_a_response(row: dict[str, Any], prompt: str) -> None:
    assert prompt_of(row) == prompt


EMPTY, NULL = {"role": "assistant", "content": " "}, {"role": "assistant", "content": None}
BEFORE = "user: q\n\nassistant: a\n\nuser: q"


@pytest.mark.parametrize(
    ("row", "answers"),
    [
        ({"messages": [USER, ANSWER]}, [(1, "q", "a")]),
        ({"messages": [USER, ANSWER, USER, ANSWER]}, [(1, "q", "a"), (2, BEFORE, "a")]),
        ({"conversations": [*NULL_ROLES, *NULL_ROLES]}, [(1, "q", "a"), (2, BEFORE, "a")]),
        (
            {"conversations": [HUMAN, {"from": "gpt", "value": "a"}, HUMAN, ANSWER], "system": "s"},
            [(1, "s\n\nq", "a"), (2, f"system: s\n\n{BEFORE}", "a")],
        ),
        ({"messages": [ANSWER, USER, ANSWER]}, [(1, "", "a"), (2, "assistant: a\n\nuser: q", "a")]),
        ({"messages": [USER, CALL, ANSWER]}, [(1, "q", "f()"), (2, CALL_BEFORE, "a")]),
        ({"messages": [USER, EMPTY, USER, ANSWER]}, [(1, BEFORE.replace("a\n", " \n"), "a")]),
        ({"messages": [USER, NULL, USER, ANSWER]}, [(1, BEFORE.replace("a\n", "\n"), "a")]),
        ({"prompt": [USER, ANSWER, USER], "completion": [ANSWER]}, [(1, BEFORE, "a")]),
        (
            {"prompt": [USER], "completion": [ANSWER, USER, ANSWER]},
            [(1, "q", "a"), (2, BEFORE, "a")],
        ),
    ],
)
def test_every_answer_that_is_trained_on(
    row: dict[str, Any], answers: list[tuple[int, str, str]]
) -> None:
    bad: list[MalformedRow] = []
    found = list(read_answers([row], bad.append))
    assert [(e.answer, e.prompt, e.response) for e in found] == answers and not bad
    assert len({(e.id, e.number) for e in found}) == 1
    assert [found[-1]] == read([row])[0]


@given(st.lists(st.sampled_from([USER, ANSWER, EMPTY, NULL, CALL]), max_size=8))
def test_an_answer_is_the_last_of_the_conversation_that_ends_with_it(turns: list[Any]) -> None:
    turns = [USER, *turns, ANSWER]
    ends = [place for place, turn in enumerate(turns, 1) if turn in (ANSWER, CALL)]
    found = list(read_answers([{"messages": turns}], pytest.fail))
    alone = read([{"messages": turns[:end]} for end in ends])[0]
    assert [(e.prompt, e.response) for e in found] == [(e.prompt, e.response) for e in alone]
    assert [e.answer for e in found] == [*range(1, len(ends) + 1)]


def test_missing_file() -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read("nowhere.jsonl")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
FIELDS = [
    "messages",
    "conversations",
    "system",
    "prompt",
    "completion",
    "response",
    "question",
    "chosen",
    "text",
    "instruction",
    "input",
    "output",
]


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), max_size=6))
def test_every_row_comes_out_once(rows: list[dict[str, Any]]) -> None:
    good, bad = read(rows)
    assert sorted([e.number for e in good] + [b.number for b in bad]) == [*range(1, len(rows) + 1)]
    assert len({e.id for e in good}) == len(good)
