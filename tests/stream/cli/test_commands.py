"""``growlabels stream run``: what it prints and writes, and how it refuses."""

import io
import json
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import tyro

from growlabels.base.errors import DataError, GrowLabelsError, RunError, UsageError
from growlabels.base.files import file_sha256
from growlabels.base.progress import silent
from growlabels.base.runs import RunFolder
from growlabels.cli import run_command
from growlabels.stream.cli.commands import COMMANDS, Model, StreamCompare, StreamInspect, StreamRun
from growlabels.stream.evaluate.peers import MODELS
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.aside import Aside
from growlabels.tables import MalformedRow


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(260, 3)).round(3)
    Y = (X[:, :2] > 0).astype(int)
    rows = [",".join(map(str, [*x, *y])) for x, y in zip(X.tolist(), Y.tolist(), strict=True)]
    path = tmp_path / "s.csv"
    path.write_text("\n".join(["a,b,c,tag_p,tag_q", *rows]) + "\n")
    return path


def run(*arguments):
    run_command(tyro.cli(StreamRun, args=list(map(str, arguments))), silent)


def test_the_commands_are_there():
    assert list(COMMANDS) == ["run", "compare", "serve", "predict", "inspect"]


def test_a_run_writes_everything_and_the_model_goes_on(table, tmp_path, capsys):
    out = tmp_path / "run"
    run(table, "--labels", "prefix:tag_", "--out", out)
    printed = capsys.readouterr().out
    assert "iHOMER" in printed and "majority set" in printed
    folder = RunFolder.read(out, "stream run")
    assert folder.finished
    scores = json.loads(folder.file("scores.json").read_text())["scores"]
    assert scores["iHOMER"]["n_rows"] == 260
    assert scores["iHOMER"]["micro_f1"] > scores["majority set"]["micro_f1"]
    curve = [json.loads(line) for line in folder.file("metrics.jsonl").read_text().splitlines()]
    other = [point for point in curve if point["model"] == "majority set"]
    curve = [point for point in curve if point["model"] == "iHOMER"]
    assert [p["row"] for p in curve] == [p["row"] for p in other] == [100, 200, 260]
    assert curve[-1]["total"]["micro_f1"] == scores["iHOMER"]["micro_f1"]
    hierarchy = json.loads(folder.file("hierarchy.json").read_text())
    assert sorted(hierarchy["labels"]) == ["tag_p", "tag_q"]
    model = IHOMER.load(folder.file("model.zip"))
    assert model.n_rows == 260
    assert model.predict_one({"a": 2.0, "b": -2.0, "c": 0.0}) == {"tag_p": True, "tag_q": False}
    assert folder.file("events.jsonl") and folder.file("malformed.jsonl").read_text() == ""
    assert "micro F1" in folder.file("report.html").read_text()


def compare(*arguments):
    run_command(tyro.cli(StreamCompare, args=list(map(str, arguments))), silent)


def test_the_command_line_knows_every_model():
    assert get_args(Model) == tuple(MODELS)


def test_several_models_on_one_stream_make_one_table(table, tmp_path, capsys):
    out = tmp_path / "run"
    compare(table, "--labels", "2", "--models", "majority, ihomer,br-logistic", "--out", out)
    printed = capsys.readouterr().out.splitlines()
    names = ["majority set", "iHOMER", "BR logistic (River)"]
    assert [line[:28].strip() for line in printed[1:4]] == names
    folder = RunFolder.read(out, "stream compare")
    scores = json.loads(folder.file("scores.json").read_text())["scores"]
    assert list(scores) == names and {s["n_rows"] for s in scores.values()} == {260}
    alone = tmp_path / "alone"
    run(table, "--labels", "2", "--model", "ihomer", "--out", alone)
    of_run = json.loads((alone / "scores.json").read_text())["scores"]["iHOMER"]
    figures = ("exact_match", "micro_f1", "macro_f1", "jaccard", "hamming")
    assert [of_run[name] for name in figures] == [scores["iHOMER"][name] for name in figures]
    page = folder.file("report.html").read_text()
    assert all(name in page for name in names)
    with pytest.raises(UsageError, match=r"models must be one of 'ihomer', .*, it was 'svm'"):
        compare(table, "--labels", "2", "--models", "ihomer,svm")


