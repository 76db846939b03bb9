"""The service over real sockets: right answers, one sentence for each mistake, nothing lost."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_service import TOKEN, Client, running, wait_until
from saved_models import model_contents

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.inputs import Inputs


def made_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    rng, rows = random.Random(seed), []
    for _ in range(count):
        x = {"a": rng.random(), "b": rng.random()}
        rows.append({"x": x, "y": ["hi" if x["a"] > 0.5 else "lo"]})
    return rows


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with running(tmp_path / "run") as client:
        yield client


def test_rows_are_learned_and_predicted(client: Client, tmp_path: Path) -> None:
    rows, alone = made_rows(120), IHOMER()
    assert client.ask("POST", "/learn", rows[:100])[0] == 202
    for row in rows[100:]:
        assert client.ask("POST", "/learn", row)[1]["accepted"] == 1
    client.settle()
    for row in rows:
        alone.learn_one(row["x"], dict.fromkeys(row["y"], True))
    with client.service.turn.asking():
        same = model_contents(client.service.stream.model, tmp_path / "a")
    assert same == model_contents(alone, tmp_path / "b")
    x = {"a": 0.9, "b": 0.1}
    truth = [label for label, there in alone.predict_one(x).items() if there]
    assert client.ask("POST", "/predict", {"x": x}) == (200, {"labels": truth, "learned": 120})
    many = client.ask("POST", "/predict?top=1", [{"x": x}] * 40)[1]
    assert len(many) == 40 and many[0]["labels"] == truth
    assert many[0]["top"][0]["label"] == alone.predict_topk_one(x, 1)[0][0]


def test_labels_come_later_by_id(client: Client) -> None:
    status, answer = client.ask("POST", "/predict", {"id": 7, "x": {"a": 1.0}})
    assert (status, answer) == (200, {"id": 7, "labels": [], "learned": 0})
    client.ask("POST", "/learn", {"id": 7, "y": ["late"]})
    client.settle()
    assert client.ask("POST", "/predict", {"x": {"a": 1.0}})[1]["labels"] == ["late"]
    counts = client.ask("GET", "/model")[1]["counts"]
    assert (counts["rows"], counts["learned"], counts["malformed"]) == (2, 1, 0)


def test_a_model_of_texts_takes_rows_as_they_come(tmp_path: Path) -> None:
    inputs = Inputs(text=("title",), labels=("tags",))
    with running(tmp_path / "run", lambda: IHOMER(inputs=inputs)) as client:
        for _ in range(10):
            rows = [
                {"title": "merge two data frames", "tags": ["pandas"]},
                {"title": "ggplot axis labels", "tags": ["r"]},
                {"id": 1, "title": "not labelled yet", "tags": None},
            ]
            assert client.ask("POST", "/learn", rows)[0] == 202
        client.settle()
        assert client.ask("POST", "/predict", {"title": "ggplot legend"})[1]["labels"] == ["r"]
        counts = client.ask("GET", "/model")[1]["counts"]
        assert (counts["learned"], counts["malformed"], counts["repeated"]) == (20, 0, 9)
        status, answer = client.ask("POST", "/predict", {"title": 5})
        assert status == 422 and "text 'title' must be a string" in answer["error"]
        assert client.ask("GET", "/why/30")[1]["labels"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "the body is not JSON ("),
        (b"\xff", "the body is not JSON ("),
        (b"[" * 100_000, "the body is not JSON ("),
        ([], "the list of rows is empty; send at least one row."),
        ([1], "the row: must be an object, it was int."),
        ({"z": 1}, "the row: has the unknown key 'z'; a row has the keys 'x', 'y' and 'id'."),
        ([{"x": {}}, {"x": {"a": "w"}}], "row 1 (counting from 0): feature 'a' must be a finite"),
        (b'{"x": {"a": NaN}}', "the row: feature 'a' must be a finite number, it was nan"),
        ({"x": {"a": 1}, "y": "r"}, "the row: 'y' must be a list of labels or an object"),
        ([{"x": {}}] * 10_001, "the request has 10,001 rows; send at most 10,000 at a time."),
    ],
)
def test_a_wrong_body_gets_one_sentence(client: Client, body: Any, sentence: str) -> None:
    status, answer = client.ask("POST", "/learn", body)
    assert status == 422 and answer["error"].startswith(sentence), answer
    assert client.service.journal.waiting == 0
    assert client.ask("GET", "/model")[1]["counts"]["rows"] == 0


def test_other_mistakes_get_one_sentence(client: Client) -> None:
    status, answer = client.ask("GET", "/nowhere")
    assert status == 404 and answer["error"].startswith("There is nothing at '/nowhere'; try /, ")
    assert client.ask("GET", "/learn") == (405, {"error": "/learn takes another method than GET."})
    status, answer = client.ask("POST", "/predict", {"id": 1, "y": []})
    assert status == 422 and "has no key 'x' with the features" in answer["error"]
    status, answer = client.ask("POST", "/predict?top=many", {"x": {}})
    assert status == 422 and answer["error"].startswith("top must be a whole number up to 1000")
    assert client.ask("GET", "/why/99")[0] == 404


def test_a_body_of_50_mb_is_refused(client: Client) -> None:
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        other = client.another()
        given = {"Authorization": f"Bearer {TOKEN}", **headers}
        body = b" " * 50_000_000 if not headers else None
        if headers:  # without a declared length
            other._connection.request(
                "POST", "/learn", (b" " * 500_000 for _ in range(20)), given, encode_chunked=True
            )
            status = other._connection.getresponse().status
        else:
            try:
                status = other.ask("POST", "/learn", body, given)[0]
            except (BrokenPipeError, ConnectionResetError):
                status = 413  # it was refused before the body was read
        assert status == 413


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer other"},
        {"Authorization": f"Bearer {TOKEN}", "Host": "example.org"},
        {"Authorization": f"Bearer {TOKEN}", "Origin": "http://example.org"},
        {"Authorization": f"Bearer {TOKEN}", "Origin": "null"},
        {"Cookie": "growlabels-1=the-secret"},
    ],
)
def test_requests_without_the_token_or_from_elsewhere_are_refused(
    client: Client, headers: dict[str, str]
) -> None:
    for method, path in (("GET", "/healthz"), ("GET", "/"), ("POST", "/learn"), ("GET", "/x")):
        status, answer = client.ask(method, path, {"x": {}} if method == "POST" else None, headers)
        assert status == 403 and set(answer) == {"error"}
    assert client.ask("GET", "/model")[1]["counts"]["rows"] == 0


def test_it_tells_its_figures(client: Client) -> None:
    client.ask("POST", "/learn", made_rows(60))
    client.settle()
    client.ask("POST", "/predict", {"x": {"a": 1.0}})
    text = client.ask("GET", "/metrics")[1]
    assert 'growlabels_rows_total{outcome="learned"} 60.0' in text
    assert "growlabels_predicted_rows_total 1.0" in text
    assert 'growlabels_predict_seconds_bucket{le="+Inf"} 1.0' in text
    assert "growlabels_well 1.0" in text
    assert client.ask("GET", "/healthz") == (200, {"well": True, "troubles": []})
    described = client.ask("GET", "/openapi.json")[1]
    assert {"/predict", "/learn", "/model", "/metrics", "/healthz"} <= set(described["paths"])
    model = client.ask("GET", "/model")[1]
    assert model["labels"] == ["hi", "lo"] or model["labels"] == ["lo", "hi"]
    assert model["scores"]["recent"]["n_rows"] == 60 and model["hierarchy"]["kind"] == "root"


def test_a_full_disk_is_said_and_seen(client: Client) -> None:
    client.service.feed.trouble = "No space left on device"
    status, answer = client.ask("GET", "/healthz")
    assert status == 503 and answer["troubles"] == [
        "no checkpoint was written: No space left on device"
    ]


def test_too_many_rows_at_once_are_refused_and_not_lost(client: Client) -> None:
    client.service.journal.most = 50
    with client.service.turn.asking():  # nothing is learned meanwhile
        wait_until(lambda: client.service.journal.waiting == 0)
    client.service.feed._turn = lambda: pytest.fail("not used")  # type: ignore[assignment]
    status, answer = client.ask("POST", "/learn", made_rows(60))
    assert status == 503 and "50 is the most; send further ones later" in answer["error"]


def test_many_clients_at_once(client: Client, tmp_path: Path) -> None:
    """Answers are whole and of a state that was there; every row is learned once."""
    failures: list[Any] = []

    def use(seed: int) -> None:
        own = client.another()
        for number, row in enumerate(made_rows(30, seed)):
            try:
                if number % 3:
                    status, answer = own.ask("POST", "/learn", row)
                    assert status == 202 and answer["accepted"] == 1
                else:
                    status, answer = own.ask("POST", "/predict", row)
                    assert status == 200 and set(answer["labels"]) <= {"hi", "lo"}
                if number == 10:
                    assert own.ask("GET", "/model")[0] == own.ask("GET", "/state")[0] == 200
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    client.settle()
    counts = client.ask("GET", "/model")[1]["counts"]
    assert (counts["rows"], counts["learned"], counts["malformed"]) == (160, 160, 0)


def test_a_service_goes_on_after_its_end(tmp_path: Path) -> None:
    rows = made_rows(130)
    with running(tmp_path / "run") as client:
        client.ask("POST", "/learn", rows[:70])
    with running(tmp_path / "run") as client:
        assert client.service.feed.resumed
        client.ask("POST", "/learn", rows[70:])
        client.settle()
        with client.service.turn.asking():
            found = model_contents(client.service.stream.model, tmp_path / "a")
    alone = IHOMER()
    for row in rows:
        alone.learn_one(row["x"], dict.fromkeys(row["y"], True))
    assert found == model_contents(alone, tmp_path / "b")


def test_an_error_of_the_learner_is_said_and_nothing_more_is_accepted(client: Client) -> None:
    client.service.feed.stop()
    client.service._thread.join()
    client.service.error = ValueError("the source is gone")
    status, answer = client.ask("POST", "/learn", made_rows(1))
    assert status == 500 and answer["error"].startswith("nothing is learned any more: the source")
    assert client.ask("GET", "/healthz")[0] == 503
