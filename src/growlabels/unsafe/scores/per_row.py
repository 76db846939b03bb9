"""From scores of answers to scores of rows: most rows have one answer, a conversation several."""

import numpy as np
from jaxtyping import Bool, Float, Int


class RowAnswers:
    """Which answers are of one row, and what their scores say of it.

    Methods score answers. A row is to be left out if one of its answers is harmful, so it has the
    score of its highest answer, method by method.

    Parameters
    ----------
    numbers
        Per answer the place of its row in the input, ascending.

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
        """Return the place of each row's highest answer, the first of equal ones."""
        row = np.repeat(np.arange(len(self)), self._counts)
        highest = np.flatnonzero(scores == self.highest(scores)[row])
        return highest[np.unique(row[highest], return_index=True)[1]]

    def any(self, flags: Bool[np.ndarray, " answers"]) -> Bool[np.ndarray, " rows"]:
        """Return whether a flag holds of one of each row's answers."""
        return np.logical_or.reduceat(flags, self._starts)

    def last(self, values: Int[np.ndarray, " answers"]) -> Int[np.ndarray, " rows"]:
        """Return what is known of each row's last answer."""
        return values[self._starts + self._counts - 1]
