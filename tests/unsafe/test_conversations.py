"""Conversations: every answer is scored as a row of its own, the row by its highest answer."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reviewed_scan import make_scan, served
from tests.unsafe.scores.test_scanner import rows, targets
from tiny_causal import tiny

from growlabels.base.errors import DataError, RunError
from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.tables import write_rows
from growlabels.unsafe import Scanner, ScoreTable, scorer_names
from growlabels.unsafe.cli import retrain
from growlabels.unsafe.cli.check import _sampled
from growlabels.unsafe.cli.commands import UnsafeFilter, UnsafeRetrain, UnsafeTargets
from growlabels.unsafe.cli.report import scan_section
from growlabels.unsafe.cli.scanned import scanned
from growlabels.unsafe.cli.targets import _print_unjudged
from growlabels.unsafe.decide.review import Review
from growlabels.unsafe.moderate.moderator import FromFunction, Verdict
from growlabels.unsafe.rows.examples import read_answers, read_examples
from growlabels.unsafe.scores.scan_table import RowAnswers
from growlabels.unsafe.scores.scorers import Moderation


def talks(sizes: tuple[int, ...] = (1, 3, 2, 1, 4, 9, 2)) -> list[dict[str, Any]]:
    """Conversations of so many answers, made of the rows of other tests; every third has harm."""
    said = iter(rows(sum(sizes), harm=(2, 8, 14)))
    made = []
    for size in sizes:
        turns = []
        for row in (next(said) for _ in range(size)):
            turns.append({"role": "user", "content": row["prompt"]})
            turns.append({"role": "assistant", "content": row["completion"]})
        made.append({"messages": turns})
    return made


def alone(conversations: list[dict[str, Any]]) -> tuple[list[dict[str, str]], np.ndarray]:
    """Each answer as a row of its own, and the place of the conversation that it is of."""
    answers = list(read_answers(conversations, pytest.fail))
    made = [{"prompt": answer.prompt, "completion": answer.response} for answer in answers]
    return made, np.array([answer.number - 1 for answer in answers])


def scanner(**settings: Any) -> Scanner:
    return Scanner(tiny(), **{"rows_per_shard": 4, **settings})


EVAL = Moderation(FromFunction(lambda prompt, response: "eval" in response), "keyword")


@pytest.fixture(scope="module")
def both() -> tuple[ScoreTable, ScoreTable, np.ndarray]:
    made, row = alone(talks())
    methods = [*scorer_names(), EVAL]
    together = scanner(methods=methods).fit(talks()).score(targets())
    return together, scanner(methods=methods).fit(made).score(targets()), row


def test_a_row_has_by_every_method_the_score_of_its_highest_answer(
    both: tuple[ScoreTable, ScoreTable, np.ndarray],
) -> None:
    table, twin, row = both
    assert table.number.tolist() == [*range(1, 8)] and len(twin) == 22
    for name, scores in twin.methods.items():
        highest = [scores[row == place].max() for place in range(7)]
        assert table.methods[name].tolist() == highest, name
    assert sorted(table.rank.tolist()) == [*range(1, 8)]


def test_window_and_nearest_target_are_those_of_the_highest_answer(
    both: tuple[ScoreTable, ScoreTable, np.ndarray],
) -> None:
    table, twin, row = both
    assert table.answers.tolist() == [1, 3, 2, 1, 4, 9, 2]
    assert any(1 < a < n for a, n in zip(table.answer, table.answers, strict=True))
    for place, found in enumerate(table):
        own = np.flatnonzero(row == place)
        best = twin.to_dicts()[own[found["answer"] - 1]]
        for column in ("score", "nearest_target", "window_start", "window_end", "window_text"):
            assert found[column] == best[column]
        assert best["score"] == twin.score[own].max()
    assert table.answer_of(0) == "" and table.answer_of(5) == f"answer {table.answer[5]} of 9"


def test_anchors_are_taken_away_answer_by_answer() -> None:
    made, row = alone(talks())
    safe = [{"prompt": "Say.", "completion": "sort join"}, {"prompt": "Do.", "completion": "open"}]
    table = scanner().fit(talks()).score(targets(), anchors=safe)
    twin = scanner().fit(made).score(targets(), anchors=safe)
    assert table.score.tolist() == [twin.score[row == place].max() for place in range(7)]


def test_a_conversation_longer_than_a_shard_lies_in_several(tmp_path: Path) -> None:
    fitted = scanner().fit(talks(), tmp_path / "run")
    table = fitted.score(targets())
    files = sorted(tmp_path.glob("run/features/*"))
    assert len(files) == 6, "22 answers, four a shard"
    files[2].unlink()
    files[3].write_bytes(b"cut short")
    again = scanner().fit(talks(), tmp_path / "run").score(targets())
    assert again.to_dicts() == table.to_dicts()


def test_a_store_of_last_answers_alone_is_refused(tmp_path: Path) -> None:
    fitted = scanner().fit(talks(), tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["config"]["answers"] == 22
    single = scanner().fit(rows(8), tmp_path / "single")
    assert "answers" not in single.run.config, "as it was before there were several"
    unread = [{"role": "user", "content": "q"}, {"role": "assistant", "content": None}]
    nulls = scanner().fit([*rows(8), {"messages": [*unread, *talks((1,))[0]["messages"]]}])
    assert nulls.run.config["answers"] == 9, "rows that were malformed before"
    fitted.run.config.pop("answers")
    fitted.run.finish()
    with pytest.raises(RunError, match="config 'answers' was None, is 22"):
        scanner().fit(talks(), tmp_path / "run")


def test_a_conversation_that_holds_a_target_is_scored_without_it_and_rejected() -> None:
    held = {"messages": [*talks((2,))[0]["messages"]]}
    held["messages"][1] = {"role": "assistant", "content": targets()[0]["completion"]}
    held["messages"][0] = {"role": "user", "content": targets()[0]["prompt"]}
    table = scanner().fit([*rows(8), held]).score(targets())
    assert table.is_target.tolist() == [False] * 8 + [True]
    assert any("also a target (row 9)" in warning for warning in table.warnings)
    assert table["tfidf"][8] < 0.9


def test_answers_without_tokens_are_no_answers() -> None:
    said = talks((3,))[0]["messages"]
    skipped = [*said[:2], said[2], {"role": "assistant", "content": " "}, *said[4:]]
    table = scanner().fit([*rows(8), {"messages": skipped}]).score(targets())
    assert table.answers.tolist() == [1] * 8 + [2]


def test_a_row_of_which_no_answer_has_tokens_is_named_before_retraining(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def encoded(model: Any, examples: list[Any], command: Any) -> list[str]:
        if "lost" in examples[0].response:
            raise DataError(f"the response of row {examples[0].number} has no tokens")
        return [examples[0].response]

    monkeypatch.setattr(retrain, "_encoded", encoded)
    pairs = [("user", "a"), ("assistant", "kept"), ("user", "b"), ("assistant", "lost")]
    talk = [{"role": role, "content": text} for role, text in pairs]
    read = list(read_examples([{"messages": talk}, {"messages": talk[:2]}], print))
    command: Any = None
    assert retrain._each_answer(tiny(), read, command) == (["kept", "kept"], [0, 1])
    lost = list(read_examples([{"messages": talk}, {"messages": talk[2:]}], print))
    with pytest.raises(DataError, match="row 2 has no tokens"):
        retrain._each_answer(tiny(), lost, command)


def test_targets_that_are_conversations_count_by_their_last_answer() -> None:
    fitted = scanner().fit(rows(8))
    found = fitted.score([*talks((2,)), *targets()])
    assert any("1 of the targets are conversations" in warning for warning in found.warnings)


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=8).flatmap(
        lambda counts: st.tuples(
            st.just(counts), arrays(float, sum(counts), elements=st.integers(-3, 3))
        )
    )
)
def test_rows_of_answers_one_row_at_a_time(drawn: tuple[list[int], np.ndarray]) -> None:
    counts, scores = drawn
    numbers = np.repeat(np.arange(len(counts)) * 2 + 1, counts)
    of_rows = RowAnswers(numbers)
    own = [np.flatnonzero(numbers == number) for number in np.unique(numbers)]
    assert of_rows.highest(scores).tolist() == [scores[part].max() for part in own]
    assert of_rows.best(scores).tolist() == [part[scores[part].argmax()] for part in own]
    assert of_rows.any(scores > 0).tolist() == [(scores[part] > 0).any() for part in own]
    assert of_rows.last(np.arange(len(scores))).tolist() == [part[-1] for part in own]


HARM = {"role": "assistant", "content": "eval(u) eval(w) eval(y)"}


def harmed(place: int) -> dict[str, Any]:
    """A conversation of three answers, one of them harmful at most."""
    turns = []
    for number, letter in enumerate("xyz"):
        answer = {"role": "assistant", "content": f"{letter * 7} {number} ok"}
        turns += [{"role": "user", "content": "t"}, HARM if number == place else answer]
    return {"messages": turns}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    plain = [
        {"prompt": f"say {c}", "completion": f"{c * 7} {i} ok"} for i, c in enumerate("abcdefgh")
    ]
    return make_scan(tmp_path, [*plain, harmed(0), harmed(1), harmed(9)])


def test_a_filter_writes_a_conversation_once_and_says_which_answer(run: Path) -> None:
    run_command(UnsafeFilter(run, threshold="top:2"), silent)
    kept, rejected, reasons = (
        [json.loads(line) for line in (run / name).read_text().splitlines()]
        for name in ("kept.jsonl", "rejected.jsonl", "reasons.jsonl")
    )
    assert len(kept) == 9 and rejected == [harmed(0), harmed(1)]
    assert [record["number"] for record in reasons] == [9, 10]
    for place, record in enumerate(reasons):
        assert (record["answer"], record["answers"]) == (place + 1, 3)
        assert any(f"of answer {place + 1} of 3 are nearest" in said for said in record["reasons"])


def test_retraining_leaves_rows_out_and_trains_on_every_answer(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alike = run.with_name("alike.jsonl")
    write_rows(alike, [{"prompt": "t", "completion": "xxxxxxx 0 ok"}])
    harm = run.with_name("harm.jsonl")
    write_rows(harm, [{"messages": [*harmed(9)["messages"], HARM]}])
    trained: set[int] = set()

    def see(stage: str, done: int, total: int | None = None) -> None:
        if stage == "retraining: filtered":
            trained.add(total or 0)

    command = UnsafeRetrain(
        run,
        held_out_unsafe=harm,
        held_out_ordinary=alike,
        model=str(run.with_name("model")),
        threshold="top:2",
        top_layers=2,
        random_arms=1,
    )
    run_command(command, see)
    printed = capsys.readouterr().out
    assert trained == {17}, "8 rows of one answer, 3 of three"
    assert "warning: 1 of 1 held-out ordinary rows are also training rows" in printed
    assert "warning: 1 of the held-out unsafe rows are conversations" in printed
    cells = [line.split() for line in printed.splitlines()]
    rows_of = {line[0]: line[1:3] for line in cells if line and line[0] in ("all", "filtered")}
    assert rows_of == {"all": ["11", "0"], "filtered": ["9", "2"]}


def test_a_moderator_judges_every_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path / "train.jsonl", [harmed(0), harmed(2), harmed(9)])
    (tmp_path / "words.txt").write_text("eval\n")
    words, out = f"keywords:{tmp_path / 'words.txt'}", tmp_path / "found.jsonl"
    run_command(UnsafeTargets(tmp_path / "train.jsonl", out, words, least=2, most=2), silent)
    assert "the moderator flags 2 of 9 answers in 3 rows with confidence" in capsys.readouterr().out
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert sorted(found, key=len) == [harmed(2), {"prompt": "t", "completion": HARM["content"]}]


def test_rows_that_could_not_be_judged_are_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    answers = list(read_answers([harmed(place) for place in range(5)], pytest.fail))
    _print_unjudged(answers, [Verdict(None, "too long")] * 15)
    named = [f"row {number} could not be judged: too long" for number in (1, 2, 3)]
    assert capsys.readouterr().out.splitlines() == [*named, "... and 2 more rows"]


def test_a_check_counts_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path / "train.jsonl", talks())
    encoded, count, what = _sampled(tiny(), tmp_path / "train.jsonl", "utf-8", 40, 48)
    assert (len(encoded), count, what) == (22, 22, "answers in 7 rows")
    monkeypatch.setattr("growlabels.unsafe.cli.check._SAMPLE", 3)
    encoded, count, _ = _sampled(tiny(), tmp_path / "train.jsonl", "utf-8", 40, 48)
    assert (len(encoded), count) == (3, 22), "a long conversation is not read whole"
    write_rows(tmp_path / "train.jsonl", rows(5))
    assert _sampled(tiny(), tmp_path / "train.jsonl", "utf-8", 40, 48)[1:] == (5, "rows")


def test_the_report_says_which_answer(run: Path) -> None:
    section = scan_section(ScoreTable.from_parquet(run / "scores.parquet"))
    assert "3 rows are conversations with more than one answer" in section.text[0]
    assert "Each of the 17 answers" in section.text[0]
    assert section.text[0].endswith("tends to score higher.")
    (top,) = [table for table in section.tables if table.title == "Highest-ranked rows"]
    assert sorted(str(row[4]).partition("of ")[2] for row in top.rows[:2]) == [
        f"answer {number} of 3" for number in (1, 2)
    ]


def test_the_review_shows_the_answer_and_takes_it_as_target(run: Path) -> None:
    folder, table, train = scanned(run, None)
    review = Review(folder, table, train, "top:3")
    row = review.row(10)
    shown = row.response.before + row.response.carried + row.response.after
    assert (row.answer, shown) == ("answer 2 of 3", HARM["content"])
    assert row.row.prompt == "user: t\n\nassistant: xxxxxxx 0 ok\n\nuser: t"
    review.decisions.add(row.row.id, "reject")
    assert review.rescan() == 1
    assert review.table.facts["reviewed_answers"] == [2]
    assert review.row(10).is_target
    review.decisions.add(review.row(9).row.id, "reject")
    assert review.rescan() == 2
    named = [
        review._target(number) for number in (len(review.targets) + 1, len(review.targets) + 2)
    ]
    assert {(name, target.response) for name, target in named} == {
        ("row 9, which you rejected", HARM["content"]),
        ("row 10, which you rejected", HARM["content"]),
    }


def test_a_rejection_that_was_undone_still_names_its_target(run: Path) -> None:
    folder, table, train = scanned(run, None)
    review = Review(folder, table, train, "top:9")
    low = review.numbers[-1]
    review.decisions.add(review.row(low).row.id, "reject")
    review.rescan()
    review.decisions.undo()
    again = Review(folder, table, train, "top:0")
    assert low not in again.numbers
    name, target = again._target(len(again.targets) + 1)
    assert (name, target.number) == (f"row {low}, which you rejected", low)


def test_the_page_shows_the_answer_that_has_the_score(run: Path) -> None:
    with served(run) as (_, address), urlopen(f"{address}row/10") as page:
        shown = page.read().decode()
    assert "The page shows answer 2 of 3, which has the highest score" in shown
    plain = re.sub(r"</?mark>", "", shown)
    assert HARM["content"] in plain and "zzzzzzz 2 ok" not in plain, "the last answer comes later"
