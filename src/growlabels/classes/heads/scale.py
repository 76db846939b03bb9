"""Derive the default scale (inverse temperature) of a head."""

import math

from growlabels.classes.heads.checks import MAX_SCALE


def auto_scale(n_classes: int, coherence: float) -> float:
    """Return the inverse temperature 1 / tau for a number of classes.

    The scale is ``3 ln n``, limited to 12 to 32; this rule measured best. It is raised if needed
    so that the loss of a perfectly aligned embedding is at most 0.001. That loss is
    ``log(1 + (n - 1) exp(-(1 - coherence) / tau))``. The scale never exceeds 100.

    Parameters
    ----------
    n_classes
        Number of classes n, at least 1.
    coherence
        Largest signed cosine between two class vectors, below 1.

    Examples
    --------
    >>> round(auto_scale(198, 1 / 16), 2), auto_scale(10**6, 1 / 32)
    (15.86, 32.0)
    """
    floor = (math.log(max(n_classes - 1, 1)) - math.log(math.expm1(1e-3))) / (1 - coherence)
    return min(max(floor, min(max(3 * math.log(n_classes), 12.0), 32.0)), MAX_SCALE)
