"""Lazy names: loaded on first use; a missing extra names the command."""

import sys

import pytest

from growlabels.base.errors import MissingExtraError
from growlabels.base.lazy import lazy_exports


def test_name_is_loaded_on_first_use() -> None:
    load, names = lazy_exports("growlabels.base", {"LabelMap": "labels"}, "stream")
    assert names() == ["LabelMap"]
    assert load("LabelMap").__name__ == "LabelMap"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        load("nothing")


def test_missing_extra_names_the_pip_command(tmp_path, monkeypatch) -> None:
    package = tmp_path / "needy"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "_x.py").write_text("import module_that_is_not_there.part\nX = 1\n")
    (package / "_y.py").write_text("import growlabels.module_that_is_not_there\nY = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    load, _ = lazy_exports("needy", {"X": "_x", "Y": "_y"}, "stream")
    with pytest.raises(MissingExtraError, match=r'pip install "growlabels\[stream\]"'):
        load("X")
    with pytest.raises(ModuleNotFoundError):  # a fault of our own is not blamed on an extra
        load("Y")
    sys.modules.pop("needy", None)
