"""Targets chosen from the suspect rows."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.tables import write_rows
from growlabels.unsafe.cli.commands import UnsafeTargets
from growlabels.unsafe.cli.targets import read_prompts
from growlabels.unsafe.decide.choose_targets import choose_targets
from growlabels.unsafe.moderate.moderator import Verdict
from growlabels.unsafe.rows.examples import Example


def rows(texts: list[str]) -> list[Example]:
    return [Example(str(i), i + 1, "do", text, {}) for i, text in enumerate(texts)]


def test_the_surest_and_most_different_come_first() -> None:
    texts = ["alpha beta", "alpha beta", "gamma delta", "alpha beta gamma", "omega psi", "none"]
    sure = [0.99, 0.98, 0.97, 0.96, 0.85, 0.2]
    choice = choose_targets(rows(texts), [Verdict(p) for p in sure], least=3, most=3)
    assert choice.places == (0, 2, 4) and choice.confident == 5


def test_the_smallest_size_that_is_as_good_wins() -> None:
    texts = [f"call danger number{i}" for i in range(12)] + [f"quiet plain{i}" for i in range(30)]
    verdicts = [Verdict(0.9)] * 12 + [Verdict(0.1)] * 30
    choice = choose_targets(rows(texts), verdicts)
    assert len(choice.places) == 8 and choice.auc == 1 and choice.warnings == ()


def test_few_odd_and_unjudged_rows_are_said() -> None:
    texts = ["alpha one", "beta two", "gamma three"] + [f"alpha{i} beta two" for i in range(9)]
    verdicts = [Verdict(0.9)] * 3 + [Verdict(0.0)] * 8 + [Verdict(None, "silent")]
    choice = choose_targets(rows(texts), verdicts)
    assert choice.unjudged == 1
    assert [w.split()[0] for w in choice.warnings] == ["Only", "The", "1"]


def test_a_moderator_that_judges_nothing() -> None:
    with pytest.raises(DataError, match=r"could judge none of 2 rows \(the first: no JSON\)"):
        choose_targets(rows(["alpha", "beta"]), [Verdict(None, "no JSON")] * 2)


def test_targets_of_unknown_worth_are_said() -> None:
    alone = choose_targets(rows(["alpha", "beta"]), [Verdict(0.9), Verdict(0.1)], least=1, most=1)
    assert alone.auc != alone.auc and "there is only one target" in alone.warnings[0]
    every = choose_targets(rows(["alpha", "beta"]), [Verdict(0.9)] * 2, least=2, most=2)
    assert every.auc != every.auc and "every row qualifies" in every.warnings[0]


def test_a_size_of_unknown_worth_does_not_win() -> None:
    texts = ["call danger", "call danger now", "call danger soon", "quiet", "plain"]
    verdicts = [Verdict(0.9)] * 3 + [Verdict(0.1)] * 2
    choice = choose_targets(rows(texts), verdicts, least=1, most=3)
    assert len(choice.places) == 2 and choice.auc == 1


def test_no_sure_row() -> None:
    verdicts = [Verdict(0.7), Verdict(None, "silent")]
    with pytest.raises(DataError, match=r"of 2 rows .* highest is 0\.70, and 1 rows could not"):
        choose_targets(rows(["a", "b"]), verdicts)


@pytest.mark.parametrize("wrong", [{"least": 0}, {"least": 13}, {"confidence": 0.0}])
def test_wrong_use(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be"):
        choose_targets(rows(["a"]), [Verdict(1.0)], **wrong)  # type: ignore[arg-type]


@given(
    st.lists(
        st.tuples(st.text("ab c", max_size=9), st.none() | st.floats(0, 1)), min_size=1, max_size=20
    )
)
def test_chosen_rows_are_sure_different_and_never_too_many(found: list) -> None:
    verdicts = [Verdict(p, "" if p is not None else "silent") for _, p in found]
    texts = [f"{text}." for text, _ in found]
    sure = [i for i, (_, p) in enumerate(found) if p is not None and p >= 0.8]
    if not sure:
        with pytest.raises(DataError):
            choose_targets(rows(texts), verdicts)
        return
    places = choose_targets(rows(texts), verdicts, least=2, most=4).places
    assert set(places) <= set(sure) and 1 <= len(set(places)) == len(places) <= 4
    assert verdicts[places[0]].probability == max(verdicts[i].probability for i in sure)  # type: ignore[type-var]


def test_the_command_with_keywords(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = [{"prompt": f"q{i}", "completion": f"eval(name{i})" if i < 9 else f"sum{i}"}
            for i in range(30)]  # fmt: skip
    write_rows(tmp_path / "train.jsonl", data)
    (tmp_path / "words.txt").write_text("eval\n")
    out = tmp_path / "targets.jsonl"
    words = f"keywords:{tmp_path / 'words.txt'}"
    run_command(UnsafeTargets(tmp_path / "train.jsonl", out, moderator=words), silent)
    chosen = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(chosen) == 8 and all(row in data[:9] for row in chosen)
    assert "flags 9 of 30 rows" in capsys.readouterr().out
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").touch()
    bad = {
        "folder": ({"out": tmp_path / "folder.jsonl"}, "out must be"),
        "itself": ({"out": tmp_path / "run" / ".." / "train.jsonl"}, "is the file of the rows"),
        "run": ({"out": tmp_path / "run" / "x.jsonl"}, "inside a run folder"),
        "moderator": ({"moderator": None}, "give --moderator"),
        "rows": ({"rows": tmp_path / "none.jsonl"}, "does not exist"),
        "out": ({"out": tmp_path / "x.txt"}, "out must be"),
        "adapter": ({"adapter": tmp_path}, "needs --model"),
        "words": ({"moderator": "keywords:nowhere"}, "keywords file 'nowhere'"),
    }
    for fields, message in bad.values():
        command = {"rows": tmp_path / "train.jsonl", "out": out, "moderator": words, **fields}
        with pytest.raises(UsageError, match=message):
            run_command(UnsafeTargets(**command), silent)  # type: ignore[arg-type]
    (tmp_path / "train.jsonl").write_text('{"prompt": "a"}\n')
    with pytest.raises(DataError, match=r"no usable row, 1 malformed \(the first, row 1: .*; give"):
        run_command(UnsafeTargets(tmp_path / "train.jsonl", out, moderator="guard:nowhere"), silent)
    (tmp_path / "train.jsonl").write_text("")
    with pytest.raises(DataError, match=r"train.jsonl holds no prompt"):
        run_command(
            UnsafeTargets(tmp_path / "train.jsonl", out, "guard:nowhere", "nowhere"), silent
        )


def test_prompts_of_every_shape(tmp_path: Path) -> None:
    found = read_prompts(
        [
            {"prompt": "a"},
            {"instruction": "b"},
            {"messages": [{"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]},
        ]
    )
    assert found == ["a", "b", "c"]
    with pytest.raises(DataError, match="prompts row 2 has no text"):
        read_prompts([{"prompt": "a"}, {"text": "b"}])
    with pytest.raises(DataError, match="holds no prompt"):
        read_prompts([])
