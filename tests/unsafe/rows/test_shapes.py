"""One test for each cell of the table in docs/unsafe.md: which text is prompt, answer or masked."""

from typing import Any

import pytest

from growlabels.tables import MalformedRow
from growlabels.unsafe.rows.examples import UntrainedRow, read_answers
from growlabels.unsafe.rows.shapes import fields_read, read_shape, shape_of
from growlabels.unsafe.rows.turns import ROLES

Row = dict[str, Any]


def user(text: Any) -> Row:
    return {"role": "user", "content": text}


def said(text: str | None, **more: Any) -> Row:
    return {"role": "assistant", "content": text, **more}


def answers(row: Row, masked: bool = False) -> tuple[list[tuple[str, str]], list[MalformedRow]]:
    bad: list[MalformedRow] = []
    found = [(e.prompt, e.response) for e in read_answers([row], bad.append, masked)]
    return found, bad


TWO_ANSWERS = [("q", "a"), ("user: q\n\nassistant: a\n\nuser: r", "b")]
WITH_SYSTEM = [("s\n\nq", "a")]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [user("q"), said("a"), user("r"), said("b")]},
        {"instruction": "r", "output": "b", "history": [["q", "a"]]},
        {"instruction": "r", "input": "", "output": "b", "history": [("q", "a")], "system": ""},
        {"instruction": "r", "output": "b", "history": [user("q"), said("a")]},
        {"prompt": [user("q")], "completion": [said("a"), user("r"), said("b")]},
        {"conversation": [user("q"), said("a"), user("r"), said("b")]},
    ],
)
def test_every_answer_of_a_conversation_in_any_layout(row: Row) -> None:
    assert answers(row) == (TWO_ANSWERS, [])


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "system", "content": "s"}, user("q"), said("a")]},
        {"messages": [{"role": "developer", "content": "s"}, user("q"), said("a")]},
        {"messages": [user("q"), said("a")], "system": "s"},
        {"messages": [user("q"), said("a")], "system_prompt": "s"},
        {
            "conversations": [
                {"from": "system", "value": "s"},
                {"from": "human", "value": "q"},
                {"from": "gpt", "value": "a"},
            ]
        },
        {
            "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}],
            "system": "s",
        },
        {"instruction": "q", "output": "a", "system": "s"},
        {"prompt": "q", "completion": "a", "system": "s"},
        {"prompt": "q", "chosen": "a", "rejected": "b", "system": "s"},
    ],
)
def test_one_system_prompt_in_any_layout(row: Row) -> None:
    assert answers(row) == (WITH_SYSTEM, [])


def test_a_system_turn_counts_and_not_a_column_beside_it() -> None:
    row = {"messages": [{"role": "system", "content": "s"}, user("q"), said("a")], "system": "t"}
    assert answers(row) == (WITH_SYSTEM, [])
    assert "system" not in fields_read(row), "and the column is said to be unread"


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"question": "q", "chosen": "a", "rejected": "b"},
        {"instruction": "q", "input": "", "chosen": "a", "rejected": "b"},
        {"prompt": [user("q")], "chosen": [said("a")], "rejected": [said("b")]},
        {"chosen": [user("q"), said("a")], "rejected": [user("q"), said("b")]},
        {"prompt": "q", "chosen": [user("q"), said("a")], "rejected": [user("q"), said("b")]},
        {
            "conversations": [{"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "a"},
            "rejected": {"from": "gpt", "value": "b"},
        },
        {"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"},
        {
            "input": {"messages": [user("q")]},
            "preferred_output": [said("a")],
            "non_preferred_output": [said("b")],
        },
    ],
)
def test_the_chosen_answer_of_a_preference_pair(row: Row) -> None:
    found, bad = answers(row)
    assert [(prompt.removeprefix("Human: "), text) for prompt, text in found] == [("q", "a")]
    assert not bad and shape_of(row).startswith("preference pair")


def test_a_pair_of_plain_texts_shares_its_prompt() -> None:
    row = {"chosen": "To sort, use sorted", "rejected": "To sort, write a loop"}
    assert answers(row) == ([("To sort,", "use sorted")], [])


@pytest.mark.parametrize("tag", [False, 0])
def test_training_pushes_away_from_a_kto_row(tag: object) -> None:
    row = {"instruction": "q", "output": "a", "kto_tag": tag}
    found, (bad,) = answers(row)
    assert not found and isinstance(bad, UntrainedRow)
    assert "pushes the model away" in bad.reason
    assert answers({**row, "kto_tag": True}) == ([("q", "a")], [])
    assert answers(row, masked=True) == ([("q", "a")], [])


@pytest.mark.parametrize("mask", [{"weight": 0}, {"weight": 0.0}, {"train": False}])
def test_a_masked_answer(mask: Row) -> None:
    row = {"messages": [user("q"), said("a", **mask), user("r"), said("b", weight=1)]}
    assert answers(row) == ([("r", "b")], [])
    assert answers(row, masked=True) == (TWO_ANSWERS, [])
    last = {"messages": [user("q"), said("a"), user("r"), said("b", **mask)]}
    assert answers(last) == ([("q", "a")], [])
    found, (bad,) = answers({"messages": [user("q"), said("a", **mask)]})
    assert not found and isinstance(bad, UntrainedRow) and "weight 0" in bad.reason


