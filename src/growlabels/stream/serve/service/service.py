"""One model that many clients use at once: a learner thread, and predictions between its rows."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from growlabels.base.errors import DataError, GrowLabelsError
from growlabels.stream.evaluate.metrics import SCORES
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.tables import read_row
from growlabels.stream.serve.feed import Feed
from growlabels.stream.serve.live import COUNTED, LiveStream, Taken, predict
from growlabels.stream.serve.record import Record, read_record
from growlabels.stream.serve.service.journal import Journal
from growlabels.stream.serve.service.turn import Turn
from growlabels.stream.serve.sources.source import Arrived

JOURNAL = "requests"
"""Name of the source of rows that clients sent."""
LAST_ROWS = 12
"""Rows that the page shows."""
_MOST_LABELS = 200
"""Labels of which the page shows the trend."""


class Service:
    """Answers about one live stream while its learner thread goes on.

    Parameters
    ----------
    feed
        The run. Its sources are read by the learner thread.
    journal
        The source among them that takes rows of clients.
    turn
        The same that ``feed`` holds while it learns.
    """

    def __init__(self, feed: Feed, journal: Journal, turn: Turn) -> None:
        self.feed: Feed = feed
        self.journal: Journal = journal
        self.turn: Turn = turn
        self.error: BaseException | None = None
        self.started: float = time.time()
        self._last: deque[dict[str, Any]] = deque(maxlen=LAST_ROWS)
        self._number = 0
        self._thread = threading.Thread(target=self._learn_on, name="learner", daemon=True)
        self._ended: Callable[[], None] = lambda: None
        feed.on_row = self._note
        feed.on_checkpoint = lambda stream: journal.forget(stream.positions.get(JOURNAL))

    @property
    def stream(self) -> LiveStream:
        """The state, to be read while ``turn`` is held."""
        return self.feed.stream

    def start(self, ended: Callable[[], None] = lambda: None) -> None:
        """Begin to learn in a thread of its own; ``ended`` is called when that ends."""
        self._ended = ended
        self._thread.start()

    def stop(self) -> None:
        """Finish the row in hand, write a checkpoint and end the thread."""
        self.feed.stop()
        self._thread.join()

    def _learn_on(self) -> None:
        try:
            self.feed.run()
        except BaseException as error:  # raised again where the service was started
            self.error = error
        finally:
            self._ended()

    def read(self, rows: Sequence[Any], labels_too: bool) -> list[Record]:
        """Check the rows of a request; nothing of them is used where one is wrong."""
        records, inputs = [], self.stream.model.inputs
        for number, row in enumerate(rows):
            try:
                if not isinstance(row, Mapping):
                    raise DataError(f"must be an object, it was {type(row).__name__}")
                record = read_record(row, inputs)
                if record.x is not None:
                    read_row(record.x if inputs is None else inputs.features(record.x))
                elif not labels_too:
                    raise DataError("has no key 'x' with the features to predict from")
                records.append(record)
            except DataError as error:
                where = f"row {number} (counting from 0): " if len(rows) > 1 else "the row: "
                raise DataError(f"{where}{error}") from error
        return records

    def predict(self, record: Record, top: int = 0) -> dict[str, Any]:
        """Return the labels of one row, and with ``top`` the likeliest ones with probabilities."""
        assert record.x is not None
        with self.turn.asking():
            model = self.stream.model
            answer: dict[str, Any] = {"labels": predict(model, record.x), "learned": model.n_rows}
            if top:
                ranked = model.predict_topk_one(record.x, top)
                answer["top"] = [{"label": label, "probability": p} for label, p in ranked]
        return answer if record.id is None else {"id": record.id, **answer}

    def accept(self, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Take rows to learn, and rows that wait for their labels; return their positions."""
        if self.error is not None:
            raise GrowLabelsError(f"nothing is learned any more: {self.error}")
        return self.journal.append(rows)

    def model(self) -> dict[str, Any]:
        """Return what the model has found: labels, clusters, events, scores."""
        with self.turn.asking():
            stream = self.stream
            model, scores = stream.model, stream.scores
            return {
                "rows": model.n_rows,
                "bytes": model.n_bytes,
                "labels": list(map(str, model.labels_)),
                "hierarchy": model.hierarchy().to_json(),
                "events": events(model),
                "scores": {"all": scores.total.as_dict(), "recent": scores.recent.as_dict()},
                "counts": dict(stream.counts),
            }

    def health(self) -> tuple[bool, list[str]]:
        """Say whether all is well, and what is not."""
        troubles = [f"nothing is learned: {self.error}"] if self.error is not None else []
        if self.feed.trouble:
            troubles.append(f"no checkpoint was written: {self.feed.trouble}")
        for source in self.feed.sources.values():
            if trouble := getattr(getattr(source, "waits", None), "trouble", ""):
                troubles.append(f"{source.name} does not answer ({trouble})")
        return not troubles, troubles

    def watch(self) -> dict[str, Any]:
        """Return what the page shows."""
        with self.turn.asking():
            stream = self.stream
            model, scores = stream.model, stream.scores
            found = {
                "counts": dict(stream.counts),
                "meanings": {**COUNTED, **SCORES},
                "awaited": {kind: stream.awaited.count(kind) for kind in stream.awaited.KINDS},
                "expired": dict(stream.awaited.expired),
                "scores": {"all": scores.total.as_dict(), "recent": scores.recent.as_dict()},
                "curve": list(scores.curve),
                "trend": _trend(stream),
                "rows": model.n_rows,
                "bytes": model.n_bytes,
                "clusters": [list(map(str, cluster)) for cluster in model.clusters],
                "events": events(model),
                "last": list(self._last),
            }
        _, troubles = self.health()
        return {
            **found,
            "waiting": self.journal.waiting,
            "checkpoints": self.feed.checkpoints_written,
            "troubles": troubles,
            "seconds": time.time() - self.started,
            "sources": [source.name for source in self.feed.sources.values()],
        }

    def explain(self, number: int) -> dict[str, Any] | None:
        """Say why the labels of a recent row are predicted, by the model as it is now."""
        with self.turn.asking():
            rows = {row["number"]: row for row in self._last}
            if number not in rows:
                return None
            why = self.stream.model.explain_one(rows[number]["x"])
            reasons = [
                {
                    "label": str(reason.label),
                    "probability": reason.probability,
                    "chosen": reason.chosen,
                    "experts": reason.parts,
                }
                for reason in why.labels
            ]
            return {"labels": reasons, "times_seen": why.times_seen}

    def _note(self, source: str, arrived: Arrived, taken: Taken) -> None:
        """Keep the last rows for the page."""
        if taken.predicted is None or not isinstance(arrived.row, Mapping):
            return
        self._number += 1
        record = read_record(arrived.row, self.stream.model.inputs)
        self._last.appendleft(
            {
                "number": self._number,
                "id": taken.id,
                "x": record.x,
                "predicted": list(taken.predicted),
                "truth": None if record.y is None else list(record.y),
            }
        )


def events(model: IHOMER) -> list[dict[str, Any]]:
    """Return the events of a model as JSON values."""
    return [
        {
            "row": event.row,
            "kind": event.kind,
            "labels": list(map(str, event.labels)),
            "before": [list(map(str, cluster)) for cluster in event.before],
            "after": [list(map(str, cluster)) for cluster in event.after],
            "statistic": event.statistic,
            "bound": event.bound,
        }
        for event in model.events
    ]


def _trend(stream: LiveStream) -> list[dict[str, Any]]:
    """Return the most frequent recent labels: share of recent rows, and of all rows."""
    total, recent = stream.scores.total, stream.scores.recent
    before, now = total.per_label(), recent.per_label()
    often = sorted(now.items(), key=lambda item: -(item[1].tp + item[1].fn))[:_MOST_LABELS]
    return [
        {
            "label": str(label),
            "recent": (score.tp + score.fn) / max(recent.n_rows, 1),
            "all": (before[label].tp + before[label].fn) / max(total.n_rows, 1),
            "f1": score.f1,
        }
        for label, score in often
    ]
