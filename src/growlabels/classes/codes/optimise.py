"""Search numerically for unit vectors with small cosines, where no construction fits.

The search minimises the soft maximum log sum exp(beta c_ij) / beta of the cosines, or of their
absolute values, on the product of spheres. As beta grows, the objective shifts from all pairs to
the pairs with the largest cosines. The gradient of a vector is a weighted sum of the others. An
iteration is therefore two matrix products over the blocks of the upper triangle of the Gram
matrix.
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
# Beta and the step are in units of the Welch bound. The values were tuned for the sizes
# (1000, 100), (1000, 500), (200, 20) and (28, 7); in these units one choice fits all four.
SHARPNESS, SHARPEN = 3.0, 80.0  # beta of the first iteration, and its growth over the run
STEP, LAST_STEP = 2.0, 0.01  # angle that a vector moves in the first and last iteration
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
    """Search for ``count`` unit vectors with a small largest cosine, and return the best set.

    Ctrl-C ends the search early and returns the best set so far.

    Parameters
    ----------
    count
        Number of vectors, more than ``dim``.
    dim
        Dimension of the vectors, at least 1.
    criterion
        Cosine to minimise: ``"absolute"`` (default) for the largest absolute cosine, as in the
        papers, or ``"signed"`` for the largest signed cosine, which a softmax depends on.
    steps
        Number of iterations, at least 1; default 250. With 1,000 iterations the result is one to
        two percent smaller.
    target
        The search stops when the largest cosine is at most this value. The default 0 uses all
        iterations.
    seed
        Seed of the random start; default 0.
    progress
        Function that is called after each iteration.

    Returns
    -------
    array of shape (count, dim), float32
        The best set of unit vectors, whether or not the target was reached.

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
    # Estimate for random vectors. With 1 the first gradient would vanish in rounding.
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
    except KeyboardInterrupt:  # keep the best set so far; the caller measures its cosines
        pass
    return best


def tight_frame(count: int, dim: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Draw unit vectors that form nearly a tight frame.

    Their outer products sum nearly to a multiple of the identity. The function alternates
    between the nearest tight frame and unit length. The search then starts near the Welch bound
    on the mean square cosine.
    """
    vectors = generator.standard_normal((count, dim))
    for _ in range(3):  # further iterations change nothing
        values, axes = np.linalg.eigh(vectors.T @ vectors)
        vectors = vectors @ ((axes * values**-0.5) @ axes.T)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return _normalised(vectors.astype(np.float32))


def soft_gradient(
    vectors: NDArray[np.float32], beta: float, largest: float, criterion: Criterion
) -> tuple[NDArray[np.float32], float]:
    """Return the gradient direction of the soft maximum, and the true maximum cosine.

    Parameters
    ----------
    vectors
        Unit vectors, one per row.
    beta
        Sharpness of the soft maximum, above 0.
    largest
        Maximum cosine of the last iteration. It only keeps the exponentials in range.
    criterion
        Cosines to maximise over: absolute or signed.

    Returns
    -------
    gradient, top
        Array of the shape of ``vectors``, and the largest (absolute) cosine.
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
    """Yield the blocks of the upper triangle, with the diagonal, of a count x count matrix."""
    starts = range(0, count, BLOCK)
    for first in starts:
        for second in range(first, count, BLOCK):
            yield (
                slice(first, min(first + BLOCK, count)),
                slice(second, min(second + BLOCK, count)),
            )


def _normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
