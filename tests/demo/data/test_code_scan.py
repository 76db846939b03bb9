"""The scan on a small made-up package: who owns a finding, who is clean."""

from pathlib import Path

import pytest
from made_up_code import MadeUpFile

from growlabels.base.progress import silent
from growlabels.demo.data import code_scan as scan
from growlabels.demo.data.code_files import LIBRARY, CodeFile, dependencies, installed_files

pytest.importorskip("bandit")

RISKY = """\
def outer(text):
    x = 1
    y = 2

    def inner(scope):
        z = 3
        return eval(text, scope)  # nosec

    return inner


def beside(a):
    b = a
    c = b
    return model.eval(c)


def many(a):
    exec(a)
    b = 1
    return exec(b, {})
"""
RELATED = """\
import json


def read(path):
    text = path.read_text()
    data = json.loads(text)
    return data["x"]


def short():
    return 1
"""


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, scan.FoundFunction]:
    files = []
    for name, text in (("risky.py", RISKY), ("related.py", RELATED), ("broken.py", "eval(\n(")):
        (tmp_path / name).write_text(text)
        files.append(MadeUpFile("made-up", str(tmp_path / name)))
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n" + RISKY.encode())
    files.append(MadeUpFile("made-up", str(tmp_path / "latin.py")))
    files.append(MadeUpFile("made-up", str(tmp_path / "gone.py")))
    monkeypatch.setattr(scan, "installed_files", lambda: files)
    monkeypatch.setattr(scan, "CodeFile", MadeUpFile)
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path / "cache"))
    return {function.name: function for function in scan.found_functions(5, silent)}


def test_a_finding_belongs_to_the_innermost_function(found: dict[str, scan.FoundFunction]) -> None:
    assert found["outer.inner"].findings == (7,)
    assert found["many"].findings == (19, 21)
    assert "outer" not in found, "it is neither risky itself nor clean"


def test_clean_functions_know_their_company(found: dict[str, scan.FoundFunction]) -> None:
    assert found["beside"].beside and not found["beside"].findings
    assert found["read"].related and not found["read"].beside
    assert "short" not in found


def test_digest_is_that_of_the_lines(found: dict[str, scan.FoundFunction]) -> None:
    lines = RISKY.splitlines()
    for name in ("many", "beside"):
        assert found[name].digest == scan.digest_of(lines, found[name].first, found[name].last)


def test_a_damaged_cache_is_made_again(
    found: dict[str, scan.FoundFunction], tmp_path: Path
) -> None:
    (cached,) = (tmp_path / "cache").glob("code-*.json")
    cached.write_text("{")
    assert {f.name for f in scan.found_functions(5, silent)} == set(found)
    assert cached.read_text().startswith("[")


def test_a_cache_that_cannot_be_written_is_done_without(
    found: dict[str, scan.FoundFunction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path / "file" / "below"))
    assert {f.name for f in scan.found_functions(5, silent)} == set(found)


def test_installed_files_are_source_of_the_library_and_of_dependencies() -> None:
    packages = dependencies()
    assert "numpy" in packages and "growlabels" not in packages
    files = list(installed_files())
    assert {file.package for file in files} <= {LIBRARY, *packages}
    assert CodeFile(LIBRARY, "timeit.py") in files
    assert not any({"tests", "_vendor"} & set(file.name.split("/")) for file in files)
    assert CodeFile(LIBRARY, "json/__init__.py").module == "json"
