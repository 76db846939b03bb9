"""Learn from a topic of Kafka and keep position and model together, in a loop of your own.

    python stream_kafka.py localhost:9092 tickets state/

``growlabels stream serve run --source kafka://localhost:9092/tickets`` is the same with late
labels, metrics and a page. Each message is ``{"x": {...}, "y": [...]}``.
"""

import json
import sys
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from growlabels.stream import IHOMER

EVERY = 5000
"""Rows between two saved states."""


def save(model: IHOMER, offset: int, folder: Path) -> None:
    """Write model and offset so that both change together: the offset is in the file's name."""
    model.save(folder / f"{offset:020d}.zip")
    for old in sorted(folder.glob("*.zip"))[:-3]:
        old.unlink()


def restore(folder: Path) -> tuple[IHOMER, int]:
    """Return the last model and the offset of the next message."""
    files = sorted(folder.glob("*.zip"))
    return (IHOMER.load(files[-1]), int(files[-1].stem)) if files else (IHOMER(), 0)


def learn(servers: str, topic: str, folder: Path, most: int | None = None) -> IHOMER:
    """Learn messages of partition 0 from the saved offset on; stop after ``most`` of them."""
    folder.mkdir(parents=True, exist_ok=True)
    model, offset = restore(folder)
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "unused"})
    consumer.assign([TopicPartition(topic, 0, offset)])  # nothing is committed to the broker
    done = 0
    try:
        while most is None or done < most:
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error():
                raise SystemExit(str(message.error()))
            row = json.loads(message.value())
            model.learn_one(row["x"], set(row["y"]))
            offset, done = message.offset() + 1, done + 1
            if done % EVERY == 0:
                save(model, offset, folder)
    finally:
        consumer.close()
        save(model, offset, folder)
    return model


if __name__ == "__main__":
    learn(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
