"""Apply the additive angular and cosine margins to the target's cosine."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def angular_margin(
    cosine: Float[Tensor, " rows"], margin: float, cosine_margin: float = 0.0
) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
    """Return ``cos(angle + margin) - cosine_margin`` and its derivative.

    The derivative is taken with respect to the cosine. For angles above ``pi - margin``,
    ``cos(angle + margin)`` would rise again. There a straight line of slope 1 continues it.

    Parameters
    ----------
    cosine
        Cosines of the targets, from -1 to 1.
    margin
        Angle in radians, from 0 to below pi / 2.
    cosine_margin
        Value that is subtracted, from 0 to below 1; default 0.

    Examples
    --------
    >>> angular_margin(torch.tensor([1.0], dtype=torch.float64), 0.0)[0].item()
    1.0
    """
    if margin == 0.0:
        return cosine - cosine_margin, torch.ones_like(cosine)
    inside = cosine.clamp(-1.0, 1.0)
    # At angle 0 the derivative is infinite, but its product with the tangential part is finite.
    sine = ((1 - inside) * (1 + inside)).clamp_min(1e-12).sqrt()
    angle = torch.atan2(sine, inside)
    turned = angle > math.pi - margin
    line = cosine - 1 + math.cos(margin)
    moved = torch.where(turned, line, torch.cos(angle + margin))
    slope = torch.where(turned, torch.ones_like(cosine), torch.sin(angle + margin) / sine)
    return moved - cosine_margin, slope
