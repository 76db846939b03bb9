"""A Kafka topic as a source; its positions are the next offset of every partition."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from growlabels.stream.serve.sources.json_row import read_row
from growlabels.stream.serve.sources.source import Arrived, Position, SourceError
from growlabels.stream.serve.sources.waits import GrowingWaits

_ANSWER = 3.0
"""Seconds that the broker has to answer a question about its topics."""
_LOOK_AGAIN = 60.0
"""Seconds between two looks for new partitions."""
_GAP = KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE
_GONE = KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION


class KafkaSource:
    """Messages of all partitions of one topic; the value of a message is a JSON object.

    Partitions are assigned, no consumer group is joined and no offset is committed: the position
    is kept by the caller. The order inside a partition is fixed, that among partitions is not.

    Parameters
    ----------
    servers
        Addresses of brokers, such as ``127.0.0.1:9092``, with commas between.
    topic
        The topic.
    config
        Further settings of ``confluent_kafka.Consumer``, such as those of security.
    wait
        Seconds that :meth:`rows_after` waits for the first message.
    accept_gap
        Go on after messages that the log dropped before they were read. False: refuse.
    waits
        When a lost connection is tried again.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        config: Mapping[str, Any] | None = None,
        wait: float = 0.2,
        accept_gap: bool = False,
        waits: GrowingWaits | None = None,
    ) -> None:
        self.servers: str = servers
        self.topic: str = topic
        self.wait: float = wait
        self.accept_gap: bool = accept_gap
        self.name: str = f"topic {topic!r} of Kafka at {servers}"
        self.ended = False
        self.waits: GrowingWaits = GrowingWaits(self.name) if waits is None else waits
        self._config = {
            "bootstrap.servers": servers,
            "group.id": "growlabels",  # demanded by the library; no group is joined
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "reconnect.backoff.max.ms": 30_000,
            "logger": logging.Logger("kafka", logging.CRITICAL + 1),  # errors reach us all the same
            **(config or {}),
        }
        self._consumer: Consumer | None = None
        self._at: dict[str, int] = {}
        self._looked = 0.0

    def open(self, position: Position) -> None:
        """Check that the topic is there and still holds what follows ``position``."""
        while self._consumer is None:
            self.rows_after(position, 0)

    def rows_after(self, position: Position, most: int) -> list[Arrived]:
        """Return up to ``most`` messages after ``position``."""
        if not self.waits.due:
            self.waits.pause(self.wait)
            return []
        stale = time.monotonic() - self._looked > _LOOK_AGAIN
        try:
            if self._consumer is None or stale or not (position or {}).items() <= self._at.items():
                self._assign(position or {})
            if not most or self._consumer is None:
                return []
            messages = self._consumer.consume(most, self.wait)
        except KafkaException as error:
            self._fail(error.args[0])
            return []
        found = []
        for message in messages:
            if (error := message.error()) is not None:
                self._fail(error)
            else:
                found.append(self._arrived(message))
        if not messages:
            self._refuse_lost_log(self._consumer)
        return found

    def close(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _assign(self, position: Mapping[str, int]) -> None:
        """Take all partitions, each from its offset."""
        consumer = Consumer(self._config) if self._consumer is None else self._consumer
        try:
            about = consumer.list_topics(timeout=_ANSWER).topics
            if self.topic not in about:
                some = ", ".join(sorted(about)[:5]) or "none"
                raise SourceError(f"{self.name} does not exist; the broker has: {some}")
            at = {}
            for number in sorted(about[self.topic].partitions):
                place = TopicPartition(self.topic, number)
                first, _ = consumer.get_watermark_offsets(place, timeout=_ANSWER)
                at[str(number)] = self._start(number, position.get(str(number)), first)
            if missing := sorted(position.keys() - at.keys()):
                raise SourceError(f"{self.name} no longer has partition {missing[0]}")
            consumer.assign([TopicPartition(self.topic, int(n), at[n]) for n in at])
        except BaseException:
            if self._consumer is None:
                consumer.close()
            raise
        self._consumer, self._at, self._looked = consumer, at, time.monotonic()
        self.waits.connected()

    def _start(self, number: int, wanted: int | None, first: int) -> int:
        """Return the offset to begin with; refuse one that the log has dropped."""
        if wanted is None:  # nothing was read yet: begin with what is there
            return first
        if wanted < first:
            gap = (
                f"the log of {self.name} begins at offset {first} of partition {number}, after "
                f"{wanted} where this run stands: {first - wanted:,} messages were dropped before "
                "they were read"
            )
            if not self.accept_gap:
                raise SourceError(f"{gap}; say --accept-gap to go on without them")
            self.waits.say(gap)
        return max(wanted, first)

    def _refuse_lost_log(self, consumer: Consumer) -> None:
        """Refuse a log that ends before the position; the answers to fetches say where it ends."""
        for number, wanted in self._at.items():
            place = TopicPartition(self.topic, int(number))
            _, end = consumer.get_watermark_offsets(place, cached=True)
            if 0 <= end < wanted:
                raise SourceError(
                    f"{self.name} ends at offset {end} of partition {number}, before {wanted} "
                    "where this run stands: the log was lost, or it is another one; start a new run"
                )

    def _fail(self, error: Any) -> None:
        """Try again later, or raise where that would be in vain."""
        code = error.code()
        if code in _GAP or code in _GONE:
            self.close()  # the next look says what is missing
        elif error.fatal():
            raise SourceError(f"{self.name} cannot be read: {error.str()}")
        self.waits.lost(error.str())

    def _arrived(self, message: Message) -> Arrived:
        number, offset = message.partition(), message.offset()
        assert number is not None and offset is not None
        self._at = {**self._at, str(number): offset + 1}
        kind, milliseconds = message.timestamp()
        when = milliseconds / 1000 if kind else None
        value: Any = message.value()
        return Arrived(read_row(value), self._at, when)
