"""The endpoint moderator against a real HTTP server on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from growlabels.base.errors import RunError, UsageError
from growlabels.cli import run_command
from growlabels.tables import write_rows
from growlabels.unsafe.cli.commands import UnsafeTargets
from growlabels.unsafe.moderate.endpoint import Endpoint, seconds_to_wait, shown
from growlabels.unsafe.rows.examples import Example

KEY = "sk-never-to-be-seen"
ROWS = [Example(f"row{i}", i, f"question {i}", f"answer {i}", {}) for i in range(8)]


class Server:
    """Answers from a list: (status, headers, body); the last one stands for all that follow."""

    def __init__(self, answers: list[tuple[int, dict[str, str], bytes]]) -> None:
        self.answers, self.seen = answers, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.seen.append({"path": self.path, "headers": headers, "body": json.loads(body)})
                answers = outer.answers
                status, extra, content = answers.pop(0) if len(answers) > 1 else answers[0]
                if status == 0:  # hang up without a word
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Server]]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made: list[Server] = []
    yield made
    for server in made:
        server.http.shutdown()
        server.http.server_close()


def scores(value: object) -> bytes:
    return json.dumps({"results": [{"category_scores": {"violence": value, "hate": 0.0}}]}).encode()


def says(text: object) -> bytes:
    return json.dumps({"choices": [{"message": {"content": text}}]}).encode()


def started(servers: list[Server], *answers: tuple[int, dict[str, str], bytes]) -> Server:
    servers.append(Server(list(answers)))
    return servers[-1]


def moderation(server: Server, tmp_path: Path, waits: list[float] | None = None, **more: Any):
    waits = [] if waits is None else waits
    return Endpoint(
        f"{server.url}/moderations", cache=tmp_path / "cache", sleep=waits.append, **more
    )


def chat(server: Server, tmp_path: Path, **more: Any) -> Endpoint:
    url = f"{server.url}/chat/completions"
    return Endpoint(url, "judge", cache=tmp_path / "cache", sleep=lambda s: None, **more)


def test_moderation_scores_and_the_cache(servers: list[Server], tmp_path: Path) -> None:
    server = started(servers, (200, {}, scores(0.25)), (200, {}, scores(0.75)))
    endpoint = moderation(server, tmp_path, key=KEY)
    assert [v.probability for v in endpoint(ROWS[:2])] == [0.25, 0.75]
    assert server.seen[0]["headers"]["authorization"] == f"Bearer {KEY}"
    assert "question 0" in server.seen[0]["body"]["input"]
    again = moderation(server, tmp_path)  # another object, as after a kill
    assert [v.probability for v in again(ROWS[:2])] == [0.25, 0.75]
    assert again.requests == 0 and len(server.seen) == 2
    kept = [f for f in (tmp_path / "cache").rglob("*") if f.is_file()]
    assert len(kept) == 2
    assert not any(KEY in f.read_text() or "question" in f.read_text() for f in kept)
    kept[0].write_bytes(b"{half")
    assert moderation(server, tmp_path)(ROWS[:2])[0].probability in (0.25, 0.75)
    assert len(server.seen) == 3
    assert KEY not in repr(endpoint)


def test_flagged_alone_is_enough(servers: list[Server], tmp_path: Path) -> None:
    server = started(servers, (200, {}, b'{"results": [{"flagged": true}]}'))
    assert moderation(server, tmp_path)(ROWS[:1])[0].probability == 1


@pytest.mark.parametrize(
    ("text", "probability"),
    [("unsafe", 1), ("Safe.", 0), ("**UNSAFE**\nS1", 1), ("0.3", 0.3), (' "safe" ', 0)],
)
def test_chat_answers(text: str, probability: float, servers: list[Server], tmp_path: Path) -> None:
    server = started(servers, (200, {}, says(text)))
    assert chat(server, tmp_path)(ROWS[:1])[0].probability == probability
    assert server.seen[0]["body"]["model"] == "judge"
    assert server.seen[0]["body"]["messages"][1]["content"].endswith("answer 0")


def test_busy_then_failing_then_silent_then_fine(servers: list[Server], tmp_path: Path) -> None:
    server = started(
        servers,
        (429, {"Retry-After": "7"}, b""),
        (500, {}, b"oops"),
        (503, {"Retry-After": "900"}, b""),
        (0, {}, b""),
        (200, {}, scores(0.5)),
    )
    waits: list[float] = []
    endpoint = moderation(server, tmp_path, waits, longest_wait=30)
    assert endpoint(ROWS[:1])[0].probability == 0.5
    assert endpoint.requests == 5 and len(waits) == 4
    assert waits[0] == 7 and 1 <= waits[1] <= 1.25 and waits[2] == 30 and 4 <= waits[3] <= 5


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is empty"),
        (b"<html>busy</html>", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "holds no m"),
        (b"null", "holds no m"),
        (b'{"results": []}', "holds no m"),
        (b'{"choices": [{"message": {"content": null}}]}', "holds no moderation|is empty"),
        (b'{"choices": [{"message": {"content": "safe or unsafe?"}}]}', "holds no mod|both"),
        (b'{"choices": [{"message": {"content": "I will not say"}}]}', "holds no mod|neither"),
        (b'{"choices": [{"message": {"content": "7"}}]}', "holds no mod|not from 0 to 1"),
        (b'{"results": [{"category_scores": {"x": NaN}}]}', "not from 0 to 1|holds no message"),
        (b'{"results": [{"category_scores": {"x": "high"}}]}', "holds no m"),
    ],
)
def test_garbage_is_a_reason_and_no_probability(
    body: bytes, reason: str, servers: list[Server], tmp_path: Path
) -> None:
    import re

    server = started(servers, (200, {}, body))
    for endpoint in (moderation(server, tmp_path), chat(server, tmp_path)):
        verdict = endpoint(ROWS[:1])[0]
        assert verdict.probability is None and re.search(reason, verdict.reason)
    assert not (tmp_path / "cache").exists()


def test_the_budget_counts_repeated_requests(servers: list[Server], tmp_path: Path) -> None:
    server = started(servers, (500, {}, b""), (200, {}, scores(0.5)))
    endpoint = moderation(server, tmp_path, budget=3)
    found = endpoint(ROWS[:4])
    assert [v.probability for v in found] == [0.5, 0.5, None, None]
    assert "budget of 3 requests" in found[2].reason and len(server.seen) == 3


def test_an_endpoint_that_stays_silent_is_given_up(servers: list[Server], tmp_path: Path) -> None:
    server = started(servers, (200, {}, scores(0.5)), (500, {}, KEY.encode()))
    endpoint = moderation(server, tmp_path, tries=2, key=KEY)
    with pytest.raises(RunError, match="3 rows one after another, the last is row row3") as e:
        endpoint(ROWS)
    assert KEY not in str(e.value) and len(server.seen) == 7
    server.answers = [(200, {}, scores(0.75))]
    again = moderation(server, tmp_path)
    assert [v.probability for v in again(ROWS)] == [0.5] + [0.75] * 7
    assert again.requests == 7


@pytest.mark.parametrize("status", [301, 401, 403, 404])
def test_a_refusal_of_the_key_or_address_stops_at_once(
    status: int, servers: list[Server], tmp_path: Path
) -> None:
    server = started(servers, (status, {"Location": "http://127.0.0.1:1/"}, KEY.encode()))
    with pytest.raises(UsageError, match=f"answered {status}; check the address") as error:
        moderation(server, tmp_path, key=KEY)(ROWS)
    assert KEY not in str(error.value) and len(server.seen) == 1


def test_a_row_that_is_refused_does_not_stop_the_others(
    servers: list[Server], tmp_path: Path
) -> None:
    server = started(servers, (413, {}, b""), (200, {}, scores(0.5)))
    found = moderation(server, tmp_path)(ROWS[:2])
    assert "refused the row (answered 413)" in found[0].reason and found[1].probability == 0.5


def test_nobody_listens_and_too_slow(servers: list[Server], tmp_path: Path) -> None:
    server = started(servers, (200, {}, scores(0.5)))
    server.http.shutdown()
    slow = moderation(server, tmp_path, tries=1, timeout=0.05)(ROWS[:1])[0]
    assert "no answer within 0.05 seconds" in slow.reason
    server.http.server_close()
    gone = moderation(server, tmp_path, tries=1)(ROWS[:1])[0]
    assert "the connection failed" in gone.reason


def test_wrong_use() -> None:
    for url, message in [
        ("ftp://x/v1/moderations", "must start with http"),
        ("http://x/v1", "must end in /moderations"),
        (f"http://u:{KEY}@x/v1/moderations", "must not hold a key"),
        (f"http://x/v1/moderations?key={KEY}", "must not hold a key"),
        ("http://x/v1/chat/completions", "needs the name of a model"),
    ]:
        with pytest.raises(UsageError, match=message) as error:
            Endpoint(url)
        assert KEY not in str(error.value)
    for name, value in [("tries", 0), ("budget", -1), ("timeout", 0), ("longest_wait", -1)]:
        with pytest.raises(UsageError, match=name):
            Endpoint("http://x/moderations", **{name: value})
    assert KEY not in shown(f"http://u:{KEY}@x/v1?key={KEY}")
    with pytest.raises(UsageError, match="holds a line break"):
        Endpoint("http://x/moderations", key="a\nb")


@pytest.mark.parametrize("header", [None, "", "soon", "-3", "inf", "nan", "Mon, 99 Foo"])
def test_a_wait_that_cannot_be_read_is_none(header: str | None) -> None:
    assert seconds_to_wait(header) == 0


def test_a_wait_until_a_date() -> None:
    assert seconds_to_wait("Fri, 01 Jan 2999 00:00:00 GMT") > 1e9
    assert seconds_to_wait("Fri, 01 Jan 1999 00:00:00 GMT") == 0


def test_the_command_names_the_rows_that_were_not_judged(
    servers: list[Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GROWLABELS_API_KEY", KEY)
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path / "cache"))
    server = started(servers, (200, {}, b"garbage"), (200, {}, scores(0.9)))
    rows = [{"prompt": f"p {i}", "completion": f"word{i} other{i}"} for i in range(4)]
    write_rows(tmp_path / "train.jsonl", [*rows, {"prompt": "no answer"}])
    out = tmp_path / "targets.jsonl"
    run_command(
        UnsafeTargets(tmp_path / "train.jsonl", out, moderator=f"{server.url}/moderations"),
        lambda *a: None,
    )
    printed = capsys.readouterr().out
    assert "row 1 could not be judged: the endpoint's answer is not JSON" in printed
    assert "1 malformed rows" in printed and "Only 3 different rows qualify" in printed
    assert [json.loads(line) for line in out.read_text().splitlines()] == rows[1:]
    assert server.seen[0]["headers"]["authorization"] == f"Bearer {KEY}"
    everything = [f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()]
    assert not any(KEY.encode() in content for content in everything) and KEY not in printed