def test_precision_at_k_where_it_is_asked_for(table, tmp_path, capsys):
    out = tmp_path / "run"
    run(table, "--labels", "2", "--precision-at", "1, 2", "--out", out)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[7:] == ["P@1", "P@2", "rows", "rows/s"]
    scores = json.loads((out / "scores.json").read_text())["scores"]
    for line, figures in zip(lines[1:3], scores.values(), strict=True):
        told = [f"{figures[f'precision_at_{k}']:.3f}" for k in (1, 2)]
        assert line.split()[-4:-2] == told
    assert scores["iHOMER"]["precision_at_1"] > scores["majority set"]["precision_at_1"]
    page = (out / "report.html").read_text()
    assert "precision at 1 of iHOMER" in page and "precision at 2" in page
    run(table, "--labels", "2")
    assert "P@" not in capsys.readouterr().out
    for wrong in ("0", "1,x", "1,,3", ""):
        with pytest.raises(UsageError, match="precision-at must be whole numbers above 0"):
            run(table, "--labels", "2", "--precision-at", wrong)


def test_precision_at_k_is_left_blank_where_a_model_does_not_rank(table, tmp_path, capsys):
    pytest.importorskip("vowpalwabbit", reason="Vowpal Wabbit comes with the extra bench")
    asked = [table, "--labels", "2", "--precision-at", "1", "--out", tmp_path / "run"]
    compare(*asked, "--models", "vw,br-logistic")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[-3] == "–" and 0 < float(lines[2].split()[-3]) <= 1
    with pytest.raises(UsageError, match="Vowpal Wabbit does not rank labels"):
        compare(*asked[:-2], "--models", "vw")


def test_vowpal_wabbit_is_told_the_number_of_labels(table, tmp_path, capsys):
    pytest.importorskip("vowpalwabbit", reason="Vowpal Wabbit comes with the extra bench")
    compare(table, "--labels", "2", "--models", "vw,majority")
    path = tmp_path / "s.jsonl"
    path.write_text('{"x": {"a": 1}, "y": ["p", "q"]}\n' * 12)
    compare(path, "--models", "vw")
    assert "12" in capsys.readouterr().out
    with pytest.raises(UsageError, match="vw must know the number of labels before the first row"):
        compare("-", "--models", "vw")


def test_rows_from_standard_input(table, tmp_path, capsys, monkeypatch):
    def given(data):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    given(table.read_bytes())
    run("-", "--labels", "2", "--out", tmp_path / "live")
    run(table, "--labels", "2", "--out", tmp_path / "file")
    live, file = (
        json.loads((tmp_path / name / "scores.json").read_text())["scores"]["iHOMER"]
        for name in ("live", "file")
    )
    assert live["micro_f1"] == file["micro_f1"] and live["n_rows"] == 260
    assert "standard input" in (tmp_path / "live" / "report.html").read_text()
    given(b'{"x": {"a": 1}, "y": ["p"]}\nbad\n{"x": {"a": 1}, "y": []}\n')
    run("-", "--on-error", "skip", "--model", "majority", "--out", tmp_path / "bad")
    aside = tmp_path / "bad" / "malformed.jsonl"
    told = f"1 malformed row skipped, all in {aside}; the first, line 2: broken JSON"
    assert told in capsys.readouterr().out
    given(b"")
    with pytest.raises(DataError, match="standard input is empty"):
        run("-", "--model", "majority")
    with pytest.raises(UsageError, match="is no run folder"):  # a live run is never gone on with
        run("-", "--model", "majority", "--out", tmp_path / "live")


def test_late_labels(table, tmp_path, capsys):
    for delay in (0, 40):
        run(table, "--labels", "2", "--delay", delay, "--out", tmp_path / str(delay))
    now, late = (
        json.loads((tmp_path / name / "scores.json").read_text())["scores"]["iHOMER"]["micro_f1"]
        for name in ("0", "40")
    )
    assert late < now
    assert "labels 40 rows late" in (tmp_path / "40" / "report.html").read_text()
    with pytest.raises(UsageError, match="delay must be at least 0 rows, it was -1"):
        run(table, "--labels", "2", "--delay", "-1")


def test_a_model_can_be_looked_into(table, tmp_path, capsys):
    run(table, "--labels", "2", "--out", tmp_path / "run")
    capsys.readouterr()
    run_command(StreamInspect(tmp_path / "run"), silent)
    printed = capsys.readouterr().out
    assert printed.startswith("iHOMER after 260 rows, 2 labels") and "tag_p (" in printed
    run_command(StreamInspect(tmp_path / "run" / "model.zip"), silent)
    assert capsys.readouterr().out == printed
    compare(table, "--labels", "2", "--models", "ihomer,majority", "--out", tmp_path / "compared")
    capsys.readouterr()
    run_command(StreamInspect(tmp_path / "compared"), silent)
    assert capsys.readouterr().out == printed
    compare(table, "--labels", "2", "--models", "majority", "--out", tmp_path / "majority")
    with pytest.raises(RunError, match="contains no model: its first model is 'majority'"):
        run_command(StreamInspect(tmp_path / "majority"), silent)
    RunFolder.open(tmp_path / "other", "classes fit", {}, {})
    with pytest.raises(RunError, match="contains a run of 'classes fit', not of a stream"):
        run_command(StreamInspect(tmp_path / "other"), silent)
    with pytest.raises(UsageError, match="does not exist"):
        run_command(StreamInspect(tmp_path / "nothing"), silent)
    with pytest.raises(RunError, match="not a complete model file"):
        run_command(StreamInspect(table), silent)


