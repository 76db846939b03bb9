"""The state of a live stream: everything that a row changes, and that a checkpoint keeps."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from growlabels.base.errors import DataError, RunError
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.serve.awaited import AwaitedRows, Waiting
from growlabels.stream.serve.checkpoints import Part, Parts
from growlabels.stream.serve.record import Id, Record, read_record
from growlabels.stream.serve.scores import LiveScores
from growlabels.stream.serve.sources.source import Arrived, Position, Unreadable

FORMAT = 1
COUNTED = {
    "rows": "rows that came, bad ones included",
    "learned": "rows learned with their labels",
    "corrected": "rows learned again because their labels were corrected",
    "repeated": "rows or labels that came again and were not learned again",
    "unlabelled": "rows without labels and without an id, which were predicted alone",
    "malformed": "rows that could not be used and were set aside",
}
"""What is counted."""


class Taken(NamedTuple):
    """What came of one row.

    Attributes
    ----------
    id
        The id of the row, where it has one.
    predicted
        Labels that were predicted before anything was learned; None: there was no row to predict.
    reason
        Why the row was set aside; empty: it was used.
    raw
        The text of a row that was set aside.
    """

    id: Id | None = None
    predicted: tuple[str, ...] | None = None
    reason: str = ""
    raw: str = ""


class LiveStream:
    """A learner with its scores, its awaited rows and the positions of its sources.

    The state after a row is decided by the state before and the row alone: neither clock nor
    chance has a part, so going on from a checkpoint gives the same state to the bit.

    Parameters
    ----------
    model
        The learner.
    awaited
        The store of rows whose labels come later.
    window
        Rows that count for the recent scores.

    Examples
    --------
    >>> stream = LiveStream(IHOMER())
    >>> stream.take("s", Arrived({"id": 1, "x": {"a": 1.0}}, 1)).predicted
    ()
    >>> _ = stream.take("s", Arrived({"id": 1, "y": ["red"]}, 2))
    >>> stream.counts["learned"], stream.model.labels_, stream.positions
    (1, ['red'], {'s': 2})
    """

    def __init__(
        self, model: IHOMER, awaited: AwaitedRows | None = None, window: int = 500
    ) -> None:
        self.model = model
        self.awaited: AwaitedRows = AwaitedRows() if awaited is None else awaited
        self.scores: LiveScores = LiveScores(window)
        self.counts: dict[str, int] = dict.fromkeys(COUNTED, 0)
        self.positions: dict[str, Position] = {}

    def take(self, source: str, arrived: Arrived) -> Taken:
        """Predict, score and learn one row, as far as its parts have come."""
        self.counts["rows"] += 1
        self.positions[source] = arrived.position
        if arrived.time is not None:
            self.awaited.expire(arrived.time)
        row = arrived.row
        try:
            if isinstance(row, Unreadable):
                raise DataError(row.reason)
            record = read_record(row, self.model.inputs)
            return Taken(record.id, self._take(record, arrived.time or 0.0))
        except DataError as error:
            self.counts["malformed"] += 1
            raw = row.raw if isinstance(row, Unreadable) else json.dumps(row, default=str)
            return Taken(reason=str(error), raw=raw[:2000])

    def _take(self, record: Record, time: float) -> tuple[str, ...] | None:
        name = record.id
        if record.x is None:
            assert record.y is not None
            self._take_labels(name, record.y, time)
            return None
        predicted = predict(self.model, record.x)
        if name is None:
            if record.y is None:
                self.counts["unlabelled"] += 1
            else:
                self._learn(record.x, record.y, predicted)
            return predicted
        early = self.awaited.take("labels", name)
        labels = early.labels if record.y is None and early is not None else record.y
        if self.awaited.has("learned", name):
            if labels is None:
                self.counts["repeated"] += 1
            else:
                self._correct(name, labels, time)
        elif labels is not None:
            self._learn(record.x, labels, predicted)
            self.awaited.take("rows", name)
            self._keep("learned", name, record.x, labels, time)
        elif self.awaited.has("rows", name):
            self.counts["repeated"] += 1
        else:
            self._keep("rows", name, record.x, predicted, time)
        return predicted

    def _take_labels(self, name: Id | None, labels: tuple[str, ...], time: float) -> None:
        if (waiting := self.awaited.take("rows", name)) is not None:
            x = json.loads(waiting.row)
            self._learn(x, labels, waiting.labels)
            self.awaited.put("learned", name, waiting._replace(labels=labels, time=time))
        elif self.awaited.has("learned", name):
            self._correct(name, labels, time)
        else:
            self.awaited.put("labels", name, Waiting(b"", labels, time))

    def _correct(self, name: Id | None, labels: tuple[str, ...], time: float) -> None:
        known = self.awaited.get("learned", name)
        if set(known.labels) == set(labels):
            self.counts["repeated"] += 1
            return
        self.model.learn_one(json.loads(known.row), frozenset(labels))
        self.counts["corrected"] += 1
        self.awaited.put("learned", name, known._replace(labels=labels, time=time))

    def _learn(
        self, x: Mapping[str, Any], labels: tuple[str, ...], predicted: tuple[str, ...]
    ) -> None:
        self.model.learn_one(x, dict.fromkeys(labels, True))
        self.scores.update(labels, predicted)
        self.counts["learned"] += 1

    def _keep(
        self, kind: str, name: Id, x: Mapping[str, Any], labels: tuple[str, ...], time: float
    ) -> None:
        self.awaited.put(kind, name, Waiting(json.dumps(x).encode(), labels, time))

    def parts(self, model: IHOMER, model_file: Path) -> dict[str, Part]:
        """Return the parts of a checkpoint; a copy of the model goes to ``model_file`` first."""
        model.save(model_file, compress=False)
        about = {"format": FORMAT, "counts": self.counts, "positions": self.positions}
        return {
            "about.json": json.dumps(about).encode(),
            "scores.json": json.dumps(self.scores.to_json()).encode(),
            "awaited.jsonl": self.awaited.to_lines(),
            "model.zip": model_file,
        }

    @classmethod
    def load(cls, parts: Parts, awaited: AwaitedRows | None = None) -> "LiveStream":
        """Return the state that a checkpoint holds; ``awaited`` has the bounds to keep from now."""
        about = json.loads(parts.read("about.json"))
        if about["format"] != FORMAT:
            raise RunError(f"it has format {about['format']!r}, this growlabels reads {FORMAT}")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "model.zip")
            parts.copy("model.zip", file)
            made = cls(IHOMER.load(file), awaited)
        made.awaited.fill(parts.read("awaited.jsonl"))
        made.scores = LiveScores.from_json(parts.read("scores.json"))
        made.counts = {**made.counts, **about["counts"]}
        made.positions = about["positions"]
        return made


def predict(model: IHOMER, x: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the labels of the likeliest set, those that were true first at the front."""
    return tuple(map(str, model.predict_labels_one(x)))
