"""The figures of a service as Prometheus collects them."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from growlabels.stream.serve.service.service import Service

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0)


class Exposition:
    """Collects figures of a service when they are asked for.

    Parameters
    ----------
    service
        The service; its learner is held for a moment while it is asked.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._rows = Counter(
            "growlabels_predicted_rows", "Rows predicted for clients.", registry=self._registry
        )
        self._latency = Histogram(
            "growlabels_predict_seconds",
            "Seconds from a predict request's arrival to its answer.",
            buckets=_SECONDS,
            registry=self._registry,
        )

    def predicted(self, rows: int, seconds: float) -> None:
        """Note one answered request."""
        self._rows.inc(rows)
        self._latency.observe(seconds)

    def text(self) -> tuple[bytes, str]:
        """Return all figures in the text format, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def collect(self) -> Iterator[Any]:
        """Yield the figures of the live stream."""
        service = self._service
        with service.turn.asking():
            stream = service.stream
            counts, scores = dict(stream.counts), stream.scores.recent.as_dict()
            awaited = {kind: stream.awaited.count(kind) for kind in stream.awaited.KINDS}
            expired = dict(stream.awaited.expired)
            size, labels = stream.model.n_bytes, len(stream.model.labels_)
            alarms = sum("drift" in event.kind for event in stream.model.events)
        rows = CounterMetricFamily("growlabels_rows", "Rows by outcome.", labels=["outcome"])
        for outcome, count in counts.items():
            rows.add_metric([outcome], count)
        yield rows
        waiting = GaugeMetricFamily(
            "growlabels_awaited", "Entries that wait or are kept, by kind.", labels=["kind"]
        )
        for kind, count in awaited.items():
            waiting.add_metric([kind], count)
        yield waiting
        gone = CounterMetricFamily(
            "growlabels_expired", "Entries dropped before their counterpart came.", labels=["kind"]
        )
        for kind, count in expired.items():
            gone.add_metric([kind], count)
        yield gone
        recent = GaugeMetricFamily(
            "growlabels_recent_score", "Scores over the recent rows.", labels=["score"]
        )
        for name in ("exact_match", "micro_f1", "macro_f1"):
            recent.add_metric([name], scores[name])
        yield recent
        feed = service.feed
        well, _ = service.health()
        for name, meaning, value in (
            ("model_bytes", "Bytes of all models and tables.", size),
            ("labels", "Labels known.", labels),
            ("queued_rows", "Rows accepted and not yet learned.", service.journal.waiting),
            ("well", "1 where nothing is wrong, else 0.", int(well)),
        ):
            yield GaugeMetricFamily(f"growlabels_{name}", meaning, value=value)
        for name, meaning, value in (
            ("drift_alarms", "Alarms of drift.", alarms),
            ("checkpoints", "Checkpoints written since the start.", feed.checkpoints_written),
            ("checkpoint_seconds", "Seconds spent on checkpoints.", feed.checkpoint_seconds),
        ):
            yield CounterMetricFamily(f"growlabels_{name}", meaning, value=value)
