"""What a request must bring before a page or service of ours answers it."""

import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
MOST_BYTES = 8 * 2**20
"""Bytes of a request's body."""

Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[Message]]
_Send = Callable[[Message], Awaitable[None]]


class Guard:
    """Passes on only requests with the token, a known Host and no foreign Origin.

    A Host header of another name is refused, so that no other site reaches the page through a
    name of its own. Every answer gets :data:`HEADERS`.

    Parameters
    ----------
    app
        The ASGI application behind.
    token
        The secret that a request must bring.
    token_of
        Finds the token in a request; an empty string where there is none.
    names
        Names that the Host header may have, without the port.
    refuse
        Makes the answer of a sentence and a status.
    most_bytes
        Larger bodies are refused with status 413, however they are sent.
    """

    def __init__(
        self,
        app: Callable[[Any, Any, Any], Awaitable[None]],
        token: str,
        token_of: Callable[[Request], str],
        names: Collection[str] = LOOPBACK,
        refuse: Callable[[str, int], Response] = PlainTextResponse,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.app: Callable[[Any, Any, Any], Awaitable[None]] = app
        self.names: frozenset[str] = frozenset(names)
        self.most_bytes: int = most_bytes
        self._token, self._token_of, self._refuse = token.encode(), token_of, refuse

    async def __call__(self, scope: Message, receive: _Receive, send: _Send) -> None:
        """Answer one request of ASGI."""
        if scope["type"] != "http":
            return  # neither web sockets nor lifespans are used here
        request = Request(scope)
        refusal = self._refusal(request)
        if refusal is not None:
            await refusal(scope, receive, _with_headers(send))
            return
        body = _Bounded(receive, self.most_bytes)
        await self.app(scope, body.receive, _with_headers(send))

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if host_name(host) not in self.names:
            named = ", ".join(sorted(self.names))
            return self._refuse(f"This address answers to other names: {named}.", 403)
        origin = request.headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return self._refuse("Requests from other sites are refused.", 403)
        if not secrets.compare_digest(self._token_of(request).encode(), self._token):
            return self._refuse("The request lacks the token, or has another one.", 403)
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.most_bytes:
            return self._too_large()
        return None

    def _too_large(self) -> Response:
        response = self._refuse(_too_large(self.most_bytes), 413)
        response.headers["Connection"] = "close"  # what is left of the body is not read
        return response


def _too_large(most: int) -> str:
    return f"The body is larger than {most // 2**20} MB; send it in several requests."


class _Bounded:
    """Hands a body on and counts its bytes, which its sender need not have declared."""

    def __init__(self, receive: _Receive, most: int) -> None:
        self._receive, self._most, self._left = receive, most, most

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, _too_large(self._most), {"Connection": "close"})
        return message


def host_name(host: str) -> str:
    """Return the name in a Host header, without its port.

    >>> host_name("localhost:80"), host_name("[::1]:80"), host_name("example.org")
    ('localhost', '[::1]', 'example.org')
    """
    name, _, port = host.rpartition(":")
    return (name if port.isdecimal() and name else host).lower()


def _with_headers(send: _Send, headers: Mapping[str, str] = HEADERS) -> _Send:
    added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return sending
