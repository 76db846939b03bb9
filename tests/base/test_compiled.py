import importlib
from pathlib import Path

import pytest


def test_code_of_another_file_that_changed_is_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner, outer = tmp_path / "inner_part.py", tmp_path / "outer_part.py"
    outer.write_text(
        "from pathlib import Path\n"
        "import inner_part\n"
        "from growlabels.base.compiled import compiler\n"
        "def part(x):\n    return inner_part.times(x)\n"
        "def make():\n"
        "    return compiler([Path(inner_part.__file__), Path(__file__)])()(part)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    found = []
    for factor in (2, 2, 3, 3):
        inner.write_text(f"import numba\n@numba.njit\ndef times(x):\n    return {factor} * x\n")
        for name in ("inner_part", "outer_part"):
            importlib.sys.modules.pop(name, None)  # type: ignore[attr-defined]
        importlib.invalidate_caches()
        function = importlib.import_module("outer_part").make()
        found.append((function(7), sum(function.stats.cache_hits.values())))
    assert found == [(14, 0), (14, 1), (21, 0), (21, 1)]
