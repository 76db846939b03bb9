"""Sources without a broker: growing files, standard input, iterables, growing waits."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import UsageError
from growlabels.stream.serve.sources.growing_file import GrowingFile
from growlabels.stream.serve.sources.iterator import IteratorSource
from growlabels.stream.serve.sources.source import Source, SourceError, Unreadable
from growlabels.stream.serve.sources.standard_input import StandardInput
from growlabels.stream.serve.sources.waits import GrowingWaits


@pytest.fixture
def follow() -> Iterator[Callable[..., GrowingFile]]:
    """Open files that are closed after the test."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(closing(GrowingFile(*args, **options)))


def lines(count: int, begin: int = 0) -> bytes:
    return b"".join(json.dumps({"x": {"a": i}}).encode() + b"\n" for i in range(begin, count))


def values(rows: list[Any]) -> list[Any]:
    return [row.row if isinstance(row.row, Unreadable) else row.row["x"]["a"] for row in rows]


def test_a_file_is_followed_line_by_line(
    tmp_path: Path, follow: Callable[..., GrowingFile]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(3) + b'{"x": {"a"')
    source = follow(path, wait=0.0)
    first = source.rows_after(None, 10)
    assert values(first) == [0, 1, 2]
    assert source.rows_after(first[-1].position, 10) == [] and not source.ended
    with path.open("ab") as file:
        file.write(b": 3}}\n\n" + lines(5, 4))
    more = source.rows_after(first[-1].position, 10)
    assert values(more) == [3, 4]
    assert [row.position["line"] for row in more] == [4, 6]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), max_size=8), st.integers(0, 12))
def test_reading_goes_on_from_any_position(
    tmp_path_factory: pytest.TempPathFactory, parts: list[int], at: int
) -> None:
    path = tmp_path_factory.mktemp("file") / "rows.jsonl"
    path.write_bytes(lines(12).rstrip(b"\n"))
    source: Source = GrowingFile(path, follow=False)
    found, position = [], None
    for most in [*parts, 20]:
        found += source.rows_after(position, most)
        position = found[-1].position if found else None
    assert values(found) == list(range(12)) and source.ended
    source.close()
    again = GrowingFile(path, follow=False)
    position = found[at - 1].position if at else None
    again.open(position)
    assert again.rows_after(position, 20) == found[at:]
    again.close()


def test_a_file_that_was_replaced_is_refused(
    tmp_path: Path, follow: Callable[..., GrowingFile]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(5))
    source = follow(path, wait=0.0)
    position = source.rows_after(None, 5)[-1].position
    for content in (lines(3), lines(9, 1), b""):
        path.write_bytes(content)
        with pytest.raises(SourceError, match="is not the file that was read up to byte"):
            follow(path).open(position)
    with pytest.raises(SourceError, match="was cut or replaced while it was followed"):
        source.rows_after(position, 5)
    path.unlink()
    with pytest.raises(UsageError, match="does not exist"):
        follow(path).open(None)
    path.write_bytes(gzip.compress(lines(3)))
    with pytest.raises(UsageError, match="gunzip"):
        follow(path).open(None)


def test_a_renamed_file_is_read_to_its_end(
    tmp_path: Path, follow: Callable[..., GrowingFile]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(3))
    source = follow(path, wait=0.0)
    source.open(None)
    path.rename(tmp_path / "old.jsonl")
    rows = source.rows_after(None, 9)
    assert values(rows) == [0, 1, 2] and source.rows_after(rows[-1].position, 9) == []
    path.write_bytes(lines(1))
    with pytest.raises(SourceError, match="replaced"):
        source.rows_after(rows[-1].position, 9)


def test_bad_lines_keep_their_position(tmp_path: Path, follow: Callable[..., GrowingFile]) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"x": {"a": 0}}\n\xff\n[]\n{"a":\nNaN\n' + b"[" * 99999 + b"\n")
    rows = follow(path, follow=False).rows_after(None, 9)
    good, *bad = values(rows)
    assert good == 0 and [row.position["line"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [one.reason.split(" (")[0] for one in bad] == [
        "invalid UTF-8 at byte 0",
        "is a list, not an object",
        "broken JSON",
        "is a number, not an object",
        "JSON nested too deeply",
    ]
    assert len(bad[-1].raw) == 2000


def piped(content: bytes) -> StandardInput:
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    return StandardInput(descriptor=reader)


def read_all(source: StandardInput) -> list[Any]:
    found = []
    while not source.ended or source._kept or source._bytes:
        found += source.rows_after(None, 4)
    return found


def test_standard_input_hands_a_line_on_before_the_next_is_there() -> None:
    reader, writer = os.pipe()
    source = StandardInput(wait=0.01, descriptor=reader)
    assert source.rows_after(None, 5) == []
    os.write(writer, lines(2) + b'{"x": ')
    assert values(source.rows_after(None, 5)) == [0, 1]
    os.write(writer, b'{"a": 2}}')
    assert source.rows_after(None, 5) == []
    os.close(writer)
    assert values(source.rows_after(None, 5)) == [2] and source.ended
    os.close(reader)


@pytest.mark.parametrize("count", [3, 250])
def test_standard_input_written_anew_is_skipped_as_far_as_it_was_read(count: int) -> None:
    rows = read_all(piped(lines(300)))
    source = piped(lines(300))
    source.open(rows[count - 1].position)
    assert source.note == f"standard input begins as before: the {count} lines read are skipped"
    assert read_all(source) == rows[count:]


def test_standard_input_with_other_rows_is_read_whole() -> None:
    rows = read_all(piped(lines(300)))
    source = piped(lines(400, 300))
    source.open(rows[-1].position)
    assert "begins with other rows" in source.note
    assert values(read_all(source)) == list(range(300, 400))
    with pytest.raises(SourceError, match="differs within the 250 lines"):
        piped(lines(200) + lines(400, 300)).open(rows[249].position)


def test_an_iterable_is_skipped_to_its_position() -> None:
    rows = [{"x": {"a": i}} for i in range(6)]
    source = IteratorSource(iter(rows))
    source.open(4)
    assert values(source.rows_after(4, 9)) == [4, 5] and source.ended
    with pytest.raises(SourceError, match="cannot go back from row 6 to row 2"):
        source.rows_after(2, 1)
    with pytest.raises(SourceError, match="has 6 rows and 9 were read before"):
        IteratorSource(rows).open(9)
    with pytest.raises(UsageError, match="must be an iterable of rows"):
        IteratorSource("rows")
    assert values(IteratorSource([7]).rows_after(None, 1)) == [("is int, not an object", "7")]


def test_waits_grow_and_the_first_connection_is_not_awaited_for_ever() -> None:
    said: list[str] = []
    waits = GrowingWaits("the source", say=said.append)
    lengths = []
    for _ in range(12):
        waits.lost("no route")
        lengths.append(waits._wait)
    assert lengths[:3] == [0.2, 0.4, 0.8] and lengths[-1] == 30.0 and not said
    waits.connected()
    waits.lost("no route")
    waits.lost("no route")
    assert len(said) == 2 and said[0] == "the source answers again"
    assert said[1] == "the source does not answer (no route); trying again until it does"
    with pytest.raises(SourceError, match=r"cannot reach the source \(no route\)"):
        GrowingWaits("the source", patience=0.0).lost("no route")
