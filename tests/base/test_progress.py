"""Progress: a bar on a terminal, lines elsewhere."""

import io

import pytest

from growlabels.base.progress import console_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_show_first_last_and_time_left() -> None:
    out = io.StringIO()
    with console_progress(out, every=0.0) as progress:
        for done in range(4):
            progress("rows", done, 3)
        progress("other", 0)
    lines = out.getvalue().splitlines()
    assert lines[0] == "rows: 0 of 3"
    assert "a second" in lines[1] and "s left" in lines[1]
    assert lines[3].startswith("rows: 3 of 3") and "left" not in lines[3]
    assert lines[4] == "other ..."


def test_a_closed_standard_error_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    with console_progress() as progress:
        progress("rows", 1, 2)


def test_lines_are_rare_between_first_and_last() -> None:
    out = io.StringIO()
    with console_progress(out, every=1e9) as progress:
        for done in range(101):
            progress("rows", done, 100)
    assert [line.split(",")[0] for line in out.getvalue().splitlines()] == [
        "rows: 0 of 100",
        "rows: 100 of 100",
    ]


def test_bar_on_a_terminal() -> None:
    out = Terminal()
    with console_progress(out) as progress:
        progress("scan", 0, 2)
        progress("scan", 2, 2)
        progress("fit", 1, None)
    assert "scan: 100%" in out.getvalue() and "fit" in out.getvalue()
