"""Derive the default scale (inverse temperature) of a head."""

import math

from growlabels.classes.heads.checks import MAX_SCALE

LEAST, RISING, MOST = 12.0, 3 * math.log(256), 32.0  # the scale of few, of 256, of 1,024 classes


def auto_scale(n_classes: int, coherence: float) -> float:
    """Return the inverse temperature 1 / tau for a number of classes.

    The scale is ``3 ln n`` up to 256 classes, at least 12, then rises along ``ln n`` to 32 at
    1,024 classes, and stays there. It measured best at 77 to 242 classes of texts, and 32 at
    1,000 to 3,755 classes of images. It is raised if needed so that the loss of a perfectly
    aligned embedding is at most 0.001. That loss is
    ``log(1 + (n - 1) exp(-(1 - coherence) / tau))``. The scale never exceeds 100.

    Parameters
    ----------
    n_classes
        Number of classes n, at least 1.
    coherence
        Largest signed cosine between two class vectors, below 1.

    Examples
    --------
    >>> round(auto_scale(198, 1 / 16), 2), auto_scale(1024, 0), auto_scale(10**6, 1 / 32)
    (15.86, 32.0, 32.0)
    """
    few = 3 * math.log(n_classes)
    many = RISING + (MOST - RISING) * math.log(n_classes / 256) / math.log(1024 / 256)
    floor = (math.log(max(n_classes - 1, 1)) - math.log(math.expm1(1e-3))) / (1 - coherence)
    return min(max(floor, min(max(few, many, LEAST), MOST)), MAX_SCALE)
