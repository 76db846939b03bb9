"""Check that scores repeat the metrics of all rows."""

from growlabels.stream.evaluate.metrics import SCORES, MultiLabelMetrics
from growlabels.stream.evaluate.scores import PrequentialScores


def test_scores_are_those_of_the_metrics():
    metrics = MultiLabelMetrics(at=[1])
    metrics.update({"a", "b"}, {"a"}, ["b"])
    metrics.update({"b"}, {"b"}, ["a"])
    scores = PrequentialScores(metrics, (), seconds=0.5)
    assert all(getattr(scores, name) == getattr(metrics, name) for name in SCORES)
    assert (scores.n_rows, scores.rows_per_second) == (2, 4.0)
    assert scores.precision_at == {1: 0.5}
    assert repr(scores).startswith("PrequentialScores(n_rows=2, exact_match=0.500")
