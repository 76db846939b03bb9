"""Numerical search for far-apart unit vectors, for sizes that no construction serves.

Minimises the soft maximum log sum exp(beta c_ij) / beta of the cosines (or of their absolute
values) on the product of spheres while beta grows: at first all pairs count, in the end only
the worst. The gradient of a vector is a weighted sum of the others, so an iteration is two
matrix products over the blocks of the upper triangle of the Gram matrix.
"""

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress, silent
from growlabels.classes.codes.bounds import welch_bound

Criterion = Literal["absolute", "signed"]
CRITERIA: tuple[Criterion, ...] = ("absolute", "signed")
BLOCK = 512
# In units of the Welch bound, the scale on which cosines differ: found at (1000, 100),
# (1000, 500), (200, 20) and (28, 7), where nothing else had to change with the size.
SHARPNESS, SHARPEN = 3.0, 80.0  # first beta, and its growth over the run
STEP, LAST_STEP = 2.0, 0.01  # angle a vector moves per iteration, first and last
MOMENTUM, MEMORY = 0.9, 0.99


def optimise(
    count: int,
    dim: int,
    criterion: Criterion = "absolute",
    steps: int = 250,
    target: float = 0.0,
    seed: int = 0,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Search ``count`` unit vectors whose largest cosine is small; returns the best set met.

    Ctrl-C ends the search early, with the best set so far.

    Parameters
    ----------
    count, dim
        Number of vectors and their dimension, count > dim.
    criterion
        ``"absolute"`` for the largest absolute cosine (the papers' quantity), ``"signed"`` for the
        largest cosine (what a softmax over cosines is disturbed by).
    steps
        Iterations, at least 1; 1,000 instead of 250 gain one to two percent.
    target
        Stop as soon as the largest cosine is not above this; 0: use all steps.
    seed
        Of the random start.

    Returns
    -------
    array of shape (count, dim), float32
        Rows of length 1; the result whether or not the target was reached.

    Examples
    --------
    >>> vectors = optimise(28, 7)  # 28 equiangular lines exist: |cosine| 1/3
    >>> gram = abs(vectors @ vectors.T) - np.eye(28)
    >>> bool(gram.max() < 0.335)
    True
    """
    if count <= dim:
        raise UsageError.parameter("count", f"must be above dim = {dim} to need a search", count)
    if steps < 1:
        raise UsageError.parameter("steps", "must be at least 1", steps)
    if criterion not in CRITERIA:
        raise UsageError.choice("criterion", CRITERIA, criterion)
    vectors = tight_frame(count, dim, np.random.default_rng(seed))
    best, lowest = vectors, 2.0
    # of random vectors; from 1 the first gradient would be too small to be told from rounding
    largest = min(1.0, math.sqrt(4 * math.log(count) / dim))
    scale = welch_bound(count, dim)
    average = np.zeros_like(vectors)
    size = np.zeros((count, 1), dtype=np.float32)
    try:
        for step in range(steps):
            done = step / max(steps - 1, 1)
            beta = SHARPNESS / scale * SHARPEN**done
            angle = STEP * scale * (LAST_STEP / STEP) ** done
            gradient, largest = soft_gradient(vectors, beta, largest, criterion)
            if largest < lowest:
                best, lowest = vectors, largest
            progress("optimising vectors", step + 1, steps)
            if lowest <= target:
                break
            gradient -= (gradient * vectors).sum(1, keepdims=True) * vectors
            average = MOMENTUM * average + (1 - MOMENTUM) * gradient
            size = MEMORY * size + (1 - MEMORY) * (gradient * gradient).sum(1, keepdims=True)
            length = np.sqrt(size / np.float32(1 - MEMORY ** (step + 1))) + np.float32(1e-30)
            move = np.float32(angle / (1 - MOMENTUM ** (step + 1))) * average / length
            vectors = _normalised(vectors - move)
    except KeyboardInterrupt:  # what was found is worth keeping: the caller measures it
        pass
    return best


def tight_frame(count: int, dim: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Draw unit vectors whose outer products sum to almost a multiple of the identity.

    Alternates between the nearest tight frame and unit length; starts the search near the
    Welch bound on the mean square cosine.
    """
    vectors = generator.standard_normal((count, dim))
    for _ in range(3):  # more change nothing
        values, axes = np.linalg.eigh(vectors.T @ vectors)
        vectors = vectors @ ((axes * values**-0.5) @ axes.T)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return _normalised(vectors.astype(np.float32))


def soft_gradient(
    vectors: NDArray[np.float32], beta: float, largest: float, criterion: Criterion
) -> tuple[NDArray[np.float32], float]:
    """Gradient direction of the soft maximum, and the true maximum of the (absolute) cosines.

    ``largest`` is the maximum of the last iteration: it only keeps the exponentials in range,
    so an old value serves.
    """
    gradient = np.zeros_like(vectors)
    top = -1.0
    for rows, columns in upper_blocks(len(vectors)):
        cosines = vectors[rows] @ vectors[columns].T
        if rows == columns:
            np.fill_diagonal(cosines, -1.0 if criterion == "signed" else 0.0)
        sizes = cosines if criterion == "signed" else np.abs(cosines)
        top = max(top, float(sizes.max()))
        weights = np.exp(np.float32(beta) * np.minimum(sizes - np.float32(largest), 40 / beta))
        if criterion == "absolute":
            weights = np.copysign(weights, cosines)
        if rows == columns:
            np.fill_diagonal(weights, 0.0)
            gradient[rows] += weights @ vectors[rows]
        else:
            gradient[rows] += weights @ vectors[columns]
            gradient[columns] += weights.T @ vectors[rows]
    return gradient, top


def upper_blocks(count: int) -> Iterator[tuple[slice, slice]]:
    """Yield the blocks of the upper triangle of a count x count matrix, the diagonal included."""
    starts = range(0, count, BLOCK)
    for first in starts:
        for second in range(first, count, BLOCK):
            yield (
                slice(first, min(first + BLOCK, count)),
                slice(second, min(second + BLOCK, count)),
            )


def _normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
