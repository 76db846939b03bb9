"""``stream predict``: two commands from a file of texts and tags to predictions, in its form."""

import json
from pathlib import Path

import pytest

from growlabels.base.errors import DataError
from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.stream import IHOMER, prequential
from growlabels.stream.cli.commands import StreamPredict, StreamRun
from growlabels.stream.files.read import read_stream

ROWS = [
    ("merge two data frames", ["pandas"]),
    ("ggplot axis labels", ["r"]),
    ("merge data in ggplot", ["pandas", "r"]),
] * 30
UNLABELLED = [{"title": "ggplots", "id": 1}, {"title": "merging frames", "id": 2}]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    table = tmp_path / "rows.csv"
    lines = [f"{title},{';'.join(tags)}" for title, tags in ROWS]
    table.write_text("\n".join(["title,tags", *lines]) + "\n", "utf-8")
    folder = tmp_path / "run"
    run_command(StreamRun(table, labels="tags", text="title", out=folder), silent)
    return folder


def test_unlabelled_rows_are_predicted_in_their_form(run: Path, tmp_path: Path) -> None:
    source = tmp_path / "new.jsonl"
    source.write_text("".join(json.dumps({"title": r["title"]}) + "\n" for r in UNLABELLED))
    run_command(StreamPredict(run, source, tmp_path / "out.jsonl"), silent)
    found = list(map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines()))
    assert [row["predicted"] for row in found] == [["r"], ["pandas"]]
    assert [row["title"] for row in found] == [row["title"] for row in UNLABELLED]


def test_labelled_csv_comes_back_with_two_more_columns(run: Path, tmp_path: Path) -> None:
    run_command(StreamPredict(run, tmp_path / "rows.csv", tmp_path / "out.csv", top=2), silent)
    first, second = (tmp_path / "out.csv").read_text("utf-8").splitlines()[:2]
    assert first == "title,tags,predicted,probability"
    assert second.startswith("merge two data frames,pandas,pandas;r,")


def test_a_bad_cell_is_said_with_its_line(tmp_path: Path, capsys) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("a,t\n" + "1,1\n2,0\n" * 20)
    run_command(StreamRun(table, labels="t", out=tmp_path / "run"), silent)
    source = tmp_path / "new.csv"
    source.write_text("a,place\ntwo,here\n1,there\n")
    with pytest.raises(DataError, match=r"new.csv line 2: column 'a' .*'two'"):
        run_command(StreamPredict(tmp_path / "run", source, tmp_path / "out.csv"), silent)
    assert not (tmp_path / "out.csv").exists()
    skip = StreamPredict(tmp_path / "run", source, tmp_path / "out.csv", on_error="skip")
    run_command(skip, silent)
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == ["1,there,t"]
    told = capsys.readouterr().err
    assert "not used, since the model has no such feature: 'place'" in told
    assert "1 malformed rows left out; the first, new.csv line 2: column 'a'" in told


def test_labels_that_are_not_known_are_neither_scored_nor_learned(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    known = [{"a": i % 2, "b": 1, "tags": ["odd"] if i % 2 else []} for i in range(40)]
    later = [{"a": 1, "b": 1, "tags": None}, {"a": 0, "b": 1}]
    mixed = [row for pair in zip(known, later * 20, strict=True) for row in pair]
    path.write_text("".join(json.dumps(row) + "\n" for row in mixed))
    model, alone = IHOMER(), IHOMER()
    scores = prequential(model, read_stream(path, "tags"))
    assert (scores.n_rows, scores.n_unlabelled) == (40, 40)
    path.write_text("".join(json.dumps(row) + "\n" for row in known))
    wanted = prequential(alone, read_stream(path, "tags"))
    assert scores.metrics.as_dict() == wanted.metrics.as_dict()
    asked = {"a": 1.0, "b": 1.0}
    assert model.predict_proba_one(asked) == alone.predict_proba_one(asked)


def test_empty_cells_of_columns_of_0_and_1_are_not_known(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,hot,cold\n1,1,0\n0,,\n0,,1\n")
    assert list(read_stream(path, "hot,cold")) == [
        ({"a": 1.0}, {"hot": True, "cold": False}),
        ({"a": 0.0}, None),
        ({"a": 0.0}, {"hot": None, "cold": True}),
    ]
    scores = prequential(IHOMER(), read_stream(path, "hot,cold"))
    assert (scores.n_rows, scores.n_unlabelled, scores.n_partly_labelled) == (2, 1, 1)
