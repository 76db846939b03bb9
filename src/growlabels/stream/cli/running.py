"""Compile the learner before a run and print the scores during it."""

import sys
import time

import numpy as np
from tqdm import tqdm

from growlabels.stream.evaluate.scores import Point
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.array_rows import ArrayRows


def warm_up() -> None:
    """Compile the kernels with a small learner: tables, single rows and rankings."""
    rng = np.random.default_rng(0)
    X, Y, model = rng.random((3, 4)), rng.random((3, 2)) < 0.5, IHOMER()
    for features in ([0, 1, 2, 3], [3, 2, 1, 0]):
        model.prequential_many(*ArrayRows(X, Y, features, [0, 1]).tables)
    model.learn_one({0: 1.0}, {0})
    model.predict_topk_one({0: 1.0})
    model.hierarchy()


class RunningScores:
    """Print the scores so far to standard error every few seconds.

    Parameters
    ----------
    seconds
        Time between two lines, in seconds; default 5.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def __call__(self, point: Point) -> None:
        if time.monotonic() - self._last < self._seconds:
            return
        self._last = time.monotonic()
        if sys.stderr is None:  # standard error is closed
            return
        total, recent = point.total, point.recent
        tqdm.write(
            f"row {point.row}: exact match {total['exact_match']:.3f}, micro F1 "
            f"{total['micro_f1']:.3f} (last {recent['n_rows']}: {recent['exact_match']:.3f}, "
            f"{recent['micro_f1']:.3f}), {point.row / point.seconds:,.0f} rows a second",
            file=sys.stderr,
        )  # tqdm.write does not break the progress bar
