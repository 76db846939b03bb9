"""What each address of the service answers."""

import asyncio
import json
import time
from collections.abc import Callable
from http.cookies import SimpleCookie
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from growlabels import __version__
from growlabels.base.errors import DataError, GrowLabelsError
from growlabels.stream.serve.service.journal import FullError
from growlabels.stream.serve.service.openapi import openapi
from growlabels.stream.serve.service.prometheus import Exposition
from growlabels.stream.serve.service.service import Service
from growlabels.web.guard import LOOPBACK, Guard

MOST_ROWS = 10_000
"""Rows of one request."""
_MOST_TOP = 1000
_IN_A_ROW = 16
"""Rows that are predicted before other requests have their turn."""


def application(
    service: Service, token: str, port: int, names: tuple[str, ...] = LOOPBACK
) -> Guard:
    """Build the web application.

    Parameters
    ----------
    service
        What answers.
    token
        The secret that every request brings: as ``Authorization: Bearer``, or, for the page, once
        as ``?token=`` in its address and then as a cookie.
    port
        The port listened to; it tells cookies of several services apart.
    names
        Names that a request's Host header may have.
    """
    cookie = f"growlabels-{port}"
    answers = _Answers(service, cookie)
    routes = [
        Route("/", answers.page),
        Route("/page.css", answers.style),
        Route("/page.js", answers.script),
        Route("/state", answers.state),
        Route("/why/{number:int}", answers.why),
        Route("/predict", answers.predict, methods=["POST"]),
        Route("/learn", answers.learn, methods=["POST"]),
        Route("/model", answers.model),
        Route("/metrics", answers.metrics),
        Route("/healthz", answers.health),
        Route("/openapi.json", answers.openapi),
    ]

    def missed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            known = ", ".join(["/", *openapi(__version__)["paths"]])
            return refuse(f"There is nothing at {request.url.path[:60]!r}; try {known}.", 404)
        if error.status_code == 405:
            return refuse(f"{request.url.path} takes another method than {request.method}.", 405)
        return refuse(error.detail, error.status_code)

    def failed(status: int) -> Callable[[Request, Exception], Response]:
        return lambda request, error: refuse(f"{error}.", status)

    failures: dict[Any, Any] = {
        HTTPException: missed,
        DataError: failed(422),
        FullError: failed(503),
        GrowLabelsError: failed(500),
    }
    app = Starlette(routes=routes, exception_handlers=failures)

    def token_of(request: Request) -> str:
        given = request.headers.get("authorization", "")
        if given.startswith("Bearer "):
            return given.removeprefix("Bearer ").strip()
        if request.url.path == "/" and (asked := request.query_params.get("token")):
            return asked
        found = SimpleCookie(request.headers.get("cookie", "")).get(cookie)
        return found.value if found else ""

    return Guard(app, token, token_of, names, refuse)


def refuse(sentence: str, status: int) -> Response:
    """Answer with one sentence."""
    return JSONResponse({"error": sentence}, status)


class _Answers:
    def __init__(self, service: Service, cookie: str) -> None:
        self.service, self._cookie = service, cookie
        self.exposition = Exposition(service)

    async def predict(self, request: Request) -> Response:
        """Predict one row or many, between two rows that are learned."""
        began = time.perf_counter()
        top = _top(request)
        rows, alone = await _rows(request)
        records = self.service.read(rows, labels_too=False)
        awaited = [{"id": one.id, "x": one.x} for one in records if one.id is not None]
        found = []
        for number, record in enumerate(records):
            if number and number % _IN_A_ROW == 0:
                await asyncio.sleep(0)
            found.append(self.service.predict(record, top))
        if awaited:  # their labels may come later, by id
            self.service.accept(awaited)
        self.exposition.predicted(len(found), time.perf_counter() - began)
        return JSONResponse(found[0] if alone else found)

    async def learn(self, request: Request) -> Response:
        """Take rows, or labels by id; they are on the disk when the answer goes out."""
        rows, _ = await _rows(request)
        self.service.read(rows, labels_too=True)
        positions = self.service.accept(rows)
        return JSONResponse({"accepted": len(rows), "position": positions[-1]}, 202)

    async def model(self, request: Request) -> Response:
        """Tell what the model has found."""
        return JSONResponse(await run_in_threadpool(self.service.model))

    async def state(self, request: Request) -> Response:
        """Tell what the page shows."""
        return JSONResponse(await run_in_threadpool(self.service.watch))

    async def why(self, request: Request) -> Response:
        """Explain the prediction of a recent row."""
        number = request.path_params["number"]
        found = await run_in_threadpool(self.service.explain, number)
        if found is None:
            return refuse("This row is no longer among the last ones.", 404)
        return JSONResponse(found)

    async def metrics(self, request: Request) -> Response:
        """Tell the figures that Prometheus collects."""
        text, kind = await run_in_threadpool(self.exposition.text)
        return Response(text, headers={"Content-Type": kind})

    async def health(self, request: Request) -> Response:
        """Tell whether all is well."""
        well, troubles = self.service.health()
        return JSONResponse({"well": well, "troubles": troubles}, 200 if well else 503)

    async def openapi(self, request: Request) -> Response:
        """Describe the addresses."""
        return JSONResponse(openapi(__version__))

    async def page(self, request: Request) -> Response:
        """Show the page; a token in its address becomes a cookie."""
        if "token" not in request.query_params:
            return HTMLResponse(_resource("page.html"))
        response = RedirectResponse("/", 303)
        token = request.query_params["token"]
        response.set_cookie(self._cookie, token, httponly=True, samesite="strict")
        return response

    async def style(self, request: Request) -> Response:
        """Give the report's look and the page's own."""
        look = resources.files("growlabels.report").joinpath("_page.css").read_text("utf-8")
        return Response(look + _resource("page.css"), media_type="text/css")

    async def script(self, request: Request) -> Response:
        """Give the page's script."""
        return Response(_resource("page.js"), media_type="text/javascript")


async def _rows(request: Request) -> tuple[list[Any], bool]:
    """Return the rows of a body, and whether it was one row and no list."""
    body = await request.body()
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(
            f"the body is not JSON ({reason}); send one row, such as "
            '{"x": {"feature": 1.5}, "y": ["label"]}, or a list of rows'
        ) from error
    rows = data if isinstance(data, list) else [data]
    if not rows:
        raise DataError("the list of rows is empty; send at least one row")
    if len(rows) > MOST_ROWS:
        raise DataError(f"the request has {len(rows):,} rows; send at most {MOST_ROWS:,} at a time")
    return rows, not isinstance(data, list)


def _top(request: Request) -> int:
    said = request.query_params.get("top", "0")
    if not said.isdecimal() or int(said) > _MOST_TOP:
        raise DataError(f"top must be a whole number up to {_MOST_TOP}, it was {said[:20]!r}")
    return int(said)


def _resource(name: str) -> str:
    return resources.files(__package__ or "").joinpath(name).read_text("utf-8")
