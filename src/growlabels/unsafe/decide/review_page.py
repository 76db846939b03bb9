"""The review page: a small web application on the loopback interface, rendered on the server.

Its address holds a random token and nothing is answered without it; the Host header must name
this machine, so that no other site can reach the page through a name of its own. Every text is
escaped, and nothing is loaded from elsewhere.
"""

import secrets
import socket
import webbrowser
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

import uvicorn
from jinja2 import Environment, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from growlabels.base.errors import GrowLabelsError, UsageError
from growlabels.unsafe.decide.review import Review

HOST = "127.0.0.1"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def serve(review: Review, port: int = 0, open_browser: bool = False) -> None:
    """Print the address and serve the page until interrupted.

    Raises
    ------
    GrowLabelsError
        The port is taken.
    """
    if not 0 <= port < 65536:
        raise UsageError.parameter("port", "must be from 0 to 65535", port)
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        raise GrowLabelsError(
            f"cannot listen on port {port}: {error.strerror or error}; choose another --port"
        ) from error
    token = secrets.token_urlsafe(32)
    address = f"http://{HOST}:{listener.getsockname()[1]}/{token}/"
    print(f"{len(review.numbers)} flagged rows to review at {address}", flush=True)
    print("The page shows their text. Ctrl-C ends it; decisions are kept.", flush=True)
    if open_browser:
        webbrowser.open(address)
    config = uvicorn.Config(application(review, token), log_level="error", lifespan="off")
    with listener:
        uvicorn.Server(config).run(sockets=[listener])


def application(review: Review, token: str) -> Starlette:
    """Build the web application of one review."""
    pages = _Pages(review, f"/{token}/")
    routes = [
        Route("/{token}/", pages.start),
        Route("/{token}/row/{number}", pages.row),
        Route("/{token}/row/{number}/{decision}", pages.decide, methods=["POST"]),
        Route("/{token}/undo", pages.undo, methods=["POST"]),
        Route("/{token}/rescan", pages.rescan, methods=["POST"]),
        Route("/{token}/review.css", pages.style),
        Route("/{token}/review.js", pages.script),
    ]
    guard = Middleware(BaseHTTPMiddleware, dispatch=_guard(token))
    failures: dict[Any, Any] = {GrowLabelsError: _say, OSError: _say}
    return Starlette(routes=routes, middleware=[guard], exception_handlers=failures)


_Next = Callable[[Request], Awaitable[Response]]


def _guard(token: str) -> Callable[[Request, _Next], Awaitable[Response]]:
    async def dispatch(request: Request, call_next: _Next) -> Response:
        host = request.headers.get("host", "").rpartition(":")[0]
        given = request.url.path.split("/")[1].encode()
        if host not in (HOST, "localhost"):
            response: Response = PlainTextResponse("This page has another address.", 403)
        elif not secrets.compare_digest(given, token.encode()):
            response = PlainTextResponse("The address lacks its token; copy all of it.", 403)
        else:
            response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    return dispatch


def _say(request: Request, error: Exception) -> Response:
    """Answer with the one sentence of what failed, such as decisions that cannot be read."""
    return PlainTextResponse(f"growlabels: {error}", 500)


class _Pages:
    """What each address answers."""

    def __init__(self, review: Review, root: str) -> None:
        self.review, self.root = review, root
        environment = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._template = environment.from_string(_resource("review.html"))

    def _page(self, message: str = "", status: int = 200, **more: Any) -> Response:
        review = self.review
        counts = review.decisions.counts()
        page = {"row": None, "place": 0, "previous": "", "next": "", **more}
        text = self._template.render(
            root=self.root, review=review, counts=counts, message=message, **page
        )
        return HTMLResponse(text, status)

    def _to(self, number: int | None, message: str = "") -> Response:
        place = "" if number is None else f"row/{number}"
        return RedirectResponse(self.root + place + message, 303)

    def _number(self, request: Request) -> int | None:
        """Return the flagged row that an address names, none where it names no such row."""
        named = request.path_params["number"]
        return next((number for number in self.review.numbers if str(number) == named), None)

    def _no_row(self, request: Request) -> Response:
        named = request.path_params["number"][:20]
        return self._page(f"Row {named} is not among the flagged rows.", 404)

    def start(self, request: Request) -> Response:
        """Say what will be shown, and where the review stands."""
        first = self.review.next_open(self.review.numbers[-1]) if self.review.numbers else None
        following = "" if first is None else f"row/{first}"
        message = "Scores and ranks are new." if "rescanned" in request.query_params else ""
        return self._page(message, next=following)

    def row(self, request: Request) -> Response:
        """Show a row."""
        numbers, number = self.review.numbers, self._number(request)
        if number is None:
            return self._no_row(request)
        at = numbers.index(number)
        return self._page(
            row=self.review.row(number),
            place=at + 1,
            previous=f"row/{numbers[at - 1]}" if at else "",
            next=f"row/{numbers[at + 1]}" if at + 1 < len(numbers) else "",
        )

    def decide(self, request: Request) -> Response:
        """Write a decision, then show the next undecided row."""
        number, decision = self._number(request), request.path_params["decision"]
        if number is None:
            return self._no_row(request)
        try:
            self.review.decisions.add(self.review.row(number).row.id, decision)
        except GrowLabelsError as error:
            return self._page(f"Not written: {error}.", 400)
        return self._to(self.review.next_open(number))

    def undo(self, request: Request) -> Response:
        """Take the last decision back and show its row."""
        row_id = self.review.decisions.undo()
        return self._to(None if row_id is None else self.review.number_of(row_id))

    async def rescan(self, request: Request) -> Response:
        """Score again, with the rejected rows as targets."""
        try:
            await run_in_threadpool(self.review.rescan)
        except GrowLabelsError as error:
            return self._page(f"No rescan: {error}.", 400)
        return self._to(None, "?rescanned")

    def style(self, request: Request) -> Response:
        """Give the report's look and the page's own."""
        look = resources.files("growlabels.report").joinpath("_page.css").read_text("utf-8")
        return Response(look + _resource("review.css"), media_type="text/css")

    def script(self, request: Request) -> Response:
        """Give the keys."""
        return Response(_resource("review.js"), media_type="text/javascript")


def _resource(name: str) -> str:
    return resources.files("growlabels.unsafe.decide").joinpath(name).read_text("utf-8")
