"""Tables as people have them: what is guessed, left out or refused is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import silent
from growlabels.classes.cli.commands import Evaluate, Fit, Predict
from growlabels.classes.cli.held_out import first_copies, hold_out
from growlabels.classes.inputs.frames import MixedRows
from growlabels.cli import run_command
from growlabels.tables import write_rows

FRUIT = ("red apple", "green pear", "blue plum")


def rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, count)
    x = 5 * np.eye(3)[y] + random.normal(size=(count, 3))
    return [
        {"a": round(float(a), 3), "b": round(float(b), 3), "label": int(k)}
        for (a, b, _), k in zip(x, y, strict=True)
    ]


def fruit(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"text": f"{FRUIT[i % 3]} {i}", "label": FRUIT[i % 3][-4:]} | more for i in range(count)
    ]


def saved(path: Path, table: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table))
    else:
        write_rows(path, table)
    return path


def fit(folder: Path, table: Path, **options: Any) -> Path:
    out = folder / f"run-{table.name}"
    run_command(Fit(table, out, "label", **({"epochs": 8} | options)), silent)
    return out


def predicted(folder: Path, run: Path, table: Path) -> list[dict[str, Any]]:
    out = folder / f"{run.name}-{table.name}.jsonl"
    run_command(Predict(run, table, out), silent)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_running_number_without_a_name_is_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ordered = sorted(rows(120), key=lambda row: row["label"])
    table = [{"": i} | row for i, row in enumerate(ordered)]
    run = fit(tmp_path, saved(tmp_path / "t.csv", table))
    assert "column '' is a running number without a name and is not read" in capsys.readouterr().out
    assert json.loads((run / "manifest.json").read_text())["config"]["columns"] == ["a", "b"]
    shuffled = [{"": -i} | row for i, row in enumerate(rows(60, 1))]
    found = predicted(tmp_path, run, saved(tmp_path / "new.csv", shuffled))
    assert (
        np.mean([p["predicted"] == str(r["label"]) for p, r in zip(found, shuffled, strict=True)])
        > 0.8
    )
    fit(tmp_path, saved(tmp_path / "named.csv", table), columns=("", "a"))
    assert "it is read as numbers, as --columns asks" in capsys.readouterr().out


def test_codes_with_leading_zeros_are_no_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = ("00123", "0123", "123")
    table = [{"code": codes[i % 3], "x": i, "label": "abc"[i % 3]} for i in range(60)]
    fit(tmp_path, saved(tmp_path / "t.csv", table))
    said = capsys.readouterr().out
    assert "column 'code' holds codes with leading zeros, such as '00123' and is not read" in said
    run = fit(tmp_path, saved(tmp_path / "w.csv", table), words=("code",), epochs=40)
    assert json.loads((run / "scores.json").read_text())["accuracy"] == 1.0
    run = fit(
        tmp_path,
        saved(
            tmp_path / "l.csv",
            [{"x": r["x"] % 3 + r["x"] / 1000, "label": r["code"]} for r in table],
        ),
    )
    found = predicted(tmp_path, run, tmp_path / "l.csv")
    assert {row["predicted"] for row in found} <= set(codes)


def test_copies_of_a_row_stay_on_one_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    noise = [
        {"a": float(a), "b": float(b), "label": int(k)}
        for a, b, k in zip(*random.normal(size=(2, 60)), random.integers(0, 3, 60), strict=True)
    ]
    run = fit(tmp_path, saved(tmp_path / "t.csv", noise * 5), epochs=30)
    assert "240 rows are copies of others" in capsys.readouterr().out
    assert json.loads((run / "scores.json").read_text())["accuracy"] < 0.7


@pytest.mark.parametrize("kind", ["texts", "numbers", "mixed"])
def test_rows_are_held_out_as_before_where_none_is_a_copy(kind: str) -> None:
    texts = [f"text {i}" for i in range(20)]
    numbers = np.arange(40.0).reshape(20, 2)
    given = {
        "texts": texts,
        "numbers": numbers,
        "mixed": MixedRows({"w": texts}, numbers, ("a", "b")),
    }
    labels = np.arange(20) % 2
    held, copies = hold_out(given[kind], labels, 0.3, 0)
    assert (held.sum(), copies) == (6, 0)
    assert first_copies(given[kind], labels).tolist() == list(range(20))
    assert first_copies(["x", "y", "x", "x"], np.array([0, 0, 0, 1])).tolist() == [0, 1, 0, 3]


@pytest.mark.parametrize("missing", [float("nan"), None])
def test_a_missing_label_is_refused_with_its_row(tmp_path: Path, missing: Any) -> None:
    table = rows(30)
    table[4]["label"] = missing
    with pytest.raises(DataError, match="row 5: column 'label' is empty"):
        fit(tmp_path, saved(tmp_path / "t.jsonl", table))


def test_whole_numbers_that_a_missing_cell_made_floats_stay_whole(tmp_path: Path) -> None:
    table = [row | {"label": float(row["label"])} for row in rows(60)]
    run = fit(tmp_path, saved(tmp_path / "t.jsonl", table))
    found = predicted(tmp_path, run, tmp_path / "t.jsonl")
    assert {type(row["predicted"]) for row in found} == {int}


def test_a_text_that_is_missing_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = fit(tmp_path, saved(tmp_path / "t.csv", fruit(60)), text="text")
    new = [{"text": "red apple 500"}, {"text": None}, {"text": "blue plum 501"}]
    found = predicted(tmp_path, run, saved(tmp_path / "new.jsonl", new))
    assert (found[0]["predicted"], found[2]["predicted"]) == ("pple", "plum")
    assert len(found) == 3
    assert "1 rows have no text in column 'text', the first is row 2" in capsys.readouterr().err
    broken = [*fruit(20), {"text": float("nan"), "label": "plum"}]
    with pytest.raises(DataError, match="row 21: column 'text' is empty"):
        fit(tmp_path, saved(tmp_path / "nan.jsonl", broken), text="text")


def test_a_missing_vector_is_the_mean_and_widths_do_not_swap(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    table = []
    for row in rows(60):
        at = [row["a"], row["b"], *random.normal(size=2)]
        table.append({"price": 1.0, "at": at, "label": row["label"]})
    run = fit(tmp_path, saved(tmp_path / "t.jsonl", table))
    alone = saved(tmp_path / "one.jsonl", [{"price": 2.0, "at": None}])
    both = saved(
        tmp_path / "two.jsonl", [{"price": 2.0, "at": None}, {"price": 2.0, "at": [3, 0, 0, 0]}]
    )
    assert predicted(tmp_path, run, alone)[0] == predicted(tmp_path, run, both)[0]
    swapped = saved(tmp_path / "swapped.jsonl", [{"price": [1.0, 2, 3], "at": [1.0, 2]}])
    with pytest.raises(DataError, match="row 1: column 'price' holds 3 numbers, the model was fit"):
        predicted(tmp_path, run, swapped)


def test_labels_of_files_are_compared_as_people_mean_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    table = rows(90)
    forms = {
        "t.csv": table,
        "t.parquet": table,
        "floats.csv": [row | {"label": f"{row['label']}.0"} for row in table],
        "floats.jsonl": [row | {"label": float(row["label"])} for row in table],
    }
    files = [saved(tmp_path / name, form) for name, form in forms.items()]
    for fitted in files:
        run = fit(tmp_path, fitted)
        capsys.readouterr()
        said = set()
        for other in files:
            predicted(tmp_path, run, other)
            said.add(capsys.readouterr().out.rpartition("accuracy by column 'label': ")[2].strip())
        assert len(said) == 1
        assert float(said.pop()) > 0.8
    words = saved(tmp_path / "words.csv", [row | {"label": "x"} for row in table])
    predicted(tmp_path, fit(tmp_path, saved(tmp_path / "i.parquet", table)), words)
    assert "no accuracy:" in capsys.readouterr().out


def test_names_of_a_dataset_and_rows_without_a_label(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    names = ["apple", "pear", "plum"]
    feature = {"label": {"names": names, "_type": "ClassLabel"}, "text": {"dtype": "string"}}
    about = {"huggingface": json.dumps({"info": {"features": feature}})}

    def write(path: Path, labels: list[int]) -> Path:
        texts = [f"{FRUIT[i % 3]} {i}" for i in range(len(labels))]
        columns = pa.table({"text": texts, "label": pa.array(labels, pa.int64())})
        pq.write_table(columns.replace_schema_metadata(about), path)
        return path

    labels = [-1 if i % 5 == 4 else i % 3 for i in range(75)]
    run = fit(tmp_path, write(tmp_path / "t.parquet", labels), text="text")
    assert "15 rows have no label in the dataset and are left out" in capsys.readouterr().out
    found = predicted(tmp_path, run, write(tmp_path / "new.parquet", [-1] * 6))
    assert [row["predicted"] for row in found] == names * 2
    run_command(Evaluate(run, tmp_path / "t.parquet", tmp_path / "eval"), silent)
    said = capsys.readouterr().out
    assert "60 rows scored" in said
    assert "this is the table that the model learned from" in said


def test_a_table_without_the_columns_of_the_fit_is_refused(tmp_path: Path) -> None:
    run = fit(tmp_path, saved(tmp_path / "t.csv", rows(40)))
    with pytest.raises(UsageError, match="has no column 'a'; it has 'c', 'd'"):
        predicted(tmp_path, run, saved(tmp_path / "new.csv", [{"c": 1, "d": 2}]))
