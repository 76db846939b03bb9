"""``classes fit`` and ``classes predict`` from file to file, and their sentences."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from growlabels.base.errors import DataError, RunError, UsageError
from growlabels.base.progress import silent
from growlabels.classes.cli.fit import Fit, split
from growlabels.classes.cli.predict import Predict
from growlabels.cli import run_command
from growlabels.tables import write_rows


def numbers(count: int = 60) -> list[dict]:
    random = np.random.default_rng(0)
    rows = []
    for i in range(count):
        kind = ["ant", "bee", "cow"][i % 3]
        x = random.normal(size=2) + 5 * np.array([i % 3 == 0, i % 3 == 1])
        rows.append({"x": float(x[0]), "y": float(x[1]), "note": f"row {i}", "animal": kind})
    return rows


def write_csv(path: Path, rows: list[dict]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def quick(table: Path, out: Path, **settings) -> Fit:
    return Fit(
        **{"table": table, "label": "animal", "out": out, "epochs": 15, "dim": 16} | settings
    )


def test_numeric_columns_of_a_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write_csv(tmp_path / "animals.csv", numbers())
    run_command(quick(table, tmp_path / "run"), silent)
    assert "3 classes, 48 rows trained, 12 scored: accuracy" in capsys.readouterr().out
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert scores["accuracy"] > 0.8 > scores["majority"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Most frequent confusions" in page
    assert "always the most frequent class" in page
    run_command(Predict(tmp_path / "run", table, tmp_path / "found.csv", topk=2), silent)
    assert "accuracy by column 'animal': 0." in capsys.readouterr().out.replace("1.000", "0.")
    with (tmp_path / "found.csv").open() as file:
        found = list(csv.DictReader(file))
    assert list(found[0])[-4:] == ["predicted", "probability", "predicted_2", "probability_2"]
    with table.open() as file:
        read = list(csv.DictReader(file))
    assert [{name: row[name] for name in read[0]} for row in found] == read


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_text_column_of_other_formats(
    tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"words": f"{'cold ice' if i % 2 else 'hot fire'} {i}", "animal": i % 2} for i in range(40)
    ]
    table = tmp_path / f"t.{ending}"
    write_rows(table, rows)
    run_command(quick(table, tmp_path / "run", text="words", epochs=20), silent)
    capsys.readouterr()
    run_command(Predict(tmp_path / "run", table), silent)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["predicted"] for row in found] == [i % 2 for i in range(40)]
    assert found[0].keys() == {"words", "animal", "predicted", "probability"}
    run_command(Predict(tmp_path / "run", table, tmp_path / f"found.{ending}"), silent)
    assert (tmp_path / f"found.{ending}").stat().st_size > 0


def test_same_command_again_resumes_or_refuses(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "animals.csv", numbers())
    run_command(quick(table, tmp_path / "run", epochs=1), silent)
    weights = (tmp_path / "run" / "model" / "weights.safetensors").read_bytes()
    run_command(quick(table, tmp_path / "run", epochs=1), silent)
    assert (tmp_path / "run" / "model" / "weights.safetensors").read_bytes() == weights
    with pytest.raises(RunError, match="config 'seed' was 0, is 1"):
        run_command(quick(table, tmp_path / "run", epochs=1, seed=1), silent)


def test_split_keeps_a_row_of_every_class() -> None:
    labels = np.array(["a"] * 10 + ["b"] * 2 + ["c"])
    kept, held, copies = split(np.arange(13.0)[:, None], labels, 0.5, seed=0)
    assert copies == 0
    assert sorted([*kept, *held]) == list(range(13))
    assert set(labels[kept]) == {"a", "b", "c"}
    assert np.bincount(np.unique(labels[held], return_inverse=True)[1]).tolist() == [5, 1]
    with pytest.raises(DataError, match="one class only, a"):
        split(["x", "y"], np.array(["a", "a"]), 0.5, 0)
    with pytest.raises(DataError, match=r"hold one out, 1 is the most that one has; add rows$"):
        split(["x", "y"], np.array(["a", "b"]), 0.5, 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"table": Path("absent.csv")}, "file 'absent.csv' does not exist"),
        ({"label": "plant"}, "has no column 'plant'; it has 'x', 'y', 'note', 'animal'"),
        ({"text": "words"}, "has no column 'words'; it has"),
        ({"columns": ("x", "z")}, "has no column 'z'; it has"),
        ({"held_out": 1.0}, "held-out must be between 0 and 1, it was 1.0"),
        ({"false_rejection": 0.0}, "false-rejection must be between 0 and 1, it was 0.0"),
        ({"text": "note", "columns": ("x",)}, "either --text, or --image, or --columns"),
        ({"text": "note", "words": ("note",)}, "either --text, or --image, or --columns"),
        ({"words": ("animal",)}, "'animal' is the label and cannot be what it is predicted from"),
        ({"margin": float("nan")}, "margin must be from 0 to below pi / 2"),
        ({"lr": 0.0}, "lr must be a finite number above 0"),
        ({"lr": float("inf")}, "lr must be a finite number above 0"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"capacity": 0}, "capacity must be a whole number of at least 1"),
        ({"capacity": 2}, "capacity must be at least the 3 classes that there are, it was 2"),
        ({"dim": 1}, "dim must be larger to keep 3 vectors apart"),
        ({"columns": ("x", "x")}, "--columns and --words name 'x' twice; name it once"),
        ({"columns": ("x",), "words": ("x",)}, "name 'x' twice"),
    ],
)
def test_wrong_use(tmp_path: Path, change: dict, sentence: str) -> None:
    table = write_csv(tmp_path / "animals.csv", numbers(9))
    with pytest.raises(UsageError, match=sentence):
        run_command(quick(**{"table": table, "out": tmp_path / "run"} | change), silent)
    assert not (tmp_path / "run").exists()


def test_a_numeric_column_left_out_is_not_said_to_hold_no_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_csv(tmp_path / "animals.csv", numbers(20))
    run_command(quick(table, tmp_path / "run", columns=("x",)), silent)
    assert "not read, since they hold no numbers: note;" in capsys.readouterr().out
    rows = [row | {"z": "NA" if i == 4 else i} for i, row in enumerate(numbers(20))]
    run_command(quick(write_csv(tmp_path / "z.csv", rows), tmp_path / "z", epochs=1), silent)
    said = capsys.readouterr().out
    assert "column 'z' is not read as numbers, since row 6 holds 'NA'; leave" in said


def test_no_numeric_column(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "t.csv", [{"animal": "ant", "note": "a"}] * 3)
    with pytest.raises(UsageError, match=r"no numeric column apart from 'animal'.*--text"):
        run_command(quick(table, tmp_path / "run"), silent)


def test_predict_needs_a_finished_run_and_the_columns(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "animals.csv", numbers(30))
    run_command(quick(table, tmp_path / "run", epochs=1), silent)
    other = write_csv(tmp_path / "other.csv", [{"x": 1.0}])
    with pytest.raises(UsageError, match="has no column 'y'; it has 'x'"):
        run_command(Predict(tmp_path / "run", other), silent)
    with pytest.raises(UsageError, match="is no run folder"):
        run_command(Predict(tmp_path, table), silent)
    for k in (0, 4):
        with pytest.raises(UsageError, match=f"--topk must be from 1 to 3, .*, it was {k}"):
            run_command(Predict(tmp_path / "run", table, topk=k), silent)
    manifest = tmp_path / "run" / "manifest.json"
    whole = manifest.read_text()
    manifest.write_text(whole.replace('"x"', '"z"'))
    with pytest.raises(RunError, match=r"manifest\.json' is damaged"):
        run_command(Predict(tmp_path / "run", table), silent)
    stopped = json.loads(whole) | {"finished": False}
    del stopped["checksum"]
    manifest.write_text(json.dumps(stopped))
    with pytest.raises(RunError, match="did not finish"):
        run_command(Predict(tmp_path / "run", table), silent)


def test_predictions_never_replace_the_table_that_is_read(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "t.csv", numbers(9))
    before = table.read_bytes()
    with pytest.raises(UsageError, match="is the table that is read"):
        run_command(Predict(tmp_path / "run", table, tmp_path / "." / "t.csv"), silent)
    assert table.read_bytes() == before


@pytest.mark.parametrize(
    ("out", "sentence"),
    [("f.txt", "out must end in one of .csv"), ("no/f.csv", "must be in a folder that exists")],
)
def test_predictions_that_cannot_be_written_are_not_made(
    tmp_path: Path, out: str, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        run_command(Predict(tmp_path / "no run", tmp_path / "t.csv", tmp_path / out), silent)


def test_vectors_and_missing_values_are_learned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"at": [row["x"], row["y"]], "x": row["x"] if i % 5 else None, "animal": row["animal"]}
        for i, row in enumerate(numbers())
    ]
    table = tmp_path / "t.parquet"
    write_rows(table, rows)
    run_command(quick(table, tmp_path / "run"), silent)
    assert json.loads((tmp_path / "run" / "scores.json").read_text())["accuracy"] > 0.8
    listed = [row | {"at": json.dumps(row["at"])} for row in rows]
    capsys.readouterr()
    answers = []
    for same in (table, write_csv(tmp_path / "t.csv", listed)):
        run_command(Predict(tmp_path / "run", same), silent)
        answers.append(
            [json.loads(line)["predicted"] for line in capsys.readouterr().out.splitlines()]
        )
    assert answers[0] == answers[1]


def test_fit_calibrates_and_predict_rejects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_csv(tmp_path / "animals.csv", numbers(300))
    run_command(quick(table, tmp_path / "run", false_rejection=0.1), silent)
    assert "calibrated on 30 other held-out rows: temperature" in capsys.readouterr().out
    figures = json.loads((tmp_path / "run" / "scores.json").read_text())
    facts = figures["calibrated"]
    assert (figures["rows"], facts["rows"], facts["false_rejection"]) == (30, 30, 0.1)
    assert facts["rejected"] < 0.4
    page = (tmp_path / "run" / "report.html").read_text()
    assert "every one orthogonal to every other" in page and "split conformal" in page
    run_command(Predict(tmp_path / "run", table, tmp_path / "found.jsonl", reject=True), silent)
    found = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert {row["rejected"] for row in found} == {True, False}
    assert all(row["rejected"] == (row["score"] < facts["threshold"]) for row in found)


def test_too_few_rows_to_reject_by(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write_csv(tmp_path / "animals.csv", [*numbers(60), numbers(1)[0] | {"animal": "elk"}])
    run_command(quick(table, tmp_path / "run", epochs=1), silent)
    said = capsys.readouterr().out
    assert "no threshold for rejection and no temperature: too few" in said
    assert "1 of the 4 classes have no scored row" in said
    assert "1 of the 4 classes have no scored row" in (tmp_path / "run" / "report.html").read_text()
    with pytest.raises(UsageError, match="has no threshold to reject by: too few rows"):
        run_command(Predict(tmp_path / "run", table, reject=True), silent)
