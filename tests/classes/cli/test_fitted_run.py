"""What later commands take from a fitted run."""

from pathlib import Path

import numpy as np
import pytest
from tests.classes.cli.test_fit import numbers, quick, write_csv

from growlabels.base.errors import DataError, RunError, UsageError
from growlabels.base.progress import silent
from growlabels.base.runs import RunFolder
from growlabels.classes import EBVClassifier
from growlabels.classes.cli.fitted_run import FIT, FittedRun, answers, joined, pick, score_labels
from growlabels.classes.cli.table import read_table
from growlabels.cli import run_command


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> FittedRun:
    folder = tmp_path_factory.mktemp("fit")
    run_command(quick(write_csv(folder / "animals.csv", numbers()), folder / "run"), silent)
    return FittedRun.open(folder / "run")


def test_rows_and_labels_as_the_fit_read_them(fitted: FittedRun) -> None:
    table = read_table(fitted.run.path.parent / "animals.csv")
    assert fitted.label == "animal"
    assert fitted.rows(table).shape == (60, 2)
    assert fitted.labels(table)[:3].tolist() == ["ant", "bee", "cow"]
    with pytest.raises(UsageError, match="has no column 'plant'"):
        fitted.labels(table, "plant")
    table.columns["x"] = [[1.0, 2.0]] * 60
    with pytest.raises(DataError, match="column 'x' holds 2 numbers, the model was fitted on 1"):
        fitted.rows(table)


def test_answers_are_those_of_predict_proba(fitted: FittedRun) -> None:
    rows = np.random.default_rng(0).normal(size=(7, 2))
    found, stated = answers(fitted.model, rows)
    shares = fitted.model.predict_proba(rows)
    assert found.tolist() == fitted.model.classes_[shares.argmax(1)].tolist()
    np.testing.assert_allclose(stated, shares.max(1))
    assert [len(part) for part in answers(fitted.model, rows[:0])] == [0, 0]
    labels = np.array(["bee", "bee", "ant", "cow", "bee", "ant", "cow"])
    scores = score_labels(fitted.model, found, stated, labels)
    assert scores.accuracy == np.mean(found == labels)
    assert scores.majority == 3 / 7


def test_rows_of_lists_and_arrays() -> None:
    assert pick(["a", "b", "c"], np.array([2, 0])) == ["c", "a"]
    assert pick(np.arange(6).reshape(3, 2), np.array([2])).tolist() == [[4, 5]]
    assert joined([["a"], [], ["b"]]) == ["a", "b"]
    assert joined([np.zeros((1, 2)), np.ones((1, 2))]).tolist() == [[0, 0], [1, 1]]


def test_unfinished_and_damaged_runs(fitted: FittedRun, tmp_path: Path) -> None:
    RunFolder.open(tmp_path / "run", FIT, {}, {})
    with pytest.raises(RunError, match="did not finish; run it again"):
        FittedRun.open(tmp_path / "run")
    assert isinstance(fitted.model, EBVClassifier)
    file = fitted.run.path / "model" / "classifier.json"
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    with pytest.raises(RunError, match="missing, incomplete or damaged"):
        FittedRun.open(fitted.run.path)
    file.write_bytes(content)
