"""KT: row means of middle layers, whitened with the suspects left out.

The idea of DRA (denoised representations): directions in which ordinary rows vary much say
little about the targets. Unsafe rows spoil the covariance that is to take this out, so a first
score with strong shrinkage names the suspects, and mean and covariance come from the rest.
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

    ``S`` is the covariance of the sample and ``m`` the mean of its non-zero eigenvalues. Solved
    through the rows-by-rows Gram matrix, so the cost in memory is rows squared, not dim squared.

    Parameters
    ----------
    sample
        Rows that mean and covariance come from.
    directions
        One column per target set: the mean of its targets.
    shrinkage
        How many mean eigenvalues are added to the diagonal, above 0.

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
        Rows of the pool, all or an even sample.
    targets
        The targets in the same space.
    sets
        Weight of every target in every set; columns sum to 1.
    trimmed
        Share of the sample, highest first scores first, left out of mean and covariance.
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
