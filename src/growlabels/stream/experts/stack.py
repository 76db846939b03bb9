"""The pooled logistic stack: one weight per expert for all labels, and our own F1 so far."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EXPERTS = (
    "linear A",
    "linear B",
    "kNN 100/3",
    "kNN 1000/3",
    "kNN 1000/10",
    "recent",
    "curves",
    "prior",
)
KEEP = 0.998
PENALTY = 10.0


class Stack(NamedTuple):
    """State of the stack.

    Attributes
    ----------
    weights
        (experts + 1,): weight of each expert's logit, then the intercept.
    hessian
        (experts + 1, experts + 1): decayed curvature; the lower triangle counts.
    hits
        Labels predicted and true, predicted and false, missed, over all rows.
    """

    weights: NDArray[np.float64]
    hessian: NDArray[np.float64]
    hits: NDArray[np.int64]


def new_stack() -> Stack:
    """Make a stack that gives each expert the same weight."""
    size = len(EXPERTS) + 1
    weights = np.full(size, 1.0 / len(EXPERTS))
    weights[-1] = 0.0
    return Stack(weights, np.eye(size) * PENALTY, np.zeros(3, np.int64))
