"""``growlabels stream serve`` as a process: started, killed, started again, stopped."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

COMMAND = [sys.executable, "-m", "growlabels", "stream", "serve"]


class Served:
    """A service in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *arguments, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "GROWLABELS_TOKEN": "t"},
        )
        assert self.process.stdout is not None
        self.said = ""
        while (line := self.process.stdout.readline()) and "Ctrl-C" not in line:
            self.said += line
        found = re.search(r"http://127.0.0.1:(\d+)/\?token=t", self.said)
        assert found, self.said
        self.port = int(found[1])

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"Authorization": "Bearer t"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        code = self.process.wait(120)
        assert self.process.stdout is not None
        self.said += self.process.stdout.read()
        self.process.stdout.close()
        return code


@contextmanager
def served(*arguments: str) -> Iterator[Served]:
    service = Served(*arguments)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.end(signal.SIGKILL)


def refused(*arguments: str) -> str:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode in (1, 2) and done.stderr.startswith("growlabels: "), done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.slow
def test_what_was_accepted_survives_kill_and_a_second_service_is_refused(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    rows = [{"id": i, "x": {"a": float(i % 2)}, "y": ["odd"] if i % 2 else []} for i in range(300)]
    with served(run, "--new", "--checkpoint-every", "70") as service:
        assert service.ask("POST", "/learn", rows[:200])["accepted"] == 200
        assert "another run is at work in" in refused(run, "--port", "0")
        service.end(signal.SIGKILL)
    with served(run) as service:
        assert service.ask("POST", "/learn", rows[200:])["accepted"] == 100
        assert service.end(signal.SIGTERM) == 0
        assert "rows are in the checkpoint" in service.said
    more = tmp_path / "more.jsonl"
    more.write_text(json.dumps({"id": "late", "x": {"a": 1.0}, "y": ["odd"]}) + "\n")
    with served(run, "--source", str(more)) as service:
        assert re.search(r"continues from its checkpoint, \d+ rows learned", service.said)
        while service.ask("GET", "/model")["counts"]["rows"] < 301:
            pass
        found = service.ask("GET", "/model")
        assert found["counts"]["learned"] == found["rows"] == 301
        assert service.ask("POST", "/predict", {"x": {"a": 1.0}})["labels"] == ["odd"]
        assert service.end(signal.SIGINT) == 0
    lines = (tmp_path / "run" / "predictions.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["id"] for line in lines[:-1]) == list(range(300))


def test_a_wrong_start_gets_one_sentence(tmp_path: Path) -> None:
    assert "is not a run folder; pass the --out of a stream run" in refused(str(tmp_path / "no"))
    new = [str(tmp_path / "run"), "--new"]
    missing = refused(*new, "--source", str(tmp_path / "none.jsonl"))
    assert "none.jsonl' does not exist; check the path" in missing
    assert "must be an address such as kafka://" in refused(*new, "--source", "kafka://h:9/")
    assert "must be kafka://, redis://" in refused(*new, "--source", "amqp://h/q")
    assert "await-age must be a time" in refused(*new, "--await-age", "soon")
    assert "checkpoint-every must be a time" in refused(*new, "--checkpoint-every", "often")
