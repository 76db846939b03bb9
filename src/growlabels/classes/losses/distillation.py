"""What keeps old classes while new ones are learned: the earlier network's word on new rows."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div

from growlabels.classes.heads.head import EBVHead

TEMPERATURE = 2.0
MOST_CLASSES = 1024  # old classes that a batch is compared on, beyond these the likeliest


class Distillation:
    """Learning without forgetting (Li, Hoiem, IEEE TPAMI 2018) over fixed class vectors.

    On rows of classes that ``head`` did not have, a later network is to divide its probability
    among the old classes as the network did that is given here, which is copied. Rows of old
    classes are left to their labels. Since class vectors do not move, nothing else is needed for
    the two to be comparable.

    Parameters
    ----------
    trunk, head
        The network before classes are added to it.
    weight
        Of the Kullback-Leibler divergence, at temperature 2 and times its square, beside the
        cross-entropy.
    """

    def __init__(self, trunk: nn.Module, head: EBVHead, weight: float) -> None:
        self.trunk = copy.deepcopy(trunk).eval().requires_grad_(False)
        self.head = copy.deepcopy(head).eval().requires_grad_(False)
        self.weight = weight

    def __call__(
        self, head: EBVHead, batch: list[Tensor], features: Tensor, targets: Tensor
    ) -> Tensor:
        """Return the weighted divergence, a mean over the rows of a batch."""
        new = targets >= self.head.num_classes
        if not new.any():
            return features.new_zeros(())
        before = self.head.embed(self.trunk(*batch)[new])
        vectors = self.head.vectors.select(self._classes(before)).to(before)
        scale = head.scale / TEMPERATURE
        old, now = (
            (scale * z @ vectors.T).log_softmax(1) for z in (before, head.embed(features[new]))
        )
        divergence = kl_div(now, old, reduction="sum", log_target=True) / len(targets)
        return self.weight * TEMPERATURE**2 * divergence

    def _classes(self, z: Tensor) -> Tensor:
        """Return the old classes to compare: all, or those that the rows are nearest to."""
        known = self.head.num_classes
        if known <= MOST_CLASSES:
            return torch.arange(known, device=z.device)
        return self.head.vectors.topk(z, max(1, MOST_CLASSES // len(z)))[1].unique()
