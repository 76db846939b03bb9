"""Weights of rows: how many times each row is learned."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import UsageError, number_of

MOST = 10_000.0
"""Largest weight of a row: a row of weight w is learned w times."""


class Weights:
    """Turn weights into whole numbers of times that a row is learned.

    A weight of 2 is the row twice, and a weight of 0 is no row. What is left of a fraction is
    carried to the next rows: of rows of weight 0.5, every second one is learned.

    Parameters
    ----------
    owed
        Fraction left of the rows before, from 0 to below 1.

    Examples
    --------
    >>> weights = Weights()
    >>> [weights.times(w, "w") for w in (1.0, 2.0, 0.5, 0.5, 0.0)]
    [1, 2, 0, 1, 0]
    """

    def __init__(self, owed: float = 0.0) -> None:
        self.owed = owed

    def times(self, weight: Any, name: str) -> int:
        """Return how many times a row of this weight is learned; ``name`` is for the message."""
        number = float(number_of(weight))
        if not 0.0 <= number <= MOST:
            must = f"must be a number from 0 to {MOST:,.0f}"
            raise UsageError.parameter(name, must, weight)
        whole = math.floor(self.owed + number)
        self.owed += number - whole
        return whole

    def all_times(self, weights: Any, rows: int) -> NDArray[np.int64]:
        """Return the same for the rows of a table; nothing is carried where one is wrong."""
        given = np.array(weights, object)
        if given.shape != (rows,):
            must = f"must be {rows} numbers, one for each row"
            raise UsageError.parameter("sample_weight", must, weights)
        owed = self.owed
        try:
            return np.array(
                [self.times(w, f"sample_weight[{i}]") for i, w in enumerate(given.tolist())],
                np.int64,
            )
        except UsageError:
            self.owed: float = owed
            raise
