"""Check what the run folder of a stream contains and compares."""

import json
from dataclasses import fields
from pathlib import Path

from growlabels.base.errors import DataError
from growlabels.stream.cli.commands import StreamCompare, StreamRun
from growlabels.stream.cli.write import Outcome, folder_opener, source_name, write_folder
from growlabels.stream.evaluate.baselines import MajorityLabels
from growlabels.stream.evaluate.prequential import prequential
from growlabels.stream.rows.aside import Aside


def test_the_saved_settings_are_the_options(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,1\n")
    not_saved = {"file", "out", "start", "checkpoint_every", "model"}
    for options in (StreamRun(file), StreamCompare(file)):
        folder = folder_opener(options, tmp_path / options.kind, None)()
        names = {field.name for field in fields(options)} - not_saved | {"models"}
        assert set(folder.config) == names and folder.kind == options.kind
        assert folder.config["models"] == list(options.model_names)
        assert list(folder.inputs) == ["rows"]


def test_a_run_over_a_file_that_ended_early_is_not_finished(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,1\n")
    options, model = StreamRun(file, model="majority"), MajorityLabels()
    scores = {"majority set": prequential(model, [({}, {"a"})] * 3)}
    for reason in (DataError("line 4: broken"), None):
        folder = folder_opener(options, tmp_path / "run", None)()
        with Aside() as aside:
            write_folder(folder, options, Outcome(model, 0, scores, aside, reason))
        assert folder.finished == (reason is None)
        page = folder.file("report.html").read_text()
        assert ("ended early, after 3 rows: line 4: broken" in page) == (reason is not None)
    written = json.loads(folder.file("scores.json").read_text())["scores"]
    assert written["majority set"]["n_rows"] == 3


def test_standard_input_has_a_name():
    assert source_name(StreamRun(Path("-"))) == "standard input"
    assert source_name(StreamRun(Path("a/rows.csv"))) == "rows.csv"