def test_a_finished_run_is_not_run_again_and_other_settings_are_refused(table, tmp_path, capsys):
    arguments = table, "--labels", "2", "--model", "majority", "--out", tmp_path / "run"
    run(*arguments)
    capsys.readouterr()
    run(*arguments)
    assert "finished before" in capsys.readouterr().out
    with pytest.raises(RunError, match="other settings"):
        run(*arguments, "--shuffle")


@pytest.mark.parametrize("model", ["br-logistic", "majority"])
def test_other_models_run(table, model, tmp_path, capsys):
    run(table, "--labels", "2", "--model", model, "--out", tmp_path / "run")
    assert "260" in capsys.readouterr().out
    assert not (tmp_path / "run" / "model.zip").exists()


def test_json_rows_with_tags_that_arrive_late(tmp_path, capsys):
    rows = [{"x": {"a": i % 2}, "y": ["odd"] if i % 2 else []} for i in range(80)]
    rows += [{"x": {"a": i % 2, "n": 1}, "y": ["late"]} for i in range(80)]
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(path, "--out", tmp_path / "run")
    assert "160" in capsys.readouterr().out
    model = IHOMER.load(tmp_path / "run" / "model.zip")
    assert model.labels_ == ["odd", "late"]
    run(path, "--shuffle", "--seed", "3", "--model", "majority")


