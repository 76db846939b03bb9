"""``classes evaluate`` from file to file, and its sentences."""

import json
from pathlib import Path

import pytest
from tests.classes.cli.test_fit import numbers, quick, write_csv

from growlabels.base.errors import DataError, RunError, UsageError
from growlabels.base.progress import silent
from growlabels.base.runs import RunFolder
from growlabels.classes.cli.evaluate import Evaluate
from growlabels.cli import run_command
from growlabels.tables import write_rows


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit")
    run_command(quick(write_csv(folder / "animals.csv", numbers()), folder / "run"), silent)
    return folder / "run"


def test_scores_of_a_table(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = numbers(90)[60:]
    rows[0]["animal"] = "bee"  # an ant
    table = write_csv(tmp_path / "later.csv", rows)
    run_command(Evaluate(fitted, table, tmp_path / "out"), silent)
    said = capsys.readouterr().out
    assert said.startswith("30 rows scored: accuracy 0.9")
    assert "(most frequent class 0.367)" in said
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["rows"] == 30 and scores["skipped"] == 0
    assert ["bee", "ant", 1, 1 / 11] in scores["confusions"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Calibration" in page and "Most frequent confusions" in page and "Only 30 rows" in page
    run_command(Evaluate(fitted, table, tmp_path / "out"), silent)  # once more into the same folder


def test_another_label_column(fitted: Path, tmp_path: Path) -> None:
    rows = [{"kind" if k == "animal" else k: v for k, v in row.items()} for row in numbers(9)]
    table = tmp_path / "t.jsonl"
    write_rows(table, rows)
    with pytest.raises(UsageError, match="has no column 'animal'; it has 'x', 'y', 'note', 'kind'"):
        run_command(Evaluate(fitted, table, tmp_path / "out"), silent)
    run_command(Evaluate(fitted, table, tmp_path / "out", label="kind"), silent)


def test_labels_never_seen(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = numbers(9)
    rows[4]["animal"] = rows[7]["animal"] = "elk"
    table = write_csv(tmp_path / "t.csv", rows)
    sentence = r"row 6 \(and 1 more\): label 'elk' is none of the model's 3 classes; add it with"
    with pytest.raises(DataError, match=sentence):
        run_command(Evaluate(fitted, table, tmp_path / "out"), silent)
    assert not (tmp_path / "out").exists()
    run_command(Evaluate(fitted, table, tmp_path / "out", skip_unknown=True), silent)
    assert "7 rows scored, 2 of unknown classes left out" in capsys.readouterr().out
    assert "2 rows of classes" in (tmp_path / "out" / "report.html").read_text()
    elks = write_csv(tmp_path / "elks.csv", [{**row, "animal": "elk"} for row in rows])
    with pytest.raises(DataError, match="has no row of a class that the model knows"):
        run_command(Evaluate(fitted, elks, tmp_path / "other", skip_unknown=True), silent)


def test_wrong_use(fitted: Path, tmp_path: Path) -> None:
    table = write_csv(tmp_path / "t.csv", numbers(9))
    with pytest.raises(UsageError, match=r"'absent.csv' does not exist"):
        run_command(Evaluate(fitted, Path("absent.csv"), tmp_path / "out"), silent)
    with pytest.raises(UsageError, match="is no run folder"):
        run_command(Evaluate(tmp_path, table, tmp_path / "out"), silent)
    RunFolder.open(tmp_path / "scan", "unsafe scan", {}, {}).finish()
    with pytest.raises(RunError, match="holds a run of 'unsafe scan', not of 'classes fit' or"):
        run_command(Evaluate(tmp_path / "scan", table, tmp_path / "out"), silent)
