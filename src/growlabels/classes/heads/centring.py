"""Standardise features by running means and deviations, ahead of a projection to unit length."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

EPSILON, MOMENTUM = 1e-5, 0.1


class Centring(nn.Module):
    """Subtract the mean of each feature and divide by its standard deviation.

    Features after a ReLU share a large mean. A trained layer ignores what all rows have in common,
    but a unit embedding does not: the common part takes up most of its length, and training starts
    slowly. In training, mean and deviation are those of the batch, and running averages follow
    them. In evaluation, and for a batch of one row, the running averages are used.

    Parameters
    ----------
    features
        Length of the features, at least 1.

    Attributes
    ----------
    mean, variance
        Running averages, ``(features,)``: 0 and 1 before the first batch, which they then move to
        by a tenth, as in ``nn.BatchNorm1d``.

    Examples
    --------
    >>> Centring(2)(torch.tensor([[3.0, 1.0], [5.0, 1.0]])).round(decimals=2)
    tensor([[-1.,  0.],
            [ 1.,  0.]])
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))

    def forward(self, x: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch features"]:
        """Return standardised features; half precision is computed, and returned, in float32."""
        x = x if x.dtype == torch.float64 else x.float()
        rows = x.reshape(-1, x.shape[-1])
        mean, variance = self.mean, self.variance
        if self.training and len(rows) > 1:
            mean, variance = rows.mean(0), rows.var(0, correction=0)
            with torch.no_grad():
                self.mean.lerp_(mean.to(self.mean.dtype), MOMENTUM)
                self.variance.lerp_(variance.to(self.variance.dtype), MOMENTUM)
        return (x - mean.to(x.dtype)) * (variance.to(x.dtype) + EPSILON).rsqrt()

    def extra_repr(self) -> str:
        return f"{len(self.mean)}"