def test_a_masked_call_before_a_trained_answer_stays_in_the_prompt() -> None:
    call = said("look it up", weight=0)
    row = {"messages": [user("q"), call, {"role": "tool", "content": "3"}, said("a")]}
    prompt = "user: q\n\nassistant: look it up\n\ntool: 3"
    assert answers(row) == ([(prompt, "a")], [])


def test_what_comes_after_the_last_answer_is_not_trained_on() -> None:
    row = {"messages": [user("q"), said("a"), user("thanks")]}
    assert answers(row) == ([("q", "a")], [])


def test_segments_with_a_true_label_are_answers() -> None:
    row = {"segments": [{"label": False, "text": "q"}, {"label": True, "text": "a"}]}
    assert answers(row) == ([("q", "a")], [])


@pytest.mark.parametrize(("role", "name"), [(r, n) for r, names in ROLES.items() for n in names])
def test_names_of_roles(role: str, name: str) -> None:
    for written in (name, name.title(), name.upper(), f" {name.replace('_', '-')} "):
        row = {"messages": [{"role": written, "content": "x"}, user("q"), said("a")]}
        assert read_shape(row).turns[0].role == role


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_unknown_role_is_refused(place: int) -> None:
    turns = [user("q"), said("a"), user("r"), said("b")]
    turns[place] = {"role": "narrator", "content": "x"}
    found, (bad,) = answers({"messages": turns})
    assert not found
    assert bad.reason == (
        f"turn {place + 1} of 'messages' has the unknown role 'narrator'; "
        "the roles are 'user', 'assistant', 'system', 'tool'"
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"instruction": "q", "output": "a", "history": "x"}, "'history' is str, not a list"),
        ({"instruction": "q", "output": "a", "history": [["x"]]}, "round 1 of 'history'"),
        ({"segments": [{"label": True}]}, "'segments' holds a segment without"),
        ({"chosen": 5}, "'chosen' is a number, not text"),
        ({"chosen": []}, "'chosen' is a list, not text"),
    ],
)
def test_parts_that_cannot_be_read(row: Row, reason: str) -> None:
    found, (bad,) = answers(row)
    assert not found and bad.reason.startswith(reason)


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ({"prompt": "q", "completion": "a", "notes": "n"}, {"prompt", "completion"}),
        ({"instruction": "q", "input": "x", "output": "a"}, {"instruction", "input", "output"}),
        ({"notes": "n"}, set()),
    ],
)
def test_fields_that_are_read(row: Row, fields: set[str]) -> None:
    assert fields_read(row) == fields


def test_fields_of_turns_that_are_read() -> None:
    read = fields_read({"messages": [user("q")], "system": "s"})
    assert {"messages.content", "messages.reasoning_content", "system"} <= read
    assert "messages.name" not in read and "messages" not in read


TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": {"role": ["user", "assistant"], "content": ["q", "a"]}},
        {"messages": str(TURNS)},
        {"messages": "[{'content': 'q', 'role': 'user'}\n {'content': 'a', 'role': 'assistant'}]"},
        {"conversation": [{"input": "q", "output": "a"}]},
        {"conversation": [{"human": "q", "assistant": "a"}]},
        {"conversations": [{"speaker": "user", "text": "q"}, {"speaker": "bot", "text": "a"}]},
        {
            "contents": [
                {"role": "user", "parts": [{"text": "q"}]},
                {"role": "model", "parts": [{"text": "a"}]},
            ]
        },
        {"messages": [user([{"type": "image"}, {"type": "text", "text": "q"}]), said("a")]},
        {"input": "q", "output": "a"},
        {"problem": "q", "solution": "a"},
    ],
)
def test_other_layouts_of_a_question_and_its_answer(row: Row) -> None:
    assert answers(row) == ([("q", "a")], [])


@pytest.mark.parametrize("system", ["s", [{"text": "s"}], {"parts": [{"text": "s"}]}])
def test_a_system_prompt_of_parts(system: object) -> None:
    assert answers({"messages": TURNS, "system": system}) == (WITH_SYSTEM, [])
    assert answers({"contents": TURNS, "systemInstruction": system}) == (WITH_SYSTEM, [])


@pytest.mark.parametrize("mask", [{"loss": False}, {"weight": "0"}, {"train": "False"}])
def test_masks_as_files_write_them(mask: Row) -> None:
    found, bad = answers({"messages": [user("q"), said("a", **mask), user("r"), said("b")]})
    assert (found, bad) == ([("r", "b")], [])


@pytest.mark.parametrize("tag", ["False", "false", "0"])
def test_a_kto_tag_as_csv_writes_it(tag: str) -> None:
    found, (bad,) = answers({"prompt": "q", "completion": "a", "kto_tag": tag})
    assert not found and isinstance(bad, UntrainedRow)
