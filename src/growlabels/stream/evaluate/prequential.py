"""Evaluate models prequentially: predict and score each row before it is learned."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress, silent
from growlabels.stream.evaluate.evaluation import Evaluation
from growlabels.stream.evaluate.metrics import LabelSet
from growlabels.stream.evaluate.runner import StreamModel
from growlabels.stream.evaluate.scores import OnPoint, PrequentialScores


def prequential(
    model: StreamModel,
    rows: Iterable[tuple[Any, LabelSet]],
    *,
    every: int = 100,
    window: int = 500,
    delay: int = 0,
    at: Sequence[int] = (),
    progress: Progress = silent,
    on_point: OnPoint | None = None,
) -> PrequentialScores:
    """Predict each row, score the prediction, then learn the row.

    Every row is scored, including the first, which an untrained model predicts.

    Parameters
    ----------
    model
        Any River multi-label model. It continues from its current state.
    rows
        Pairs (x, y). x is a dict of features. y is a dict label -> bool, or a set for a model
        that accepts sets. Labels that are not known yet are None: y, or single values of the
        dict. :class:`ArrayRows` with a model that has ``prequential_many`` give
        the same scores much faster.
    every
        Number of rows between two points of the curve, at least 1; default 100.
    window
        Number of rows in the recent scores of a point, at least 1; default 500.
    delay
        Number of further rows predicted before a row's labels arrive and are learned, at least
        0; default 0. Labels that are still missing at the end of the stream are learned then.
    at
        Values of k for precision at k; by default none. The model must rank labels, by
        ``predict_topk_one(x, k)`` or by ``predict_proba_one`` as in River. Rows then pass
        through the model one by one.
    progress
        Function called at each point with ("stream", rows so far, number of rows or None).
    on_point
        Function called with each :class:`Point`; by default none.

    Returns
    -------
    PrequentialScores
        Scores over all rows, with their curve.

    Raises
    ------
    UsageError
        If a parameter is invalid, or if the model cannot rank labels for ``at``.
    DataError
        If a row is invalid; the model keeps what it learned before.

    Examples
    --------
    >>> from river import datasets
    >>> from growlabels.stream import MajorityLabels, prequential
    >>> prequential(MajorityLabels(), datasets.Yeast()).n_rows
    2417
    """
    found = compare(
        {"": model},
        rows,
        every=every,
        window=window,
        delay=delay,
        at=at,
        progress=progress,
        on_point=on_point,
    )
    return found[""]


def compare(
    models: Mapping[str, StreamModel],
    rows: Iterable[tuple[Any, LabelSet]],
    *,
    every: int = 100,
    window: int = 500,
    delay: int = 0,
    at: Sequence[int] = (),
    progress: Progress = silent,
    on_point: OnPoint | None = None,
) -> dict[str, PrequentialScores]:
    """Score several models in one pass over the rows, each as in :func:`prequential`.

    Parameters
    ----------
    models
        Models by name; each must be a separate object.
    rows
        Pairs (x, y), as in :func:`prequential`.
    every
        Number of rows between two points of the curve, at least 1; default 100.
    window
        Number of rows in the recent scores of a point, at least 1; default 500.
    delay
        Number of further rows predicted before a row's labels arrive, at least 0; default 0.
    at
        Values of k for precision at k; by default none. Models that cannot rank labels have none.
    progress
        Function called at each point of the first model; see :func:`prequential`.
    on_point
        Function called with each :class:`Point` of the first model; by default none.

    Returns
    -------
    dict
        Scores of each model, by name.

    Raises
    ------
    UsageError
        If a parameter is invalid, or if no model can rank labels for ``at``.
    DataError
        If a row is invalid; the models keep what they learned before.

    Examples
    --------
    >>> from river import datasets
    >>> from growlabels.stream import IHOMER, MajorityLabels, compare
    >>> models = {"ours": IHOMER(), "majority": MajorityLabels()}
    >>> scores = compare(models, datasets.Yeast().take(200))
    >>> scores["ours"].micro_f1 > scores["majority"].micro_f1
    True
    """
    UsageError.require_callable("progress", progress)
    if on_point is not None:
        UsageError.require_callable("on_point", on_point)
    evaluation = Evaluation(models, every=every, window=window, delay=delay, at=at)
    evaluation.go(rows, progress, on_point)
    return evaluation.end()
