"""The jailbreak mixture: counts, no prompt in two parts, and the way out where it is absent."""

import os
from pathlib import Path

import pytest

from growlabels.base.errors import UsageError
from growlabels.demo.data.jailbreak import load_jailbreak_mixture

needs_mirror = pytest.mark.skipif(
    "GROWLABELS_DATA" not in os.environ, reason="GROWLABELS_DATA names no mirror"
)


@needs_mirror
def test_jailbreak_mixture() -> None:
    data = load_jailbreak_mixture(seed=0)
    kinds = [row.kind for row in data.train]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "unsafe": 30,
        "refusal": 60,
        "look-alike": 60,
        "ordinary": 140,
    }
    assert all(row.unsafe == (row.kind == "unsafe") for row in data.train)
    assert all(row.unsafe for row in (*data.targets, *data.held_out_unsafe))
    assert len(data.targets) == 12 and len(data.held_out_unsafe) == 30
    parts = [{row.prompt for row in part} for part in data]
    assert all(not a & b for i, a in enumerate(parts) for b in parts[:i])
    assert load_jailbreak_mixture(seed=0) == data != load_jailbreak_mixture(seed=1)
    with pytest.raises(UsageError, match="n_unsafe must be from 0 to"):
        load_jailbreak_mixture(n_unsafe=500)


@needs_mirror
def test_texts_are_not_printed() -> None:
    row = load_jailbreak_mixture(seed=0).targets[0]
    assert row.prompt not in repr(row) and row.completion not in repr(row)
    assert row.as_row() == {"prompt": row.prompt, "completion": row.completion}


def test_mixture_absent_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path))
    monkeypatch.delenv("GROWLABELS_DATA", raising=False)
    with pytest.raises(UsageError, match=r"^data set '\w+' is not on this machine .*download\("):
        load_jailbreak_mixture()
