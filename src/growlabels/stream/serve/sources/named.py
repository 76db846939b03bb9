"""A source by its address, as a person writes it on the command line."""

import importlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from growlabels.base.errors import MissingExtraError, UsageError
from growlabels.stream.serve.sources.growing_file import GrowingFile
from growlabels.stream.serve.sources.source import Source
from growlabels.stream.serve.sources.standard_input import StandardInput

EXTRA = "live"
"""The extra that brings the packages of brokers and of the service."""


def source_at(address: str, accept_gap: bool = False) -> Source:
    """Return the source that an address names.

    Parameters
    ----------
    address
        ``kafka://HOST:PORT/TOPIC``, with settings of the consumer after ``?``;
        ``redis://HOST:PORT/STREAM`` or ``redis://HOST:PORT/DATABASE/STREAM``; the path of a file
        of JSON lines that grows; or ``-`` for standard input.
    accept_gap
        Go on after rows that a broker dropped before they were read.
    """
    if address == "-":
        return StandardInput()
    parts = urlsplit(address)
    if parts.scheme in ("redis", "rediss"):
        *database, stream = parts.path.strip("/").split("/")
        _require(address, parts.hostname, stream, "redis://127.0.0.1:6379/STREAM")
        url = parts._replace(path="/" + "/".join(database or ["0"])).geturl()
        return _module("redis_stream", "redis").RedisSource(url, stream, accept_gap=accept_gap)
    if parts.scheme == "kafka":
        topic = parts.path.strip("/")
        _require(address, parts.hostname, topic, "kafka://127.0.0.1:9092/TOPIC")
        settings = dict(parse_qsl(parts.query))
        kind = _module("kafka", "confluent_kafka").KafkaSource
        return kind(parts.netloc, topic, settings, accept_gap=accept_gap)
    if parts.scheme and "://" in address:
        raise UsageError.parameter(
            "source", "must be kafka://, redis://, the path of a file, or -", address
        )
    return GrowingFile(Path(address))


def _require(address: str, host: str | None, name: str, such: str) -> None:
    if not host or not name:
        raise UsageError.parameter("source", f"must be an address such as {such}", address)


def _module(name: str, needs: str) -> Any:
    try:
        return importlib.import_module(f"growlabels.stream.serve.sources.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != needs:
            raise
        raise MissingExtraError.of(needs, EXTRA) from error
