"""Find the model of a run folder."""

import pytest

from growlabels.base.errors import RunError
from growlabels.base.runs import RunFolder
from growlabels.stream.cli.saved import model_file


def test_a_file_is_its_own_model_and_a_folder_must_contain_one(tmp_path):
    file = tmp_path / "model.zip"
    assert model_file(file) == file
    RunFolder.open(tmp_path / "run", "stream run", {"models": ["majority"]}, {})
    with pytest.raises(RunError, match="contains no model: its first model is 'majority'"):
        model_file(tmp_path / "run")
    RunFolder.open(tmp_path / "other", "unsafe scan", {}, {})
    with pytest.raises(RunError, match="contains a run of 'unsafe scan', not of a stream"):
        model_file(tmp_path / "other")
