"""Predictions are written with the rows they belong to, in the form in which the rows came."""

import io
import json
import sys
from pathlib import Path

import pytest

from growlabels.base.progress import silent
from growlabels.classes.cli.commands import Fit, Predict
from growlabels.cli import run_command


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("predict")
    table = folder / "train.csv"
    lines = [f"{'cold ice' if i % 2 else 'hot fire'} {i},{'ab'[i % 2]}" for i in range(40)]
    table.write_text("\n".join(["text,label", *lines]))
    run_command(Fit(table, folder / "run", "label", text="text", epochs=20, dim=16), silent)
    return folder / "run"


def test_a_csv_keeps_its_bytes_and_gains_columns(fitted: Path, tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    table.write_bytes(b'\xef\xbb\xbfid;text;note\r\n007;cold ice;"a;b"\r\n008;hot fire;\r\n')
    run_command(Predict(fitted, table, tmp_path / "out.csv"), silent)
    head, first, second = (tmp_path / "out.csv").read_bytes().splitlines(keepends=True)
    assert head == b"\xef\xbb\xbfid;text;note;predicted;probability\r\n"
    assert first.startswith(b'007;cold ice;"a;b";b;0.') and first.endswith(b"\r\n")
    assert second.startswith(b"008;hot fire;;a;0.")


def test_json_lines_keep_what_the_model_does_not_read(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"text": "cold ice", "meta": {"a": [1, None]}}, {"text": "hot fire", "predicted": 9}]
    table = tmp_path / "new.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run_command(Predict(fitted, table, tmp_path / "out.jsonl"), silent)
    assert "columns of the table that predictions replace: predicted" in capsys.readouterr().out
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert found[0]["meta"] == {"a": [1, None]}
    assert [row["predicted"] for row in found] == ["b", "a"]


def test_rows_of_standard_input(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = io.TextIOWrapper(io.BytesIO(b'[{"text": "cold ice"},\n {"text": "hot fire"}]'))
    monkeypatch.setattr(sys, "stdin", given)
    run_command(Predict(fitted, Path("-"), tmp_path / "out.json"), silent)
    found = json.loads((tmp_path / "out.json").read_text())
    assert [row["predicted"] for row in found] == ["b", "a"]


def test_accuracy_counts_the_rows_that_have_a_label(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "new.csv"
    table.write_text("text,label\ncold ice,b\nhot fire,\nhot fire,b\n")
    run_command(Predict(fitted, table, tmp_path / "out.csv"), silent)
    said = capsys.readouterr().out
    assert "accuracy by column 'label' on the 2 rows that have a label: 0.500" in said


def test_another_encoding(fitted: Path, tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    table.write_bytes("text,note\ncold ice,für\n".encode("latin-1"))
    run_command(Predict(fitted, table, tmp_path / "out.csv", encoding="latin-1"), silent)
    assert "für" in (tmp_path / "out.csv").read_text("latin-1")
