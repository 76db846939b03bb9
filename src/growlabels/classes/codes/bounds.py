"""Lower bounds on how close n unit vectors in d real dimensions must come to each other."""

from growlabels.base.errors import UsageError


def welch_bound(count: int, dim: int) -> float:
    """Least possible largest absolute cosine of ``count`` unit vectors (Welch 1974, k = 1).

    Valid for every count; positive only above ``dim``. Met with equality exactly by equiangular
    tight frames, which cannot exist above dim (dim + 1) / 2 vectors.

    Parameters
    ----------
    count
        Number of vectors, at least 1.
    dim
        Their dimension, at least 1.

    Returns
    -------
    float
        A cosine from 0 to 1.

    Examples
    --------
    >>> round(welch_bound(1000, 100), 4)
    0.0949
    """
    _check(count, dim)
    return ((count - dim) / (dim * (count - 1))) ** 0.5 if count > dim else 0.0


def rankin_bound(count: int, dim: int) -> float:
    """Least possible largest *signed* cosine of ``count`` unit vectors (Rankin 1955).

    -1/(count - 1) up to dim + 1 vectors, met by the simplex; 0 from dim + 2 vectors on, met up
    to 2 dim vectors by the cross-polytope. It stays true above 2 dim, where it is not tight.
    A single vector has no pair: its bound is -1.

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
    """Least possible largest absolute cosine for many vectors (Levenshtein 1982).

    Valid, and above the Welch bound, only for more than dim (dim + 1) / 2 vectors; ``None``
    outside that range. Met with equality by dim / 2 + 1 mutually unbiased bases.

    Examples
    --------
    >>> levenshtein_bound(2112, 64), levenshtein_bound(100, 64)
    (0.125, None)
    """
    _check(count, dim)
    if 2 * count <= dim * (dim + 1):
        return None
    if dim == 1:  # two vectors on a line: the formula's limit
        return 1.0
    return ((3 * count - dim * dim - 2 * dim) / ((dim + 2) * (count - dim))) ** 0.5


def coherence_bound(count: int, dim: int) -> float:
    """Best of the bounds above on the largest absolute cosine.

    >>> coherence_bound(2112, 64)
    0.125
    """
    return max(welch_bound(count, dim), levenshtein_bound(count, dim) or 0.0)


def _check(count: int, dim: int) -> None:
    for name, value in (("count", count), ("dim", dim)):
        UsageError.require_whole(name, value)
