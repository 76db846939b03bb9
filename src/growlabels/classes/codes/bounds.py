"""Compute lower bounds on the largest cosine between n unit vectors in d real dimensions."""

from growlabels.base.errors import UsageError


def welch_bound(count: int, dim: int) -> float:
    """Return Welch's lower bound on the largest absolute cosine (Welch 1974, k = 1).

    The bound holds for every count and is positive only when ``count`` exceeds ``dim``. Exactly
    the equiangular tight frames attain it. They do not exist for more than dim (dim + 1) / 2
    vectors.

    Parameters
    ----------
    count
        Number of unit vectors, at least 1.
    dim
        Dimension of the vectors, at least 1.

    Returns
    -------
    float
        The bound, a cosine from 0 to 1.

    Examples
    --------
    >>> round(welch_bound(1000, 100), 4)
    0.0949
    """
    _check(count, dim)
    return ((count - dim) / (dim * (count - 1))) ** 0.5 if count > dim else 0.0


def rankin_bound(count: int, dim: int) -> float:
    """Return Rankin's lower bound on the largest *signed* cosine (Rankin 1955).

    For at most dim + 1 vectors the bound is -1/(count - 1), and the regular simplex attains it.
    For more vectors it is 0. The cross-polytope attains 0 with up to 2 dim vectors; for more
    than 2 dim vectors the bound holds but is not tight. A single vector has no pair, and the
    function returns -1.

    Parameters
    ----------
    count
        Number of unit vectors, at least 1.
    dim
        Dimension of the vectors, at least 1.

    Returns
    -------
    float
        The bound, a cosine from -1 to 0.

    Examples
    --------
    >>> rankin_bound(5, 4), rankin_bound(8, 4)
    (-0.25, 0.0)
    """
    _check(count, dim)
    if count == 1:
        return -1.0
    return -1.0 / (count - 1) if count <= dim + 1 else 0.0


def levenshtein_bound(count: int, dim: int) -> float | None:
    """Return Levenshtein's lower bound on the largest absolute cosine (Levenshtein 1982).

    The bound holds only for more than dim (dim + 1) / 2 vectors, and is then above the Welch
    bound. A set of dim / 2 + 1 mutually unbiased bases attains it.

    Parameters
    ----------
    count
        Number of unit vectors, at least 1.
    dim
        Dimension of the vectors, at least 1.

    Returns
    -------
    float or None
        The bound, a cosine from 0 to 1; ``None`` where the bound does not hold.

    Examples
    --------
    >>> levenshtein_bound(2112, 64), levenshtein_bound(100, 64)
    (0.125, None)
    """
    _check(count, dim)
    if 2 * count <= dim * (dim + 1):
        return None
    return ((3 * count - dim * dim - 2 * dim) / ((dim + 2) * (count - dim))) ** 0.5


def coherence_bound(count: int, dim: int) -> float:
    """Return the larger of the Welch and Levenshtein bounds on the largest absolute cosine.

    Parameters
    ----------
    count
        Number of unit vectors, at least 1.
    dim
        Dimension of the vectors, at least 1.

    Returns
    -------
    float
        The bound, a cosine from 0 to 1.

    Examples
    --------
    >>> coherence_bound(2112, 64)
    0.125
    """
    return max(welch_bound(count, dim), levenshtein_bound(count, dim) or 0.0)


def _check(count: int, dim: int) -> None:
    for name, value in (("count", count), ("dim", dim)):
        UsageError.require_whole(name, value)
