"""Running scores of a live stream, which a checkpoint keeps."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from growlabels.stream.evaluate.metrics import MultiLabelMetrics

MOST_POINTS = 400
"""Points of the curve; when there are more, every other one goes."""


class CurvePoint(NamedTuple):
    """Scores over the recent rows at one moment."""

    row: int
    exact_match: float
    micro_f1: float


class LiveScores:
    """Scores over all rows and over the recent ones, and the course of the recent ones.

    Parameters
    ----------
    window
        Rows that count as recent.
    """

    def __init__(self, window: int = 500) -> None:
        self.total: MultiLabelMetrics = MultiLabelMetrics()
        self.recent: MultiLabelMetrics = MultiLabelMetrics(window)
        self.curve: list[CurvePoint] = []
        self.every = 10

    def update(self, truth: Iterable[str], predicted: Iterable[str]) -> None:
        """Score one row."""
        true, said = frozenset(truth), frozenset(predicted)
        self.total.update(true, said)
        self.recent.update(true, said)
        if self.total.n_rows % self.every == 0:
            point = self.total.n_rows, self.recent.exact_match, self.recent.micro_f1
            self.curve.append(CurvePoint(*point))
            if len(self.curve) > MOST_POINTS:
                self.curve = self.curve[1::2]
                self.every: int = 2 * self.every

    def to_json(self) -> dict[str, Any]:
        """Return everything as a JSON value, exact to the bit."""
        return {
            "total": self.total.to_json(),
            "recent": self.recent.to_json(),
            "curve": self.curve,
            "every": self.every,
        }

    @classmethod
    def from_json(cls, value: Any) -> "LiveScores":
        """Return the scores that :meth:`to_json` wrote."""
        value = json.loads(value) if isinstance(value, bytes | str) else value
        made = cls(value["recent"]["window"])
        made.total = MultiLabelMetrics.from_json(value["total"])
        made.recent = MultiLabelMetrics.from_json(value["recent"])
        made.curve = [CurvePoint(*point) for point in value["curve"]]
        made.every = int(value["every"])
        return made
