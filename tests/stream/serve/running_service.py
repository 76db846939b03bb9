"""A service in this process on a free port, and a client of it."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.serve.feed import Feed
from growlabels.stream.serve.service.application import application
from growlabels.stream.serve.service.journal import Journal
from growlabels.stream.serve.service.service import JOURNAL, Service
from growlabels.stream.serve.service.turn import Turn
from growlabels.web.server import LocalServer, listen

TOKEN = "the-secret"


class Client:
    """Asks one service, over one connection."""

    def __init__(self, port: int, service: Service) -> None:
        self.port, self.service = port, service
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._others: list[Client] = []
        self._used = 0.0

    def another(self) -> "Client":
        """Return a client with a connection of its own, closed with this one."""
        made = Client(self.port, self.service)
        self._others.append(made)
        return made

    def close(self) -> None:
        """Close all connections."""
        for client in self._others:
            client.close()
        self._connection.close()

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send a request with the token; return the status and the answer."""
        if time.monotonic() - self._used > 2.0:  # the server closes idle connections after five
            self._connection.close()
        self._used = time.monotonic()
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {TOKEN}"} if headers is None else headers
        self._connection.request(method, path, sent, given)
        answer = self._connection.getresponse()
        data = answer.read()
        is_json = answer.getheader("content-type", "").startswith("application/json")
        return answer.status, json.loads(data) if is_json else data.decode()

    def settle(self) -> None:
        """Wait until everything that was accepted is learned."""
        journal = self.service.journal
        end = {"file": journal._number, "byte": journal._size}
        wait_until(lambda: self.service.stream.positions.get(JOURNAL) == end)


def wait_until(done: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@contextmanager
def running(
    folder: Path, model: Callable[[], IHOMER] = IHOMER, checkpoint_every: str = "50 rows"
) -> Iterator[Client]:
    folder.mkdir(exist_ok=True)
    turn, journal = Turn(), Journal(folder / JOURNAL)
    sources: Any = {JOURNAL: journal}
    with Feed(folder, sources, model, checkpoint_every, turn=turn.learning) as feed:
        feed.open()
        listener = listen()
        port = listener.getsockname()[1]
        service = Service(feed, journal, turn)
        server = LocalServer(application(service, TOKEN, port))
        thread = threading.Thread(target=server.answer, args=(listener,))
        thread.start()
        service.start()
        client = Client(port, service)
        try:
            yield client
        finally:
            client.close()
            server.stop()
            thread.join()
            service.stop()
