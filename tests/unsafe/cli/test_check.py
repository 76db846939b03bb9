"""The command check, and what it says of models that are and are not exact."""

from pathlib import Path

import pytest
from tiny_causal import rows_meet, tiny

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.tables import write_rows
from growlabels.unsafe.cli import check as _check_run
from growlabels.unsafe.cli.commands import UnsafeCheck

ROWS = [{"prompt": c, "completion": c * (2 + i)} for i, c in enumerate("abcdefghij")]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_check_run, "load_model", lambda *_: tiny())


def test_an_exact_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(tmp_path / "train.jsonl", [*ROWS, {"prompt": "no answer"}])
    run_command(UnsafeCheck("tiny", tmp_path / "train.jsonl", top_layers=2), silent)
    printed = capsys.readouterr().out
    assert "gradients are exact: 8 rows" in printed
    assert "A scan of 10 rows takes about" in printed and "on disk" in printed
    assert all(line.endswith(".") for line in printed.splitlines())


def test_only_the_first_rows_are_read_closely(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_check_run, "_SAMPLE", 3)
    write_rows(tmp_path / "train.jsonl", ROWS)
    run_command(UnsafeCheck("tiny", tmp_path / "train.jsonl", top_layers=2), silent)
    printed = capsys.readouterr().out
    assert "3 rows in padded batches" in printed and "A scan of 10 rows" in printed


def test_without_rows_a_thousand_are_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(UnsafeCheck("tiny", top_layers=2), silent)
    assert "A scan of 1,000 rows" in capsys.readouterr().out


def test_of_many_rows_it_says_how_many_get_gradients(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_check_run, "_ASSUMED_ROWS", 40_000)
    run_command(UnsafeCheck("tiny", top_layers=2), silent)
    assert "gradients of 2,000 of the rows" in capsys.readouterr().out


def test_a_model_that_is_not_exact_is_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_check_run, "load_model", lambda *_: rows_meet())
    with pytest.raises(DataError, match="depend on the other rows of its batch"):
        run_command(UnsafeCheck("tiny", top_layers=2), silent)
    assert "NOT exact" in capsys.readouterr().out


def test_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        run_command(UnsafeCheck("tiny", tmp_path / "nowhere.jsonl"), silent)
    with pytest.raises(UsageError, match="max_response_tokens must be at least 1"):
        run_command(UnsafeCheck("tiny", max_response_tokens=0), silent)
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(DataError, match="holds no usable row"):
        run_command(UnsafeCheck("tiny", tmp_path / "empty.jsonl"), silent)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "1 s"), (80, "80 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_durations(seconds: float, said: str) -> None:
    assert _check_run._duration(seconds) == said
