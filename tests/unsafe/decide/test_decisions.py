"""The file of decisions: added to only, whole lines count, against a plain twin."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.decide.decisions import Decisions


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["accept", "reject", "unsure", "undo"])),
        max_size=12,
    )
)
def test_decisions_equal_those_of_a_plain_list(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    decisions = Decisions(tmp_path_factory.mktemp("d") / "decisions.jsonl")
    twin: list[tuple[str, str]] = []
    for row, what in steps:
        if what == "undo":
            assert decisions.undo() == (twin.pop()[0] if twin else None)
        else:
            decisions.add(row, what)  # type: ignore[arg-type]
            twin.append((row, what))
        assert Decisions(decisions.path).current() == dict(twin)


def test_a_line_that_a_crash_cut_short_does_not_count(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path / "decisions.jsonl")
    for row in "ab":
        decisions.add(row, "reject")
    whole = decisions.path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        decisions.path.write_bytes(whole[:cut])
        assert decisions.current() == {"a": "reject"}
    decisions.add("c", "accept")
    assert decisions.current() == {"a": "reject", "c": "accept"}
    assert decisions.counts() == {"accept": 1, "reject": 1, "unsure": 0}


NO_DECISIONS = (
    "no json",
    '{"row_id": "a"}',
    '{"row_id": 1, "decision": "accept"}',
    '{"row_id": "a", "decision": "maybe"}',
    "[]",
)


@pytest.mark.parametrize("line", NO_DECISIONS)
def test_a_whole_line_that_is_no_decision_is_an_error(tmp_path: Path, line: str) -> None:
    (tmp_path / "d.jsonl").write_text(line + "\n")
    with pytest.raises(DataError, match=r"line 1 is not a decision"):
        Decisions(tmp_path / "d.jsonl").current()


def test_only_three_decisions_are_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="decision must be one of"):
        Decisions(tmp_path / "d.jsonl").add("a", "maybe")  # type: ignore[arg-type]
    assert not (tmp_path / "d.jsonl").exists()
