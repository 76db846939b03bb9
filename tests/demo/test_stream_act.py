"""The stream act: models take turns, and the median of their CPU time is shown."""

from statistics import median

import pytest

from growlabels.base.progress import silent
from growlabels.datasets import load_yeast
from growlabels.demo import _stream
from growlabels.stream import ArrayRows, MajorityLabels


def test_models_take_turns_and_the_median_of_their_times_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    seconds: dict[str, list[float]] = {"a": [], "b": []}
    run = _stream.prequential

    def noted(*args, **kwargs):
        scores = run(*args, **kwargs)
        seconds[made[-1]].append(scores.seconds)
        return scores

    def maker(name: str):
        def make() -> MajorityLabels:
            made.append(name)
            return MajorityLabels()

        return make

    monkeypatch.setattr(_stream, "prequential", noted)
    rows = ArrayRows(*load_yeast()).take(slice(0, 30))
    scores = _stream._scores_in_turn({"a": maker("a"), "b": maker("b")}, rows, silent)
    assert made == ["a", "b"] * _stream.RUNS
    for name, times in seconds.items():
        assert scores[name].seconds == median(times)
        assert scores[name].n_rows == 30
