"""The review: what is shown, the guard around the page, decisions, rescans, the filter."""

import http.client
import json
import signal
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from reviewed_scan import ROWS, SHOWN, TARGETS, make_scan, served

from growlabels.base.errors import UsageError
from growlabels.base.progress import silent
from growlabels.base.runs import RunFolder
from growlabels.cli import run_command
from growlabels.unsafe.cli.commands import UnsafeFilter, UnsafeScan
from growlabels.unsafe.cli.scanned import scanned, some_truth
from growlabels.unsafe.decide.decisions import DECISIONS, Decisions
from growlabels.unsafe.decide.review import Review, locate
from growlabels.unsafe.scores.calibrate import rejected_at
from growlabels.unsafe.scores.scanner import Scanner
from growlabels.unsafe.scores.score_table import ScoreTable


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_scan(tmp_path)


def review_of(run: Path) -> Review:
    folder, table, train = scanned(run, None)
    return Review(folder, table, train, SHOWN)


def test_flagged_rows_come_most_suspect_first_with_target_and_passage(run: Path) -> None:
    review = review_of(run)
    table = review.first
    assert review.numbers == [int(table.number[i]) for i in np.argsort(table.rank)[:5]]
    row = review.row(1)
    shown = row.response.before + row.response.carried + row.response.after
    assert (row.row.prompt, shown) == (ROWS[0]["prompt"], ROWS[0]["completion"])
    assert row.response.carried and row.target.response.startswith("eval(")
    assert [name for name, _, _ in row.scores] == list(table.methods)


def test_a_rescan_equals_a_scan_with_the_rejected_rows_as_targets(run: Path) -> None:
    review = review_of(run)
    before = (run / "scores.parquet").read_bytes()
    with pytest.raises(UsageError, match="no row has been rejected"):
        review.rescan()
    number = next(n for n in review.numbers if n > 4 or n == 2)
    review.decisions.add(review.row(number).row.id, "reject")
    assert review.rescan() == 1
    targets = [json.loads(line) for line in (run / "targets.jsonl").read_text().splitlines()]
    given = [{"prompt": t["prompt"], "completion": t["completion"]} for t in targets]
    fresh = Scanner(str(run.parent / "model")).fit(ROWS).score([*given, ROWS[number - 1]])
    np.testing.assert_array_equal(review.table.score, fresh.score)
    assert review.row(number).is_target and review.rescanned
    assert (run / "scores.parquet").read_bytes() == before
    again = review_of(run)
    assert again.rescanned and again.numbers == review.numbers
    for shown in again.numbers:
        assert again.row(shown).target_name.startswith(("target ", "row "))


