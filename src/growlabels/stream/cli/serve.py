"""Run ``growlabels stream serve``: predict and learn over HTTP and from brokers."""

import importlib
import os
import re
import secrets
import sys
from pathlib import Path

from growlabels.base.errors import MissingExtraError, UsageError
from growlabels.base.progress import Progress
from growlabels.base.runs import require_folder
from growlabels.stream.cli.commands import StreamServe
from growlabels.stream.cli.running import warm_up
from growlabels.stream.cli.saved import saved_model
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.serve.awaited import AwaitedRows
from growlabels.stream.serve.feed import Feed
from growlabels.stream.serve.sources.named import EXTRA, source_at
from growlabels.stream.serve.sources.source import Source

TOKEN = "token"
TOKEN_VARIABLE = "GROWLABELS_TOKEN"
_AGE = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SWITCH = 0.0005
"""Switch interval of threads in seconds; it is short so that requests do not wait for learning."""


def run(options: StreamServe, progress: Progress) -> None:
    """Serve a run until Ctrl-C or SIGTERM, then write a checkpoint."""
    for module in ("starlette", "uvicorn", "prometheus_client", "filelock"):
        _require(module)
    from growlabels.stream.serve.service.application import application
    from growlabels.stream.serve.service.journal import Journal
    from growlabels.stream.serve.service.service import JOURNAL, Service
    from growlabels.stream.serve.service.turn import Turn
    from growlabels.web.guard import LOOPBACK
    from growlabels.web.server import LocalServer, listen

    folder = _folder(options)
    age = _age(options.await_age)
    for name in ("await_rows", "window"):
        UsageError.require_whole(name.replace("_", "-"), getattr(options, name))
    sources: dict[str, Source] = {
        address: source_at(address, options.accept_gap) for address in options.source
    }
    listener = listen(options.port, options.host)
    turn = Turn()
    with Feed(
        folder,
        sources,
        lambda: _start(options, folder),
        options.checkpoint_every,
        lambda: AwaitedRows(options.await_rows, age),
        options.window,
        turn.learning,
    ) as feed:
        journal = Journal(folder / JOURNAL, wait=0.02 if sources else 0.2)
        feed.sources[JOURNAL] = journal
        feed.open()
        progress("loading compiled code, or compiling it once", 0)
        warm_up()
        service = Service(feed, journal, turn)
        port = listener.getsockname()[1]
        token = _token(folder)
        names = (*LOOPBACK, *filter(None, options.names.split(",")), options.host)
        server = LocalServer(application(service, token, port, names))
        state = "continues from its checkpoint" if feed.resumed else "starts"
        print(
            f"{str(folder)!r} {state}, {feed.stream.model.n_rows:,} rows learned so far\n"
            f"page: http://{_shown(options.host)}:{port}/?token={token}\n"
            f"requests: header 'Authorization: Bearer TOKEN', with the token in "
            f"{str(folder / TOKEN)!r}\nCtrl-C or SIGTERM ends it and writes a checkpoint.",
            flush=True,
        )
        sys.setswitchinterval(_SWITCH)
        service.start(server.stop)
        try:
            server.answer(listener)
        finally:
            service.stop()
        if service.error is not None:
            raise service.error
        print(f"stopped; {feed.stream.model.n_rows:,} rows are in the checkpoint", flush=True)


def _require(module: str) -> None:
    """Raise if a package of the extra is not installed."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError.of(module, EXTRA) from error


def _folder(options: StreamServe) -> Path:
    """Return the run folder; create it for a new run."""
    folder = options.run
    if options.new:
        require_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
    elif not folder.is_dir():
        raise UsageError(
            f"{str(folder)!r} is not a run folder; pass the --out of a stream run, or use --new "
            "to start with an untrained model"
        )
    return folder


def _start(options: StreamServe, folder: Path) -> IHOMER:
    """Return the first model of a service without a checkpoint."""
    if options.new:
        return IHOMER()
    return saved_model(folder)


def _token(folder: Path) -> str:
    """Return the token of the environment or of the folder, which is created if missing."""
    if given := os.environ.get(TOKEN_VARIABLE):
        return given
    file = folder / TOKEN
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(secrets.token_urlsafe(32))
    return file.read_text().strip()


def _age(text: str) -> float:
    """Return a time such as 90s or 7d in seconds."""
    found = _AGE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise UsageError.parameter("await-age", "must be a time such as 90s, 30m, 12h or 7d", text)
    return float(found[1]) * _SECONDS[found[2]]


def _shown(host: str) -> str:
    """Return a host as it is written in an address."""
    return f"[{host}]" if ":" in host else host
