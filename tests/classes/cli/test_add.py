"""``classes add`` from file to file: what is appended, learned again, compared; its sentences."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.classes.cli.test_fit import numbers, quick, write_csv

from growlabels.base.errors import DataError, RunError, UsageError
from growlabels.base.progress import silent
from growlabels.classes import EBVClassifier
from growlabels.classes.cli.add import Add, compare
from growlabels.classes.cli.evaluate import Evaluate
from growlabels.classes.cli.fit import Fit
from growlabels.classes.cli.predict import Predict
from growlabels.cli import run_command
from growlabels.tables import write_rows


def more(name: str, x: float, y: float, count: int = 40) -> list[dict]:
    random = np.random.default_rng(len(name))
    places = random.normal(size=(count, 2)) + np.array([x, y])
    return [{"x": float(a), "y": float(b), "note": "", "animal": name} for a, b in places]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``animals.csv`` and the run on it."""
    folder = tmp_path_factory.mktemp("fit")
    run_command(quick(write_csv(folder / "animals.csv", numbers()), folder / "run"), silent)
    return folder


def add(fitted: Path, table: Path, out: Path, **settings) -> Add:
    settings = {"epochs": 30, "lr": 0.01} | settings
    return Add(fitted / "run", table, out, **settings)


def test_new_classes_beside_old_ones(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_csv(tmp_path / "more.csv", more("elk", -5, -5) + more("fox", 5, 5))
    old = fitted / "animals.csv"
    run_command(add(fitted, table, tmp_path / "out", old=(old,)), silent)
    said = capsys.readouterr().out
    assert said.startswith("2 classes added, 5 in all; 48 old rows learned again\n")
    assert "new classes: accuracy 0.000 before, " in said
    figures = json.loads((tmp_path / "out" / "scores.json").read_text())
    before, new, everything = figures["changes"]
    assert [c["rows"] for c in figures["changes"]] == [12, 16, 28]
    assert new["after"] > 0.8 and before["before"] > 0.8 and before["after"] > 0.6
    assert new["taken"] > 0.8 and everything["after"] == pytest.approx(
        (12 * before["after"] + 16 * new["after"]) / 28
    )
    first = EBVClassifier.load(fitted / "run" / "model")
    model = EBVClassifier.load(tmp_path / "out" / "model")
    assert model.classes_.tolist() == ["ant", "bee", "cow", "elk", "fox"]
    assert first.classes_.tolist() == ["ant", "bee", "cow"]  # the run itself stays
    page = (tmp_path / "out" / "report.html").read_text()
    assert (
        "Accuracy on held-out rows, before" in page and "the vectors of the old ones stayed" in page
    )

    capsys.readouterr()
    run_command(Predict(tmp_path / "out", table, tmp_path / "found.csv"), silent)
    run_command(Evaluate(tmp_path / "out", table, tmp_path / "evaluation"), silent)
    assert "80 rows scored: accuracy" in capsys.readouterr().out

    third = write_csv(tmp_path / "third.csv", more("gnu", 0, -9))
    again = Add(tmp_path / "out", third, tmp_path / "third", old=(old, table), replay=5, epochs=1)
    run_command(again, silent)
    assert "1 classes added, 6 in all; 25 old rows learned again" in capsys.readouterr().out
    changes = json.loads((tmp_path / "third" / "scores.json").read_text())["changes"]
    assert [c["rows"] for c in changes] == [28, 8, 36]


def test_the_larger_model_is_calibrated_anew(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_csv(tmp_path / "more.csv", more("elk", -5, -5) + more("fox", 5, 5))
    old = fitted / "animals.csv"
    run_command(add(fitted, table, tmp_path / "out", old=(old,), false_rejection=0.2), silent)
    assert "calibrated on 14 other held-out rows" in capsys.readouterr().out
    facts = json.loads((tmp_path / "out" / "scores.json").read_text())["calibrated"]
    model = EBVClassifier.load(tmp_path / "out" / "model")
    assert facts["rows"] == 14 and model.threshold_ == facts["threshold"]
    assert model.temperature_ == facts["temperature"]
    run_command(Evaluate(tmp_path / "out", table, tmp_path / "evaluation"), silent)
    assert "of the rows are rejected by the threshold" in capsys.readouterr().out
    with pytest.raises(UsageError, match="false-rejection must be between 0 and 1"):
        run_command(add(fitted, table, tmp_path / "wrong", false_rejection=1.0), silent)


def test_without_old_tables(fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    table = write_csv(tmp_path / "one.csv", more("elk", -5, -5, count=1))
    run_command(add(fitted, table, tmp_path / "out"), silent)
    said = capsys.readouterr().out
    assert "1 classes added, 4 in all; 0 old rows learned again" in said
    assert "old classes: no held-out rows" in said
    page = (tmp_path / "out" / "report.html").read_text()
    assert "old classes are forgotten in part" in page
    assert "No row was held out of all classes" in page
    with pytest.raises(RunError, match="config 'replay' was None, is 3"):
        run_command(add(fitted, table, tmp_path / "out", replay=3), silent)


def test_whole_numbers_from_a_csv(tmp_path: Path) -> None:
    rows = [
        {"words": f"{'cold ice' if i % 2 else 'hot fire'} {i}", "kind": i % 2} for i in range(30)
    ]
    write_rows(tmp_path / "t.jsonl", rows)
    run_command(
        Fit(tmp_path / "t.jsonl", tmp_path / "run", "kind", text="words", epochs=1, dim=16), silent
    )
    table = write_csv(tmp_path / "t.csv", [{"words": f"wet rain {i}", "kind": 7} for i in range(9)])
    add = Add(tmp_path / "run", table, tmp_path / "out", old=(tmp_path / "t.jsonl",), replay=10)
    run_command(add, silent)
    assert EBVClassifier.load(tmp_path / "out" / "model").classes_.tolist() == [0, 1, 7]
    wrong = write_csv(tmp_path / "w.csv", [{"words": "wet", "kind": "rain"}])
    with pytest.raises(DataError, match=r"w.csv row 2: label 'rain' is no whole number"):
        run_command(Add(tmp_path / "run", wrong, tmp_path / "other"), silent)


def test_what_is_compared() -> None:
    labels = np.array(["a", "a", "b", "z", "z"])
    before, after = np.array(["a", "b", "b", "a", "a"]), np.array(["a", "z", "a", "z", "b"])
    old, new, everything = compare(labels, before, after, ["z"])
    assert (old.rows, old.before, old.after, old.taken) == (3, 2 / 3, 1 / 3, 1 / 3)
    assert (new.rows, new.before, new.after, new.taken) == (2, 0, 0.5, 0.5)
    assert (everything.rows, everything.after, everything.taken) == (5, 0.4, 0.4)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"table": Path("absent.csv")}, UsageError, "'absent.csv' does not exist"),
        ({"label": "plant"}, UsageError, "has no column 'plant'; it has 'x', 'y'"),
        ({"old": (Path("absent.csv"),)}, UsageError, "'absent.csv' does not exist"),
        ({"held_out": 1.0}, UsageError, "held-out must be from 0 to below 1, it was 1.0"),
        ({"replay": -1}, UsageError, "replay must be at least 0, it was -1"),
        ({"epochs": 0}, UsageError, "epochs must be at least 1, it was 0"),
        ({"lr": 0.0}, UsageError, "lr must be above 0 and finite, it was 0.0"),
        ({"seed": -1}, UsageError, "seed must be at least 0, it was -1"),
    ],
)
def test_wrong_use(
    fitted: Path, tmp_path: Path, change: dict, error: type[Exception], sentence: str
) -> None:
    table = write_csv(tmp_path / "more.csv", more("elk", -5, -5))
    with pytest.raises(error, match=sentence):
        run_command(add(fitted, **{"table": table, "out": tmp_path / "out"} | change), silent)
    assert not (tmp_path / "out").exists()


def test_nothing_new_and_other_tables(fitted: Path, tmp_path: Path) -> None:
    table = write_csv(tmp_path / "same.csv", numbers(9))
    with pytest.raises(DataError, match="no class that the model does not know"):
        run_command(add(fitted, table, tmp_path / "out"), silent)
    table = write_csv(tmp_path / "more.csv", more("elk", -5, -5))
    with pytest.raises(DataError, match=r"more.csv' is none of the tables that the model"):
        run_command(add(fitted, table, tmp_path / "out", old=(table,)), silent)
    old = fitted / "animals.csv"
    with pytest.raises(
        UsageError, match="two of the tables, those of --old included, are the same"
    ):
        run_command(add(fitted, table, tmp_path / "out", old=(old, old)), silent)
