"""The contract of the risky-call rows: on a made-up package, and on the code installed here."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_up_code import MadeUpFile, write_package

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import silent
from growlabels.demo.data import code_scan
from growlabels.demo.data import risky_calls as module
from growlabels.demo.data.code_files import CodeFile
from growlabels.demo.data.code_scan import FoundFunction, bandit_findings, found_functions
from growlabels.demo.data.code_windows import FEWEST_TOKENS, MOST_TOKENS, approximate_tokens
from growlabels.demo.data.risky_calls import CodeRow, RiskyCalls, load_risky_calls

pytest.importorskip("bandit")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> list[CodeFile]:
    return write_package(tmp_path_factory.mktemp("package"))


@pytest.fixture
def made_up(
    package: list[CodeFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The made-up package in place of what is installed."""
    monkeypatch.setattr(code_scan, "installed_files", lambda: package)
    monkeypatch.setattr(code_scan, "CodeFile", MadeUpFile)
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path / "cache"))


@pytest.fixture(params=["made up", "installed"])
def data(request: pytest.FixtureRequest) -> RiskyCalls:
    if request.param == "made up":
        request.getfixturevalue("made_up")
    return load_risky_calls(seed=0)


def path_of(row: CodeRow) -> Path:
    kind = MadeUpFile if row.package == "made-up" else CodeFile
    return kind(row.package, row.file).path


def every_row(data: RiskyCalls) -> list[CodeRow]:
    return [*data.train, *data.targets, *data.held_out_risky, *data.held_out_ordinary]


def files(rows: list[CodeRow]) -> set[tuple[str, str]]:
    return {(row.package, row.file) for row in rows}


@pytest.mark.usefixtures("made_up")
def test_counts() -> None:
    data = load_risky_calls(seed=0)
    assert not data.notes
    kinds = Counter(row.kind for row in data.train)
    assert kinds == {"risky": 30, "same file": 54, "related": 46, "ordinary": 170}
    assert all(row.risky == (row.kind == "risky") for row in every_row(data))
    groups = data.targets, data.held_out_risky, data.held_out_ordinary
    assert [len(rows) for rows in groups] == [10, 30, 30]


def test_labels_are_those_of_bandit_for_the_lines_of_the_window(data: RiskyCalls) -> None:
    rows = [row for row in every_row(data) if row.kind in ("risky", "same file")]
    rows += [row for row in data.train if row.kind == "related"][:10]
    places = {row: path_of(row) for row in rows}
    findings = bandit_findings(sorted(set(places.values())), silent)
    for row in rows:
        lines = findings.get(str(places[row]), ())
        assert row.risky == any(row.first <= line <= row.last for line in lines)


def test_files_are_disjoint(data: RiskyCalls) -> None:
    training = [row for row in data.train if row.risky]
    groups = [files(data.targets), files(training), files(data.held_out_risky)]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    assert not files(data.held_out_ordinary) & files(data.train)
    assert files([row for row in data.train if row.kind == "same file"]) <= groups[1]
    assert len(groups[0]) == len(data.targets)


def test_windows_have_the_right_size_and_are_all_different(data: RiskyCalls) -> None:
    rows = every_row(data)
    for row in rows:
        assert FEWEST_TOKENS <= approximate_tokens(row.completion) <= MOST_TOKENS
        assert row.prompt.startswith("Write the Python function `")
        assert row.as_row() == {"prompt": row.prompt, "completion": row.completion}
    assert len({"".join(row.completion.split()) for row in rows}) == len(rows)


@pytest.mark.usefixtures("made_up")
def test_clean_windows_start_inside_the_body_as_often_as_risky_ones() -> None:
    data = load_risky_calls(seed=0)
    risky = [*(r for r in data.train if r.risky), *data.targets, *data.held_out_risky]
    share = np.mean([row.inner for row in risky])
    assert 0.1 < share < 0.9
    for kind in ("same file", "related", "ordinary"):
        inner = np.mean([row.inner for row in data.train if row.kind == kind])
        assert abs(inner - share) < 0.05


def test_seed_decides(data: RiskyCalls) -> None:
    assert load_risky_calls(seed=0) == data
    assert load_risky_calls(seed=1).train != data.train


@pytest.mark.usefixtures("made_up")
def test_another_token_counter_is_obeyed() -> None:
    def letters(text: str) -> int:
        return len(text) // 10

    small = load_risky_calls(40, 4, 2, 2, seed=2, count_tokens=letters)
    assert len(small.train) == 40
    assert all(FEWEST_TOKENS <= letters(row.completion) <= MOST_TOKENS for row in small.train)


@pytest.mark.usefixtures("made_up")
def test_changed_code_is_scanned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def stale(files: int, progress: object, again: bool) -> list[FoundFunction]:
        asked.append(again)
        found = found_functions(files, silent)
        if again:
            return found
        return [FoundFunction(**{**vars(f), "digest": "0" * 64}) for f in found]

    monkeypatch.setattr(module, "found_functions", stale)
    assert load_risky_calls(40, 4, 2, 2).train
    assert asked == [False, True]


@pytest.mark.usefixtures("made_up")
def test_few_risky_functions_shrink_the_counts_and_none_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = found_functions(120, silent)
    risky = [f for f in found if f.findings]
    clean = [f for f in found if not f.findings]
    monkeypatch.setattr(module, "found_functions", lambda *_: risky[:30] + clean)
    few = load_risky_calls()
    assert "asked for: 10, 30, 30; found in the code installed here: " in few.notes[0]
    assert (len(few.targets), sum(row.risky for row in few.train)) == (4, 12)
    assert len(few.train) == 300
    monkeypatch.setattr(module, "found_functions", lambda *_: clean)
    with pytest.raises(DataError, match="only 0 usable functions"):
        load_risky_calls()


@pytest.mark.parametrize(
    "wrong", [{"n_rows": 1}, {"n_risky": 0}, {"n_risky": 200}, {"n_targets": 0}, {"n_held_out": -1}]
)
def test_impossible_counts(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        load_risky_calls(**wrong)


def test_nothing_of_the_source_text_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = CodeFile("standard library", "timeit.py")
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(code_scan, "installed_files", lambda: [file])
    first = found_functions(120, silent)
    monkeypatch.setattr(code_scan, "_scan", lambda *_: pytest.fail("was cached"))
    assert found_functions(120, silent) == first
    assert any(function.findings for function in first)
    (cached,) = (tmp_path / "cache").iterdir()
    assert "exec(" not in cached.read_text()
