"""Compute KT: row means of middle layers, whitened without the suspects.

As in DRA (denoised representations), directions in which ordinary rows vary a lot carry little
information about the targets. Unsafe rows would distort the covariance. A first score with strong
shrinkage therefore finds the suspects, and mean and covariance are estimated from the other rows.
"""

import numpy as np
from jaxtyping import Float, Int

TRIMMED = 0.15
FIRST_SHRINKAGE = 10.0
SHRINKAGE = 1.0


def whitened_directions(
    sample: Float[np.ndarray, "rows dim"],
    directions: Float[np.ndarray, "dim sets"],
    shrinkage: float,
) -> Float[np.ndarray, "dim sets"]:
    """Solve ``(S + shrinkage * m * I) w = direction - mean`` for each target set.

    ``S`` is the covariance of the sample and ``m`` the mean of its non-zero eigenvalues. The
    system is solved with the Gram matrix of the rows, so memory grows with rows squared and not
    with dim squared.

    Parameters
    ----------
    sample
        Rows from which mean and covariance are estimated.
    directions
        Mean of the targets of each set, one column per set.
    shrinkage
        Multiple of ``m`` that is added to the diagonal, above 0.

    Examples
    --------
    >>> sample = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> w = whitened_directions(sample, np.array([[1.0], [1.0]]), 0.01)
    >>> bool(w[1, 0] > w[0, 0])
    True
    """
    mean = sample.mean(0)
    centred = sample - mean
    wanted = directions - mean[:, None]
    gram = centred @ centred.T
    rank = max(min(len(sample) - 1, sample.shape[1]), 1)
    scale = shrinkage * np.trace(gram) / rank
    if scale <= 0:
        return wanted
    gram[np.diag_indices_from(gram)] += scale
    inner = np.linalg.solve(gram, centred @ wanted)
    return (wanted - centred.T @ inner) * (len(sample) / scale)


def trimmed_directions(
    sample: Float[np.ndarray, "rows dim"],
    targets: Float[np.ndarray, "targets dim"],
    sets: Float[np.ndarray, "targets sets"],
    trimmed: float = TRIMMED,
) -> Float[np.ndarray, "dim sets"]:
    """Return the direction whose inner product with a row is its KT score, per target set.

    Parameters
    ----------
    sample
        Rows of the pool, all or an evenly spaced sample.
    targets
        Targets in the same space.
    sets
        Weight of every target in every set. Each column sums to 1.
    trimmed
        Share of the sample with the highest first scores that mean and covariance ignore, 0 to 1.
        Default 0.15.
    """
    means = targets.T @ sets
    first = sample @ whitened_directions(sample, means, FIRST_SHRINKAGE)
    keep = max(int(len(sample) * (1 - trimmed)), 1)
    columns = [
        whitened_directions(sample[_lowest(first[:, column], keep)], means[:, [column]], SHRINKAGE)
        for column in range(sets.shape[1])
    ]
    return np.concatenate(columns, axis=1)


def _lowest(scores: Float[np.ndarray, " rows"], count: int) -> Int[np.ndarray, " kept"]:
    return np.sort(np.argsort(scores, kind="stable")[:count])
