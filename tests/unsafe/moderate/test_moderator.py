"""Moderators that need no model: keywords, functions, and what they may give back."""

import math
from typing import Any

import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.moderate.choice import moderator_of
from growlabels.unsafe.moderate.keywords import Keywords
from growlabels.unsafe.moderate.moderator import FromFunction, Verdict, moderate
from growlabels.unsafe.rows.examples import Example

ROWS = [Example(f"{i:x}", i, "p", f"answer {i}", {}) for i in range(1, 71)]


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_a_probability_is_from_0_to_1(value: float) -> None:
    with pytest.raises(DataError, match="from 0 to 1"):
        Verdict(value)


def test_no_probability_needs_a_reason() -> None:
    with pytest.raises(DataError, match="must give a reason"):
        Verdict(None)


def test_rows_are_judged_in_order_and_in_portions() -> None:
    portions: list[int] = []

    def judge(rows: object) -> list[Verdict]:
        portions.append(len(rows))  # type: ignore[arg-type]
        return [Verdict(int(row.id, 16) / 100) for row in rows]  # type: ignore[attr-defined]

    seen: list[int] = []
    found = moderate(judge, ROWS, lambda stage, done, total=None: seen.append(done))
    assert [v.probability for v in found] == [i / 100 for i in range(1, 71)]
    assert portions == [32, 32, 6] and seen == [32, 64, 70]


def test_a_moderator_must_answer_for_every_row() -> None:
    with pytest.raises(DataError, match="one Verdict for each of 32 rows, it gave 1"):
        moderate(lambda rows: [Verdict(0.0)], ROWS)
    with pytest.raises(DataError, match="FromFunction"):
        moderate(lambda rows: [0.5] * len(rows), ROWS)  # type: ignore[return-value, arg-type]


def test_a_function_that_cannot_say() -> None:
    found = FromFunction(lambda prompt, response: None)(ROWS[:1])
    assert found[0].probability is None and "no answer" in found[0].reason


def test_keywords_are_whole_words_and_no_patterns() -> None:
    judge = Keywords(["c++", "two words", ""])
    texts = ["uses C++ here", "c+++", "abc++", "two  words", "Two words.", "."]
    rows = [Example("a", 1, "c++", text, {}) for text in texts]
    assert [v.probability for v in judge(rows)] == [1, 1, 0, 1, 1, 0]
    with pytest.raises(UsageError, match="at least one word"):
        Keywords([" "])


@pytest.mark.parametrize("spec", ["keywords", "keywords:", "magic:x", "ftp://x/moderations", ""])
def test_a_specification_that_cannot_be_read(spec: str) -> None:
    with pytest.raises(UsageError, match="moderator must be"):
        moderator_of(spec)


def test_what_is_no_row_no_verdict_and_no_list_of_words() -> None:
    rows: Any = [{"prompt": "p", "completion": "a"}]
    with pytest.raises(DataError, match="one was dict; read them with read_examples"):
        moderate(Keywords(["eval"]), rows)
    words: Any = lambda prompt, response: "unsafe"  # noqa: E731
    with pytest.raises(DataError, match=r"must give a probability, .* it gave str"):
        moderate(FromFunction(words), ROWS)
    with pytest.raises(UsageError, match="must be a list of words, it was the text 'eval'"):
        Keywords("eval")