def test_a_scan_with_other_targets_ends_what_a_rescan_said(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    review = review_of(run)
    review.decisions.add(review.row(1).row.id, "reject")
    review.rescan()
    assert review_of(run).rescanned
    others = run.parent / "others.jsonl"
    others.write_text("".join(json.dumps(row) + "\n" for row in (ROWS[-1], *TARGETS[:2])))
    run_command(
        UnsafeScan(
            run.parent / "train.jsonl", targets=others, model=str(run.parent / "model"), out=run
        ),
        silent,
    )
    assert "rescan" not in capsys.readouterr().out


def test_the_filter_follows_decisions_whatever_the_threshold(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="contains no decisions"):
        run_command(UnsafeFilter(run, decisions=True), silent)
    review = review_of(run)
    ids = review.first.row_id
    last, first = (int(np.argsort(review.first.rank)[place]) for place in (-1, 0))
    review.decisions.add(ids[last], "reject")
    review.decisions.add(ids[first], "accept")
    review.decisions.add(ids[int(np.argsort(review.first.rank)[1])], "unsure")
    run_command(UnsafeFilter(run, threshold="top:2", decisions=True), silent)
    assert "kept 10, rejected 2, malformed 0" in capsys.readouterr().out
    rejected = [json.loads(line) for line in (run / "reasons.jsonl").read_text().splitlines()]
    reasons = {record["row_id"]: record["reasons"] for record in rejected}
    assert set(reasons) == {ids[last], ids[int(np.argsort(review.first.rank)[1])]}
    assert "was rejected by a person" in reasons[ids[last]]


def test_a_decision_taken_back_after_a_rescan_rejects_no_row(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    review = review_of(run)
    review.decisions.add(review.row(1).row.id, "reject")
    review.rescan()
    review.decisions.add(review.row(1).row.id, "unsure")
    run_command(UnsafeFilter(run, threshold="top:0", decisions=True), silent)
    printed = capsys.readouterr().out
    assert "kept 12, rejected 0" in printed and "top:0 rejects 0 of 12 rows\n" in printed


def test_decisions_calibrate_a_threshold_of_the_review(tmp_path: Path) -> None:
    harm = [{"prompt": f"ask {i}", "completion": f"eval({i}) {i * 7}", "bad": 1} for i in range(12)]
    rows = [*harm, *({"prompt": f"say {i}", "completion": f"ok {i * 7}"} for i in range(48))]
    run = make_scan(tmp_path, rows)
    folder, table, train = scanned(run, None)
    with pytest.raises(UsageError, match="needs labels of at least 50 rows"):
        Review(folder, table, train, "precision:0.8")
    labels = some_truth(train, "bad")
    decisions = Decisions(run / DECISIONS)
    for row_id in (row_id for row_id in table.row_id if row_id not in labels):
        decisions.add(row_id, "accept")
    review = Review(folder, table, train, "precision:0.8", labels)
    truth = np.array([labels.get(row_id, 0) for row_id in table.row_id], float)
    assert review.threshold.rejected == rejected_at(0.8, table.score, truth) >= 12


def test_requests_without_token_or_with_another_host_are_refused(run: Path) -> None:
    with served(run) as (server, address):
        url = urlsplit(address)

        def ask(path: str, host: str = url.netloc, method: str = "GET") -> tuple[int, str, str]:
            connection = http.client.HTTPConnection("127.0.0.1", url.port or 0)
            connection.request(method, path, headers={"Host": host})
            answer = connection.getresponse()
            body = answer.read().decode()
            connection.close()
            return answer.status, body, answer.headers["Content-Security-Policy"]

        status, body, policy = ask(url.path)
        assert status == 200 and "may be disturbing" in body
        assert f"growlabels unsafe filter {run} --decisions --threshold {SHOWN}" in body
        assert "default-src 'none'" in policy
        wrong = "/" + "A" * (len(url.path) - 2) + "/"
        for path in ("/", "/row/1", wrong, wrong + "row/1", url.path[:-2] + "/", "/%C3%A9/"):
            assert ask(path)[0] == 403, path
            assert ask(path, method="POST")[0] == 403
        for host in ("evil.example", f"evil.example:{url.port}", "", "127.0.0.1.evil.example:80"):
            status, body, _ = ask(url.path + "row/1", host)
            assert status == 403 and "eval" not in body
        assert ask(url.path + "row/1/maybe", method="POST")[0] == 400
        assert ask(url.path + "row/99/accept", method="POST")[0] == 404
        assert ask(url.path + "row/1/accept")[0] == 405
        assert ask(url.path + "rescan", method="POST")[0] == 400
        for number in ("9" * 5000, "-1", "1.0", "%00"):
            assert ask(url.path + f"row/{number}")[0] == 404
            assert ask(url.path + f"row/{number}/reject", method="POST")[0] == 404
        assert not (run / "decisions.jsonl").exists()
        (run / "decisions.jsonl").write_text("no decision\n")
        for path, method in (("", "GET"), ("row/1/reject", "POST"), ("undo", "POST")):
            status, body, policy = ask(url.path + path, method=method)
            assert status == 500 and "line 1 is not a decision" in body and policy
        server.send_signal(signal.SIGINT)
        assert server.stderr
        assert server.stderr.read().startswith("growlabels: stopped"), "no traceback"
    assert (run / "decisions.jsonl").read_text() == "no decision\n"


def test_a_passage_that_is_not_in_the_response_marks_nothing() -> None:
    assert locate("plain", "\ufffd").carried == ""
    assert locate("plain", "").before == "plain"


def test_the_rescanned_table_is_in_the_manifest(run: Path) -> None:
    review = review_of(run)
    review.decisions.add(review.row(1).row.id, "reject")
    review.rescan()
    path = RunFolder.read(run).file("reviewed.parquet")
    assert ScoreTable.from_parquet(path).facts["reviewed_targets"] == [1]