def test_bad_rows_stop_the_run_or_are_set_aside(table, tmp_path, capsys):
    lines = table.read_text().splitlines()
    lines[3] = "1,x,2,0,1"
    lines[5] = "1,2"
    table.write_text("\n".join(lines))
    out = tmp_path / "run"
    with pytest.raises(DataError, match=r"line 4: column 'b' must be a finite number, it was 'x'"):
        run(table, "--labels", "2", "--out", out)
    assert not out.exists()
    run(table, "--labels", "2", "--on-error", "skip", "--out", out)
    assert "2 malformed rows skipped, all in " in capsys.readouterr().out
    aside = (out / "malformed.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in aside] == [4, 6]
    assert "2 malformed rows skipped" in (out / "report.html").read_text()


def test_a_bad_row_of_a_file_keeps_what_was_learned_and_the_run_starts_again(tmp_path, capsys):
    path, out = tmp_path / "s.jsonl", tmp_path / "run"
    good = '{"x": {"a": 1}, "y": ["l"]}\n' * 30
    path.write_text(good + "[1]\n" + good)
    with pytest.raises(
        DataError, match=r"line 31: is a list, .* the 30 rows before are in '.*run'"
    ):
        run(path, "--out", out)
    folder = RunFolder.read(out, "stream run")
    assert not folder.finished and IHOMER.load(folder.file("model.zip")).n_rows == 30
    assert "ended early, after 30 rows: " in folder.file("report.html").read_text()
    with pytest.raises(DataError, match="line 1: feature 'y' must be"):  # fails before any row
        run(path, "--labels", "nolabel", "--out", out)
    run_command(StreamInspect(out), silent)  # what was kept is whole still
    assert "iHOMER after 30 rows" in capsys.readouterr().out
    with pytest.raises(DataError, match="the 30 rows before are in"):
        run(path, "--model", "majority", "--out", out)
    assert not any((out / name).exists() for name in ("model.zip", "hierarchy.json"))
    path.write_text(good * 2)
    run(path, "--out", out)
    folder = RunFolder.read(out, "stream run")
    assert folder.finished and IHOMER.load(folder.file("model.zip")).n_rows == 60


def test_the_inputs_of_a_run_are_those_it_began_with(table, tmp_path, capsys, monkeypatch):
    before = file_sha256(table)
    grow = lambda *asked: table.write_text(table.read_text() + "1,1,1,1,1\n")  # noqa: E731
    monkeypatch.setattr("growlabels.stream.cli.run._print", grow)
    run(table, "--labels", "2", "--model", "majority", "--out", tmp_path / "run")
    assert RunFolder.read(tmp_path / "run").inputs == {"rows": before}
    assert file_sha256(table) != before


def test_many_bad_rows_are_kept_on_disk(tmp_path):
    with Aside() as aside, (tmp_path / "all.jsonl").open("w") as file:
        for number in range(1, 4):
            aside(MalformedRow(number, "bad", "x" * 2**20))
        aside.copy(file)
    lines = (tmp_path / "all.jsonl").read_text().splitlines()
    assert aside.count == len(lines) == 3 and aside.first is not None and aside.first.number == 1
    assert json.loads(lines[2]) == {"number": 3, "reason": "bad", "raw": "x" * 2**20}


def test_half_letters_from_broken_text_are_written_as_escapes(tmp_path, capsys):
    path = tmp_path / "s.jsonl"
    path.write_text('{"x": {"a\\ud800": 1}, "y": ["l\\udfff"]}\n' * 12)
    run(path, "--out", tmp_path / "run")
    hierarchy = json.loads((tmp_path / "run" / "hierarchy.json").read_text())
    assert hierarchy["labels"] == ["l\udfff"]
    assert IHOMER.load(tmp_path / "run" / "model.zip").labels_ == ["l\udfff"]


@pytest.mark.parametrize("preset", ["ihomer", "paper"])
def test_a_run_goes_on_from_a_saved_model(tmp_path, capsys, preset):
    rng = np.random.default_rng(1)
    lines = []
    for row in range(900):
        first, second = (int(v) for v in rng.random(2) < 0.5)
        drifted = row >= 600  # both labels swap their features
        labels = (second, first) if drifted else (first, second)
        lines.append(f"{first},{second},{rng.random():.3f},{labels[0]},{labels[1]}\n")
    for name, part in (("all", lines), ("old", lines[:400]), ("new", lines[400:])):
        (tmp_path / f"{name}.csv").write_text("a,b,c,tag_p,tag_q\n" + "".join(part))
    chosen = ["--labels", "2", "--model", preset]
    run(tmp_path / "all.csv", *chosen, "--out", tmp_path / "whole")
    run(tmp_path / "old.csv", *chosen, "--out", tmp_path / "first")
    digest = file_sha256(tmp_path / "first" / "model.zip")
    go_on = [tmp_path / "new.csv", "--labels", "2", "--out", tmp_path / "second"]
    run(*go_on, "--start", tmp_path / "first")
    title = MODELS[preset][0]
    assert title in capsys.readouterr().out.rpartition("model")[2]
    assert file_sha256(tmp_path / "first" / "model.zip") == digest
    whole, second = (IHOMER.load(tmp_path / n / "model.zip") for n in ("whole", "second"))
    assert second.n_rows == whole.n_rows == 900 and second.events == whole.events
    X = pd.DataFrame(rng.random((20, 3)), columns=["a", "b", "c"])
    assert (second.predict_proba_many(X) == whole.predict_proba_many(X)).all()
    texts = (tmp_path / "second" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in texts]
    assert preset == "paper" or any(event["kind"] == "drift" for event in events)
    assert [e["row"] for e in events] == [e.row - 400 for e in whole.events if e.row > 400]
    report = (tmp_path / "second" / "report.html").read_text()
    assert "by a model that had learned 400 rows before" in report
    run(*go_on, "--start", tmp_path / "first" / "model.zip")
    assert "this run was finished before" in capsys.readouterr().out
    with pytest.raises(RunError, match="start"):
        run(*go_on, "--start", tmp_path / "whole")


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (["TABLE", "--labels", "2", "--start", "nothing"], UsageError, "saved model 'nothing'"),
        (["TABLE", "--labels", "2", "--start", "TABLE"], RunError, "not a complete model file"),
        (["TABLE", "--start", "TABLE", "--model", "majority"], UsageError, "omit one of the two"),
        (["nothing.csv"], UsageError, "'nothing.csv' does not exist"),
        (["TABLE"], UsageError, "pass --labels"),
        (["TABLE", "--labels", "nope"], UsageError, "no column 'nope'"),
        (
            ["TABLE", "--labels", "2", "--shuffle", "--seed", "-1"],
            UsageError,
            "seed must be at least",
        ),
        (["TABLE", "--labels", "2", "--out", "TABLE/sub/run"], UsageError, "is a file"),
        (["FOLDER", "--labels", "nope"], UsageError, "no column 'nope'"),
        (["TABLE", "--labels", "2", "--every", "0"], UsageError, "every must be at least 1"),
        (["TABLE", "--labels", "x.xml", "--out", "OUT"], UsageError, "label file 'x.xml'"),
    ],
)
def test_wrong_use_is_one_sentence(table, tmp_path, arguments, kind, message):
    places = {"TABLE": table, "OUT": tmp_path / "run", "FOLDER": tmp_path}
    places["TABLE/sub/run"] = table / "sub" / "run"
    with pytest.raises(kind, match=message) as caught:
        run(*[places.get(argument, argument) for argument in arguments])
    assert isinstance(caught.value, GrowLabelsError) and "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
