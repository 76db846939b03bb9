"""What was accepted is read back in its order, from any position, after any crash."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import RunError
from growlabels.stream.serve.service import journal as module
from growlabels.stream.serve.service.journal import FullError, Journal


def rows(begin: int, end: int) -> list[dict[str, Any]]:
    return [{"x": {"a": i}} for i in range(begin, end)]


def values(found: list[Any]) -> list[int]:
    return [one.row["x"]["a"] for one in found]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=8),
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(1, 9),
    st.booleans(),
)
def test_rows_come_once_and_in_order_after_a_restart(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[int],
    taken: int,
    torn: int,
    most: int,
    small: bool,
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    module._SEGMENT, before = (40 if small else module._SEGMENT), module._SEGMENT
    try:
        first = Journal(folder, wait=0.0)
        first.open(None)
        count, found, position = 0, [], None
        for part in parts:
            first.append(rows(count, count + part))
            count += part
            if len(found) < taken:
                found += first.rows_after(position, min(most, taken - len(found)))
                position = found[-1].position if found else None
        first.close()
        last = sorted(folder.iterdir())[-1]
        with last.open("ab") as file:  # a line that a crash has cut
            file.write(b'[1.0,{"x":{"a"'[: torn % 15])
        again = Journal(folder, wait=0.0)
        again.open(position)
        again.append(rows(count, count + 3))
        while more := again.rows_after(position, most):
            found += more
            position = more[-1].position
        assert values(found) == list(range(count + 3))
        again.close()
    finally:
        module._SEGMENT = before


def test_files_that_no_checkpoint_needs_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SEGMENT", 40)
    journal = Journal(tmp_path, wait=0.0)
    positions = []
    for i in range(6):
        journal.append(rows(3 * i, 3 * i + 3))
        positions.append(journal.rows_after(None, 3)[-1].position)
        journal.forget(positions[-1])
    assert [int(path.stem) for path in sorted(tmp_path.iterdir())] == [4, 5, 6]
    journal.close()
    again = Journal(tmp_path, wait=0.0)
    again.open(positions[3])
    assert values(again.rows_after(positions[3], 99)) == list(range(12, 15))
    with pytest.raises(RunError, match=r"is missing or cut, and this run stands at byte"):
        again.open(positions[0])
    again.close()


def test_it_takes_a_bounded_number_of_rows(tmp_path: Path) -> None:
    journal = Journal(tmp_path, wait=0.0, most=4)
    journal.open(None)
    journal.append(rows(0, 3))
    with pytest.raises(FullError, match="3 rows wait to be learned, and 4 is the most"):
        journal.append(rows(3, 5))
    journal.rows_after(None, 2)
    journal.append(rows(3, 5))
    assert values(journal.rows_after(None, 9)) == [2, 3, 4]
    journal.close()
