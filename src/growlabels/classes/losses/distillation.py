"""Distil from the earlier network, to keep old classes while new ones are learned."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div

from growlabels.classes.heads.head import EBVHead

TEMPERATURE = 2.0
MOST_CLASSES = 1024  # most old classes that a batch is compared on; the likeliest are chosen


class Distillation:
    """Learning without forgetting (Li, Hoiem, IEEE TPAMI 2018) with fixed class vectors.

    The loss applies to rows of new classes, which ``head`` did not have. On these rows the later
    network should distribute probability over the old classes as the earlier network did. Rows
    of old classes contribute nothing. Class vectors do not move, so the outputs of the two
    networks are comparable.

    Parameters
    ----------
    trunk
        Trunk of the network before classes are added; it is copied.
    head
        Head of the network before classes are added; it is copied.
    weight
        Factor of the loss, at least 0. The loss is the Kullback-Leibler divergence at
        temperature 2, multiplied by the squared temperature.

    Examples
    --------
    >>> from growlabels.classes import Codebook
    >>> trunk, head = nn.Identity(), EBVHead(4, Codebook.for_classes(3))
    >>> distillation = Distillation(trunk, head, weight=1.0)
    >>> head.add_classes(1)
    [3]
    >>> features, targets = torch.ones(2, 4), torch.tensor([0, 3])
    >>> distillation(head, [features], features, targets).shape
    torch.Size([])
    """

    def __init__(self, trunk: nn.Module, head: EBVHead, weight: float) -> None:
        self.trunk: nn.Module = copy.deepcopy(trunk).eval().requires_grad_(False)
        self.head: EBVHead = copy.deepcopy(head).eval().requires_grad_(False)
        self.weight = weight

    def __call__(
        self, head: EBVHead, batch: list[Tensor], features: Tensor, targets: Tensor
    ) -> Tensor:
        """Return the weighted divergence, averaged over all rows of a batch.

        Parameters
        ----------
        head
            The later head.
        batch
            Inputs of the trunk.
        features
            Output of the later trunk, (rows, in_features).
        targets
            Class indices, (rows,).
        """
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
        """Return the old classes to compare: all, or those nearest to the rows."""
        known = self.head.num_classes
        if known <= MOST_CLASSES:
            return torch.arange(known, device=z.device)
        return self.head.vectors.topk(z, max(1, MOST_CLASSES // len(z)))[1].unique()
