"""Serve the review page on the loopback interface.

Every address contains a random token, and requests without it are refused. The Host header must be
a loopback name, so other sites cannot reach the page by DNS rebinding. All text is escaped, and the
page loads nothing from other hosts.
"""

import secrets
import webbrowser
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from growlabels.base.errors import GrowLabelsError
from growlabels.unsafe.decide.review import Review
from growlabels.web.guard import Guard
from growlabels.web.server import HOST, LocalServer, listen


def serve(review: Review, port: int = 0, open_browser: bool = False) -> None:
    """Print the address and serve the page until interrupted.

    Raises
    ------
    GrowLabelsError
        The port is taken.
    """
    listener = listen(port)
    token = secrets.token_urlsafe(32)
    address = f"http://{HOST}:{listener.getsockname()[1]}/{token}/"
    print(f"{len(review.numbers)} flagged rows to review at {address}", flush=True)
    print("The page shows their text. Press Ctrl-C to stop; decisions are kept.", flush=True)
    if open_browser:
        webbrowser.open(address)
    server = LocalServer(application(review, token))
    server.answer(listener)
    if server.signal is not None:
        raise KeyboardInterrupt


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
    guard = Middleware(Guard, token=token, token_of=_token_of)
    failures: dict[Any, Any] = {GrowLabelsError: _say, OSError: _say}
    return Starlette(routes=routes, middleware=[guard], exception_handlers=failures)


def _token_of(request: Request) -> str:
    """Return the first part of the path."""
    return request.url.path.split("/")[1]


def _say(request: Request, error: Exception) -> Response:
    """Return the message of an error, such as decisions that cannot be read."""
    return PlainTextResponse(f"growlabels: {error}", 500)


class _Pages:
    """Answer the requests to each address."""

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
        """Return the number of the flagged row in the address, or None if there is no such row."""
        named = request.path_params["number"]
        return next((number for number in self.review.numbers if str(number) == named), None)

    def _no_row(self, request: Request) -> Response:
        named = request.path_params["number"][:20]
        return self._page(f"Row {named} is not among the flagged rows.", 404)

    def start(self, request: Request) -> Response:
        """Show the start page with the progress of the review."""
        first = self.review.next_open(self.review.numbers[-1]) if self.review.numbers else None
        following = "" if first is None else f"row/{first}"
        message = (
            "Scores and ranks have been updated." if "rescanned" in request.query_params else ""
        )
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
        """Store a decision, then show the next undecided row."""
        number, decision = self._number(request), request.path_params["decision"]
        if number is None:
            return self._no_row(request)
        try:
            self.review.decisions.add(self.review.row(number).row.id, decision)
        except GrowLabelsError as error:
            return self._page(f"The decision was not stored: {error}.", 400)
        return self._to(self.review.next_open(number))

    def undo(self, request: Request) -> Response:
        """Undo the last decision and show its row."""
        row_id = self.review.decisions.undo()
        return self._to(None if row_id is None else self.review.number_of(row_id))

    async def rescan(self, request: Request) -> Response:
        """Score all rows again, with the rejected rows as targets."""
        try:
            await run_in_threadpool(self.review.rescan)
        except GrowLabelsError as error:
            return self._page(f"The rescan failed: {error}.", 400)
        return self._to(None, "?rescanned")

    def style(self, request: Request) -> Response:
        """Return the style sheets of the report and of this page."""
        look = resources.files("growlabels.report").joinpath("_page.css").read_text("utf-8")
        return Response(look + _resource("review.css"), media_type="text/css")

    def script(self, request: Request) -> Response:
        """Return the script for the keyboard shortcuts."""
        return Response(_resource("review.js"), media_type="text/javascript")


def _resource(name: str) -> str:
    return resources.files("growlabels.unsafe.decide").joinpath(name).read_text("utf-8")
