"""Requests are answered only with the token, a known Host and no foreign Origin."""

import asyncio
from typing import Any

import pytest

pytest.importorskip("starlette")

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from growlabels.base.errors import GrowLabelsError, UsageError
from growlabels.web.guard import HEADERS, Guard
from growlabels.web.server import listen


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


def asked(parts: list[bytes] | None = None, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Send one request through the guard as ASGI does, its body in parts."""
    app = Starlette(routes=[Route("/", echo, methods=["GET", "POST"])])
    guard = Guard(app, "s", lambda request: request.headers.get("token", ""), most_bytes=1000)
    given = {"host": "localhost:80", "token": "s"} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    waiting, sent = list(parts or [b""]), []

    async def receive() -> dict[str, Any]:
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(k.encode(), v.encode()) for k, v in given.items() if v],
    }
    asyncio.run(guard(scope, receive, send))  # type: ignore[arg-type]
    answered = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:]).decode(), answered


def test_a_good_request_passes_and_its_answer_has_the_headers() -> None:
    status, text, headers = asked([b"a" * 500, b"b" * 500])
    assert (status, text) == (200, "1000")
    assert {name.lower(): value for name, value in HEADERS.items()}.items() <= headers.items()
    assert asked(origin="http://localhost:80")[0] == 200
    assert asked(host="[::1]:80")[0] == asked(host="127.0.0.1")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"token": ""},
        {"token": "S"},
        {"host": "example.org"},
        {"host": "localhost.example.org:80"},
        {"host": ""},
        {"origin": "http://localhost:81"},
        {"origin": "null"},
    ],
)
def test_others_are_refused_with_the_headers_too(headers: dict[str, str]) -> None:
    status, text, answered = asked(**headers)
    assert status == 403 and text.endswith(".") and "content-security-policy" in answered


def test_large_bodies_are_refused_declared_or_not() -> None:
    assert asked(content_length="1001")[0] == 413
    assert asked(content_length="many")[0] == 413
    assert asked([b"a" * 600, b"b" * 600])[0] == 413


def test_a_port_that_cannot_be_had_is_said() -> None:
    with listen() as taken, pytest.raises(GrowLabelsError, match="choose another --port"):
        listen(taken.getsockname()[1])
    with pytest.raises(UsageError, match="port must be from 0 to 65535, it was 65536"):
        listen(65536)
