"""The default scale (inverse temperature) of a head."""

import math

from growlabels.classes.heads.checks import (
    MAX_SCALE,
)


def auto_scale(n_classes: int, coherence: float) -> float:
    """Return 1 / tau for a number of classes.

    ``3 ln n`` between 12 and 32, the rule that measured best, but never below what brings the
    loss of a perfectly aligned embedding, ``log(1 + (n - 1) exp(-(1 - coherence) / tau))``,
    down to .001.

    Parameters
    ----------
    n_classes
        At least 1.
    coherence
        Largest cosine between two class vectors, signed, below 1.

    Examples
    --------
    >>> round(auto_scale(198, 1 / 16), 2), auto_scale(10**6, 1 / 32)
    (15.86, 32.0)
    """
    floor = (math.log(max(n_classes - 1, 1)) - math.log(math.expm1(1e-3))) / (1 - coherence)
    return min(max(floor, min(max(3 * math.log(n_classes), 12.0), 32.0)), MAX_SCALE)
