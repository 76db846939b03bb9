"""The examples run: River, a web application, Kafka; and scikit-learn clones a model."""

import asyncio
import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from real_brokers import Broker, kafka_server
from sklearn.base import clone

from growlabels.stream import IHOMER

__all__ = ["kafka_server"]
EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_pipeline_of_river() -> None:
    assert runpy.run_path(str(EXAMPLES / "stream_river.py"))["main"]() > 0.8


def post(app: Any, path: str, body: object) -> Any:
    """Return the answer of an application to one request."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": [], "http_version": "1.1", "scheme": "http",
        "server": ("localhost", 80), "client": None, "root_path": "",
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 200
    return json.loads(b"".join(part.get("body", b"") for part in sent))


def test_a_model_in_a_web_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("starlette", reason="needs starlette")
    monkeypatch.chdir(tmp_path)
    parts = runpy.run_path(str(EXAMPLES / "stream_web_app.py"))
    parts["Tagger"].learn.__globals__["EVERY"] = 20
    app = parts["application"](parts["Tagger"](tmp_path / "model.zip"))
    for i in range(40):
        answer = post(app, "/learn", {"x": {"a": i % 2}, "y": ["odd"] if i % 2 else ["even"]})
    assert answer == {"learned": 40}
    again = parts["application"](parts["Tagger"](tmp_path / "model.zip"))
    for each in (app, again):
        assert post(each, "/predict", {"a": 1}) == ["odd"]


def test_a_loop_over_kafka_goes_on_where_it_stopped(tmp_path: Path, kafka_server: Broker) -> None:
    from confluent_kafka import Producer

    rows = [{"x": {"a": i % 2}, "y": ["odd"] if i % 2 else ["even"]} for i in range(60)]
    producer = Producer({"bootstrap.servers": kafka_server.address})
    for row in rows:
        producer.produce("tickets", json.dumps(row).encode(), partition=0)
        producer.flush(30)
    learn = runpy.run_path(str(EXAMPLES / "stream_kafka.py"))["learn"]
    for most in (25, 35):
        model = learn(kafka_server.address, "tickets", tmp_path / "state", most)
    assert model.n_rows == 60
    whole = IHOMER()
    for row in rows:
        whole.learn_one(row["x"], set(row["y"]))
    assert model.predict_proba_one({"a": 1}) == whole.predict_proba_one({"a": 1})


def test_scikit_learn_clones_an_untrained_model() -> None:
    model = IHOMER(tree_above=50)
    model.learn_one({"a": 1.0}, {"x"})
    copied = clone(model)
    assert copied.get_params() == model.get_params() and copied.n_rows == 0
