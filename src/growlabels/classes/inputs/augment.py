"""Images turned, scaled, sheared and shifted at random while a model is trained."""

import torch
from torch import Tensor, nn


class RandomAffine(nn.Module):
    """Move each image of a batch by an affine map of its own; in evaluation return it as it is.

    Parameters
    ----------
    strength
        Standard deviation of rotation (in radians), of shear, of the logarithm of the scale of
        each axis, and of the shift in units of the side. From 0.

    Examples
    --------
    >>> images = torch.zeros(2, 1, 8, 8)
    >>> RandomAffine(0.1)(images).shape
    torch.Size([2, 1, 8, 8])
    """

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength: float = strength

    def forward(self, images: Tensor) -> Tensor:
        if not self.training or self.strength == 0:
            return images
        images = images.to(torch.get_default_dtype())
        # draws on the CPU: the same seed gives the same maps on every device
        drawn = self.strength * torch.randn(len(images), 6).to(images)
        angle, shear, wide, high, right, down = drawn.unbind(1)
        cosine, sine = angle.cos(), angle.sin()
        first = torch.stack([cosine * wide.exp(), (shear - sine) * high.exp(), 2 * right], 1)
        second = torch.stack([sine * wide.exp(), cosine * high.exp(), 2 * down], 1)
        grid = nn.functional.affine_grid(
            torch.stack([first, second], 1), list(images.shape), align_corners=False
        )
        return nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
