"""Sources on real brokers: Redis streams and Kafka topics."""

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest

from growlabels.stream.serve.sources.source import Arrived, Source, SourceError, Unreadable

redis = pytest.importorskip("redis")
confluent_kafka = pytest.importorskip("confluent_kafka")
admin = pytest.importorskip("confluent_kafka.admin")

from growlabels.stream.serve.sources.kafka import KafkaSource  # noqa: E402
from growlabels.stream.serve.sources.redis_stream import RedisSource  # noqa: E402
from growlabels.stream.serve.sources.waits import GrowingWaits  # noqa: E402


def rows(count: int, begin: int = 0) -> list[dict[str, Any]]:
    return [{"x": {"a": i}, "y": [str(i % 3)]} for i in range(begin, begin + count)]


def read(source: Source, position: Any, count: int, most: int = 7) -> list[Arrived]:
    """Read rows in parts, until there are ``count``; fail after five minutes."""
    found: list[Arrived] = []
    deadline = time.monotonic() + 300
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} rows came"
        found += source.rows_after(position, min(most, count - len(found)))
        position = found[-1].position if found else position
    return found


def add(server: Any, items: Sequence[Any], begin: int = 0) -> list[dict[str, Any]]:
    """Add entries; return their positions."""
    client = redis.Redis(port=server.port)
    ids = [client.xadd("rows", {"row": json.dumps(item)}).decode() for item in items]
    return [{"id": name, "read": begin + i} for i, name in enumerate(ids, 1)]


def produce(server: Any, payloads: Sequence[bytes | None], partitions: int = 1) -> None:
    client = admin.AdminClient({"bootstrap.servers": server.address})
    if "rows" not in client.list_topics(timeout=100).topics:
        topic = admin.NewTopic("rows", partitions, 1)
        client.create_topics([topic])["rows"].result(100)
    producer = confluent_kafka.Producer({"bootstrap.servers": server.address})
    for i, payload in enumerate(payloads):
        producer.produce("rows", payload, partition=i % partitions)
    assert producer.flush(200) == 0


def as_bytes(items: Sequence[Any]) -> list[bytes]:
    return [json.dumps(item).encode() for item in items]


def test_redis_entries_come_in_order_and_from_any_position(redis_server: Any) -> None:
    ids = add(redis_server, rows(50))
    source = RedisSource(f"redis://{redis_server.address}/0", "rows", wait=0.01)
    source.open(None)
    found = read(source, None, 50)
    assert [row.row for row in found] == rows(50)
    assert [row.position for row in found] == ids
    assert all(row.time == int(row.position["id"].split("-")[0]) / 1000 for row in found)
    assert [row.row for row in read(source, ids[19], 30)] == rows(30, 20)
    assert source.rows_after(ids[-1], 5) == []
    source.close()


def test_redis_rows_that_cannot_be_read_have_a_position(redis_server: Any) -> None:
    client = redis.Redis(port=redis_server.port)
    client.xadd("rows", {"row": "{"})
    client.xadd("rows", {"other": "1"})
    add(redis_server, rows(1))
    source = RedisSource(f"redis://{redis_server.address}/0", "rows", wait=0.01)
    broken, other, good = read(source, None, 3)
    assert isinstance(broken.row, Unreadable) and broken.row.reason.startswith("broken JSON")
    assert isinstance(other.row, Unreadable)
    assert other.row.reason == "has no field 'row', it has other"
    assert good.row == rows(1)[0] and [row.position["read"] for row in (broken, other, good)] == [
        1,
        2,
        3,
    ]
    source.close()


def test_redis_goes_on_after_the_server_was_away(redis_server: Any) -> None:
    said: list[str] = []
    ids = add(redis_server, rows(10))
    url = f"redis://{redis_server.address}/0"
    source = RedisSource(url, "rows", wait=0.01, waits=GrowingWaits("Redis", say=said.append))
    read(source, None, 10)
    redis_server.stop()
    for _ in range(5):
        assert source.rows_after(ids[-1], 5) == []
    redis_server.start()
    add(redis_server, rows(5, 10))
    assert [row.row for row in read(source, ids[-1], 5)] == rows(5, 10)
    assert said[0].startswith("Redis does not answer (") and said[1:] == ["Redis answers again"]
    source.close()


def test_redis_says_what_is_wrong_in_one_sentence(redis_server: Any) -> None:
    url = f"redis://{redis_server.address}/0"
    ids = add(redis_server, rows(10))
    client = redis.Redis(port=redis_server.port)
    client.set("word", "a")
    for stream, reason in (("none", "does not exist"), ("word", "is a string, not a stream")):
        with pytest.raises(SourceError, match=reason):
            RedisSource(url, stream).open(None)
    with pytest.raises(SourceError, match=r"ends at .*, before 9999999999999-0 where this run"):
        RedisSource(url, "rows").open({"id": "9999999999999-0", "read": 3})
    client.xtrim("rows", maxlen=3, approximate=False)
    source = RedisSource(url, "rows", wait=0.01)
    with pytest.raises(SourceError, match=r"lost 4 entries after .*--accept-gap"):
        source.rows_after(ids[2], 5)
    assert [row.row for row in source.rows_after(ids[6], 5)] == rows(3, 7)
    said: list[str] = []
    waits = GrowingWaits("Redis", say=said.append)
    source = RedisSource(url, "rows", wait=0.01, accept_gap=True, waits=waits)
    assert [row.row for row in read(source, ids[2], 3, 1)] == rows(3, 7)
    assert len(said) == 1 and "lost 4 entries" in said[0]


