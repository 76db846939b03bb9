"""Build the score table of a scan: highest answers, left-out percentiles and warnings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from growlabels.unsafe.rows.target_sets import left_out
from growlabels.unsafe.scores.forward_scores import left_out_percentiles, without_itself
from growlabels.unsafe.scores.fusion import zscore
from growlabels.unsafe.scores.scan import Scan, SetScores, require_finite
from growlabels.unsafe.scores.score_table import ScoreTable, ranks
from growlabels.unsafe.scores.threshold import warning_light

_NAMED = 5
_LONGER = 4


def scan_table(
    scan: Scan,
    found: Mapping[str, SetScores],
    against: Mapping[str, np.ndarray],
    warnings: Sequence[str],
    facts: Mapping[str, Any],
) -> ScoreTable:
    """Combine the scores of all methods into one table.

    Parameters
    ----------
    scan
        The scan.
    found
        Method -> its scores. The first method ranks the rows.
    against
        Method -> scores against the anchors, shape (answers, 1). Empty without anchors.
    warnings
        Warnings about the input, which come first in the table.
    facts
        Settings and counts of the scan.

    Raises
    ------
    DataError
        A score is not finite.
    """
    pool, targets = scan.pool, scan.features
    place = {key: index for index, key in enumerate(targets.keys)}
    target_of = np.array([place.get(key, -1) for key in pool.keys])
    of_rows = RowAnswers(pool.numbers)
    is_target, truncated = of_rows.any(target_of >= 0), of_rows.any(pool.truncated)
    answers: dict[str, np.ndarray] = {}
    percentiles: dict[str, list[float]] = {}
    for method, scores in found.items():
        rows = scores.rows
        if method in against:
            rows = zscore(rows) - zscore(against[method])
        answers[method] = without_itself(rows, target_of, len(targets))
        require_finite(method, answers[method], scores.targets, pool.numbers)
        highest = of_rows.highest(scores.rows)
        percentiles[method] = left_out_percentiles(highest, scores.targets, ~is_target)
    main = next(iter(found))
    best = of_rows.best(answers[main])
    methods = {method: of_rows.highest(scores) for method, scores in answers.items()}
    left = [targets.ids[index] for index in left_out(len(targets))]
    return ScoreTable(
        row_id=[pool.ids[int(place)] for place in best],
        number=pool.numbers[best],
        score=methods[main],
        rank=ranks(methods[main]),
        methods=methods,
        nearest_target=[targets.ids[int(index)] for index in pool.nearest[best]],
        nearest_target_number=targets.numbers[pool.nearest[best]],
        answer=pool.answers[best],
        answers=of_rows.last(pool.answers),
        window_start=pool.window_start[best],
        window_end=pool.window_end[best],
        window_text=_texts(scan, pool.window_tokens[best]),
        is_target=is_target,
        truncated=truncated,
        percentiles=percentiles,
        left_out=left,
        warnings=[
            *warnings,
            *warning_light(percentiles[main], left),
            *_gradient_warnings(scan, len(of_rows)),
            *_target_warnings(pool.numbers[best][is_target]),
            *_truncation_warnings(scan, truncated),
        ],
        facts={**facts, "gradient_layers": scan.gradient_layers},
    )


def _texts(scan: Scan, windows: np.ndarray) -> list[str]:
    decode = scan.model.tokenizer.decode
    return [decode(window[window >= 0]) for window in windows]


def _gradient_warnings(scan: Scan, rows: int) -> list[str]:
    """Warn where only some answers were scored by gradients."""
    answers = len(scan.pool.ids)
    if not scan.has_gradients or len(scan.gradient_places) == answers:
        return []
    return [
        f"Gradients were computed for {len(scan.gradient_places)} of {answers} "
        f"{'answers' if answers > rows else 'rows'}, those with the highest F4w scores. Gradient "
        "methods rank all others below them, in the order of F4w."
    ]


def _target_warnings(numbers: np.ndarray) -> list[str]:
    """Warn of rows that are also targets; ``numbers`` holds their 1-based positions."""
    if not len(numbers):
        return []
    named = ", ".join(map(str, numbers[:_NAMED]))
    named += " and more" if len(numbers) > _NAMED else ""
    many = len(numbers) > 1
    return [
        f"{len(numbers)} of the rows {'are also targets' if many else 'is also a target'} "
        f"(row{'s' * many} {named}). {'Each' if many else 'It'} was scored without itself as a "
        "target, and the filter rejects it."
    ]


def _truncation_warnings(scan: Scan, truncated: np.ndarray) -> list[str]:
    """Warn of rows of which the model read only a part."""
    if not truncated.any():
        return []
    prompt, response = scan.settings.max_prompt_tokens, scan.settings.max_response_tokens
    times = (prompt + _LONGER * response) / (prompt + response)
    return [
        f"The model read only a part of {truncated.mean():.0%} of the rows ({prompt} prompt and "
        f"{response} response tokens). Only TF-IDF reads the rest. --max-response-tokens "
        f"{_LONGER * response} reads {_LONGER} times as much of the responses and takes up to "
        f"{times:.1f} times as long."
    ]


class RowAnswers:
    """Group answers by row, and combine their values.

    Methods score answers, and a conversation has several. One harmful answer is a reason to reject
    the row, so for each method the row gets its highest score.

    Parameters
    ----------
    numbers
        Row number of each answer, 1-based and ascending.

    Examples
    --------
    >>> of_rows = RowAnswers(np.array([1, 2, 2, 2, 5]))
    >>> scores = np.array([0.3, 0.1, 0.9, 0.4, 0.2])
    >>> of_rows.highest(scores).tolist(), of_rows.best(scores).tolist()
    ([0.3, 0.9, 0.2], [0, 2, 4])
    """

    def __init__(self, numbers: Int[np.ndarray, " answers"]) -> None:
        self._starts = np.flatnonzero(np.diff(numbers, prepend=0))
        self._counts = np.diff(self._starts, append=len(numbers))

    def __len__(self) -> int:
        return len(self._starts)

    def highest(
        self, scores: Float[np.ndarray, "answers *sets"]
    ) -> Float[np.ndarray, "rows *sets"]:
        """Return the highest score of each row's answers."""
        return np.maximum.reduceat(scores, self._starts, axis=0)

    def best(self, scores: Float[np.ndarray, " answers"]) -> Int[np.ndarray, " rows"]:
        """Return the index of each row's highest answer, the first among equals."""
        row = np.repeat(np.arange(len(self)), self._counts)
        highest = np.flatnonzero(scores == self.highest(scores)[row])
        return highest[np.unique(row[highest], return_index=True)[1]]

    def any(self, flags: Bool[np.ndarray, " answers"]) -> Bool[np.ndarray, " rows"]:
        """Return whether any of each row's answers has the flag."""
        return np.logical_or.reduceat(flags, self._starts)

    def last(self, values: Int[np.ndarray, " answers"]) -> Int[np.ndarray, " rows"]:
        """Return the value of each row's last answer."""
        return values[self._starts + self._counts - 1]
