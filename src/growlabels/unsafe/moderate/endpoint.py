"""A moderator behind HTTP: an endpoint that speaks the OpenAI protocol.

The address decides the kind of question: one that ends in ``/moderations`` is asked for category
scores, one that ends in ``/chat/completions`` for the word safe or unsafe. Rows leave this
machine, so an endpoint is never used unless its address is given.
"""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from growlabels.base.errors import MissingExtraError, RunError, UsageError
from growlabels.base.files import cache_folder, content_hash
from growlabels.base.runs import require_folder
from growlabels.unsafe.moderate.endpoint_answers import INSTRUCTIONS, read_chat, read_moderation
from growlabels.unsafe.moderate.endpoint_cache import VerdictCache
from growlabels.unsafe.moderate.moderator import Exchange, Verdict, require_exchanges

API_KEY_VARIABLE = "GROWLABELS_API_KEY"
_PASSING = {408, 409, 425, 429, *range(500, 600)}
_THIS_ROW = {400, 413, 422}
_LARGEST_ANSWER = 1_000_000
_FAILED_IN_A_ROW = 3


class Endpoint:
    """Judge rows by an OpenAI-compatible endpoint.

    Parameters
    ----------
    url
        The whole address, ending in ``/moderations`` or ``/chat/completions``.
    model
        The model's name there; needed for chat.
    key
        Sent as a bearer token; never written, printed or part of an error.
    budget
        Most requests of this object, repeated ones included; None for no limit. Rows beyond it
        get no probability.
    tries
        How often a row is asked where the endpoint is busy (429), fails (5xx) or is silent.
    timeout
        Seconds to wait for an answer.
    longest_wait
        Seconds at most between two tries, also where ``Retry-After`` asks for more.
    cache
        Folder for the verdicts, keyed by a hash of address, model and row; it holds no text and
        survives a kill. By default in the cache folder of this library.

    Raises
    ------
    UsageError
        The address is neither kind, a parameter is out of range, the cache is no folder, or the
        endpoint refuses the key or does not know the address or model.
    RunError
        Three rows one after another were not answered; those before are in the cache.

    Examples
    --------
    >>> Endpoint("http://127.0.0.1:9/v1/moderations", budget=0)
    Endpoint('http://127.0.0.1:9/v1/moderations')
    """

    def __init__(
        self,
        url: str,
        model: str = "",
        *,
        key: str | None = None,
        budget: int | None = None,
        tries: int = 6,
        timeout: float = 60.0,
        longest_wait: float = 60.0,
        cache: str | Path | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        try:
            import requests
        except ModuleNotFoundError as error:
            raise MissingExtraError.of("requests", "unsafe") from error
        self._requests = requests
        self._chat = _is_chat(url)
        UsageError.require_instance("model", model, str)
        if self._chat and not model:
            raise UsageError("a chat endpoint needs the name of a model (--moderator-model)")
        UsageError.require_whole("tries", tries)
        if budget is not None:
            UsageError.require_whole("budget", budget, 0)
        UsageError.require_callable("sleep", sleep)
        for name, seconds in (("timeout", timeout), ("longest_wait", longest_wait)):
            UsageError.require_above_zero(name, seconds)
        if key is not None and not (isinstance(key, str) and key.isascii() and key.isprintable()):
            raise UsageError("the endpoint's key holds a line break or a letter that no key has")
        self._url, self._model, self._key = url, model, key
        self._budget, self._tries = budget, tries
        self._timeout, self._longest, self._sleep = timeout, longest_wait, sleep
        folder = cache_folder() / "moderation" if cache is None else cache
        UsageError.require_path("cache", folder)
        require_folder(folder)  # before the first answer is paid for
        self._cache = VerdictCache(folder)
        self._session = requests.Session()
        self.requests: int = 0
        """Requests made so far."""
        self._failed = 0

    def __repr__(self) -> str:
        return f"Endpoint({shown(self._url)!r})"

    def __call__(self, rows: Sequence[Exchange], /) -> list[Verdict]:
        """Judge rows, one request for each that is not in the cache."""
        require_exchanges(rows)
        return [self._judge(row) for row in rows]

    def _judge(self, row: Exchange) -> Verdict:
        body = self._body(row)
        name = content_hash([self._url, body])
        known = self._cache.get(name)
        if known is not None:
            return known
        verdict = self._ask(body)
        if verdict.probability is not None:
            self._cache.put(name, verdict)
        if self._failed == _FAILED_IN_A_ROW:
            raise RunError(
                f"{shown(self._url)} did not answer for {_FAILED_IN_A_ROW} rows one after another, "
                f"the last is row {row.id}: {verdict.reason}; earlier answers are kept, give the "
                "same command again later to go on"
            )
        return verdict

    def _body(self, row: Exchange) -> dict[str, Any]:
        text = f"User: {row.prompt}\n\nAssistant: {row.response}"
        named = {"model": self._model} if self._model else {}
        if not self._chat:
            return {**named, "input": text}
        turns = [("system", INSTRUCTIONS), ("user", text)]
        messages = [{"role": role, "content": content} for role, content in turns]
        return {**named, "messages": messages, "temperature": 0, "max_tokens": 16}

    def _ask(self, body: dict[str, Any]) -> Verdict:
        why = ""
        for attempt in range(self._tries):
            if self._spent():
                return Verdict(None, f"the budget of {self._budget} requests is used up")
            self.requests += 1
            status, asked_wait, answer, why = self._post(body)
            if status == 200 or status in _THIS_ROW:
                self._failed = 0
            if status == 200:
                return (read_chat if self._chat else read_moderation)(answer)
            if status in _THIS_ROW:
                return Verdict(None, f"the endpoint refused the row ({why})")
            if status is not None and status not in _PASSING:
                raise UsageError(
                    f"{shown(self._url)} {why}; check the address, the model's name and the key "
                    f"(environment variable {API_KEY_VARIABLE})"
                )
            if attempt + 1 < self._tries:
                self._sleep(min(self._longest, max(asked_wait, _backoff(attempt))))
        self._failed += 1
        return Verdict(None, f"no answer in {self._tries} tries, the last: {why}")

    def _post(self, body: dict[str, Any]) -> tuple[int | None, float, bytes, str]:
        """Return status, the wait that was asked for, the answer, and what went wrong."""
        errors = self._requests.exceptions
        try:
            with self._session.post(
                self._url,
                json=body,
                auth=self._sign,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as found:
                answer = found.raw.read(_LARGEST_ANSWER, decode_content=True)
                wait = seconds_to_wait(found.headers.get("Retry-After"))
                return found.status_code, wait, answer, f"answered {found.status_code}"
        except errors.Timeout:
            return None, 0.0, b"", f"no answer within {self._timeout:g} seconds"
        except (errors.InvalidURL, errors.InvalidHeader, errors.MissingSchema) as error:
            raise UsageError(
                f"{shown(self._url)} cannot be asked; check address and key"
            ) from error
        except (errors.RequestException, OSError, _http_error()) as error:
            return None, 0.0, b"", f"the connection failed ({type(error).__name__})"

    def _sign(self, request: Any) -> Any:
        """Add the key; being an ``auth`` of its own keeps other keys of this machine out."""
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request

    def _spent(self) -> bool:
        return self._budget is not None and self.requests >= self._budget


def _http_error() -> type[Exception]:
    from urllib3.exceptions import HTTPError

    return HTTPError


def _backoff(attempt: int) -> float:
    """Half a second, one, two ...; up to a quarter more, so that many askers spread out."""
    return 0.5 * 2**attempt * (1 + random.random() / 4)


def seconds_to_wait(header: str | None) -> float:
    """Read ``Retry-After``: seconds, or a date; 0 where it is absent or unreadable."""
    from email.utils import parsedate_to_datetime

    if not header:
        return 0.0
    try:
        return max(0.0, float(header)) if float(header) < float("inf") else 0.0
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _is_chat(url: str) -> bool:
    if not isinstance(url, str):
        raise UsageError.parameter("endpoint", "must be an address", url)
    try:
        parts = urlsplit(url)
    except ValueError as error:  # a bracket without its other
        raise UsageError(f"endpoint cannot be read ({error}); check the address") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError.parameter("endpoint", "must start with http:// or https://", shown(url))
    if parts.username or parts.password or parts.query:
        raise UsageError(
            "an endpoint's address must not hold a key, a password or a query; put the key in the "
            f"environment variable {API_KEY_VARIABLE}"
        )
    path = parts.path.rstrip("/")
    if not path.endswith(("/moderations", "/chat/completions")):
        raise UsageError.parameter(
            "endpoint", "must end in /moderations or /chat/completions", shown(url)
        )
    return path.endswith("/chat/completions")


def shown(url: str) -> str:
    """Return an address without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