def test_redis_entries_deleted_before_they_were_read(redis_server: Any) -> None:
    ids = add(redis_server, rows(10))
    redis.Redis(port=redis_server.port).xdel("rows", ids[7]["id"], ids[1]["id"])
    source = RedisSource(f"redis://{redis_server.address}/0", "rows", wait=0.01)
    with pytest.raises(SourceError, match=r"lost entries after .*trimmed or deleted"):
        source.rows_after(ids[5], 5)
    assert [row.row for row in source.rows_after(ids[7], 5)] == rows(2, 8)


def test_a_new_run_begins_with_the_first_entry_that_is_there(redis_server: Any) -> None:
    add(redis_server, rows(10))
    redis.Redis(port=redis_server.port).xtrim("rows", maxlen=3, approximate=False)
    source = RedisSource(f"redis://{redis_server.address}/0", "rows", wait=0.01)
    assert [row.row for row in read(source, None, 3)] == rows(3, 7)


@pytest.mark.parametrize("broker", ["redis", "kafka"])
def test_a_broker_that_is_not_there_is_given_up(broker: str) -> None:
    waits = GrowingWaits("the broker", patience=0.0)
    made = {
        "redis": lambda: RedisSource("redis://127.0.0.1:1/0", "rows", waits=waits),
        "kafka": lambda: KafkaSource("127.0.0.1:1", "rows", waits=waits),
    }
    with pytest.raises(SourceError, match=r"cannot reach the broker \(.*\); check the address"):
        made[broker]().open(None)


def test_kafka_messages_come_in_order_and_from_any_position(kafka_server: Any) -> None:
    produce(kafka_server, as_bytes(rows(50)))
    source = KafkaSource(kafka_server.address, "rows")
    source.open(None)
    found = read(source, None, 50)
    assert [row.row for row in found] == rows(50)
    assert [row.position for row in found] == [{"0": i + 1} for i in range(50)]
    assert all(row.time is not None and row.time > 1e9 for row in found)
    assert [row.row for row in read(source, {"0": 20}, 30)] == rows(30, 20)
    source.close()


def test_kafka_rows_of_several_partitions_come_once_each(kafka_server: Any) -> None:
    produce(kafka_server, as_bytes(rows(60)), partitions=3)
    source = KafkaSource(kafka_server.address, "rows")
    first = read(source, None, 25)
    source.close()
    source = KafkaSource(kafka_server.address, "rows")
    rest = read(source, first[-1].position, 35)
    values = sorted(row.row["x"]["a"] for row in first + rest)  # type: ignore[index]
    assert values == list(range(60))
    assert sum(rest[-1].position.values()) == 60
    source.close()


def test_kafka_rows_that_cannot_be_read_have_a_position(kafka_server: Any) -> None:
    produce(kafka_server, [b"[1]", None, b'{"a": 1, "a": 2}', *as_bytes(rows(1))])
    source = KafkaSource(kafka_server.address, "rows")
    *bad, good = read(source, None, 4)
    reasons = [row.row.reason for row in bad if isinstance(row.row, Unreadable)]
    assert reasons == ["is a list, not an object", "has no value", "duplicate key 'a'"]
    assert good.row == rows(1)[0] and good.position == {"0": 4}
    source.close()


def test_kafka_says_what_is_wrong_in_one_sentence(kafka_server: Any) -> None:
    produce(kafka_server, as_bytes(rows(5)))
    with pytest.raises(SourceError, match="does not exist; the broker has: rows"):
        KafkaSource(kafka_server.address, "other").open(None)
    with pytest.raises(SourceError, match="ends at offset 5 of partition 0, before 9"):
        read(KafkaSource(kafka_server.address, "rows"), {"0": 9}, 1)
    with pytest.raises(SourceError, match="no longer has partition 4"):
        KafkaSource(kafka_server.address, "rows").open({"0": 1, "4": 1})


def test_kafka_that_lost_its_log_is_not_taken_for_an_idle_one(kafka_server: Any) -> None:
    produce(kafka_server, as_bytes(rows(5)))
    source = KafkaSource(kafka_server.address, "rows")
    read(source, None, 5)
    kafka_server.stop()
    assert source.rows_after({"0": 5}, 5) == []
    kafka_server.start()  # it keeps its log in memory
    produce(kafka_server, as_bytes(rows(2)))
    with pytest.raises(SourceError, match="the log was lost"):
        read(source, {"0": 5}, 1)
    source.close()


def test_kafka_log_that_begins_after_the_position(kafka_server: Any) -> None:
    produce(kafka_server, as_bytes(rows(10)))
    source = KafkaSource(kafka_server.address, "rows")
    assert source._start(0, None, 4) == 4
    with pytest.raises(SourceError, match=r"begins at offset 4 .* 3 messages were dropped"):
        source._start(0, 1, 4)
    said: list[str] = []
    source.accept_gap, source.waits.say = True, said.append
    assert source._start(0, 1, 4) == 4 and len(said) == 1
