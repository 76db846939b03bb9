import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growlabels.unsafe.rows.calls import call_text, is_call

ARGUMENTS = {"ticket": "A-1", "days": [1, {"note": "späť"}], "none": None}
TEXT = "A-1\n1\nspäť\nbook(ticket, days, none)"


@pytest.mark.parametrize(
    "call",
    [
        {"id": "c1", "type": "function", "function": {"name": "book", "arguments": ARGUMENTS}},
        {"name": "book", "arguments": json.dumps(ARGUMENTS)},
        {"name": "book", "parameters": ARGUMENTS},
        {"type": "tool_use", "id": "t1", "name": "book", "input": ARGUMENTS},
        json.dumps([{"name": "book", "arguments": json.dumps(ARGUMENTS)}]),
    ],
)
def test_values_first_then_the_name(call: object) -> None:
    assert call_text(call) == TEXT
    assert call_text([call] if isinstance(call, dict) else call) == TEXT


def test_what_is_no_call_is_written_as_it_is() -> None:
    assert call_text("look it up") == "look it up"
    assert call_text([5]) == "5"
    assert call_text({"name": "f", "arguments": "{cut"}) == "{cut\nf()"
    assert call_text({}) == ""


def test_is_call() -> None:
    assert is_call([{"name": "f", "arguments": "{}"}])
    assert not is_call("f") and not is_call({"name": "f"}) and not is_call([1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(JSON)
def test_any_json_gives_text(value: object) -> None:
    assert isinstance(call_text(value), str)
    assert call_text({"name": "f", "arguments": value}).endswith(")")
