"""Compute the exact cross-entropy of soft targets and weighted classes without storing logits.

For targets ``q`` with sum ``s`` the loss is ``s log sum_j e_j - sum_j q_j l_j``. As in
:mod:`growlabels.classes.heads.cross_entropy`, the sums ``S`` and ``G`` exclude one class t. With
``r = sum_{j != t} q_j`` and ``m = sum_{j != t} q_j w_j``::

    loss          = s log1p(S / e_t) + r l_t - scale z m
    d loss / d z  = scale (s (G - S w_t) / (S + e_t) + r w_t - m)

No large terms cancel, so confident rows keep their precision. The sums over all classes come from
the same transform as those of the plain loss. For smoothed targets ``m`` is the same vector for
all rows, except for the term of the target.
"""

import torch
from torch import Tensor

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.heads.checks import check_features, check_shape
from growlabels.classes.heads.cross_entropy import REDUCTIONS, Reduction, Shares, shared_loss
from growlabels.classes.heads.head import EBVHead


def soft_target_loss(
    head: EBVHead,
    x: Tensor,
    targets: Tensor,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return the exact cross-entropy of soft targets, as in mixup or distillation.

    The result equals
    ``nn.functional.cross_entropy(head(x), targets, weight, label_smoothing=...)`` with the label
    smoothing of the head. The margins of the head have no effect, because they apply to a single
    class.

    Parameters
    ----------
    head
        Head whose projection, class vectors, scale and label smoothing are used.
    x
        Features, ``(*batch, in_features)``.
    targets
        A share per class, at least 0, of shape ``(*batch, classes)``. The shares of a row usually
        sum to 1.
    weight
        A weight per class, at least 0; by default 1 for every class.
    reduction
        ``"mean"`` (default) over the rows, ``"sum"``, or ``"none"`` for one loss per row.

    Raises
    ------
    UsageError
        Shapes or types do not fit.
    DataError
        A share or weight is negative or not finite, or features are not finite.

    Examples
    --------
    >>> from growlabels.classes import Codebook
    >>> head = EBVHead(4, Codebook.for_classes(3))
    >>> halves = torch.tensor([[0.5, 0.5, 0.0]])
    >>> soft_target_loss(head, torch.ones(1, 4), halves).shape
    torch.Size([])
    """
    UsageError.require_choice("reduction", reduction, REDUCTIONS)
    check_features(x, head.in_features)
    check_shape("targets", targets, (*x.shape[:-1], head.num_classes))
    _check_shares("targets", targets)
    shares = targets.detach().double().reshape(-1, head.num_classes)
    shares = shares * (1 - head.label_smoothing) + head.label_smoothing / head.num_classes
    if weight is not None:
        shares = shares * _class_weights(head, weight)
    z = head.embed(x).view(-1, head.codebook.dim)
    chosen = shares.argmax(1)
    own = shares.gather(1, chosen[:, None])[:, 0]
    rest = shares.scatter(1, chosen[:, None], 0.0)
    spread = Shares(own, rest.sum(1), head.vectors.combine(rest), 0.0)
    losses = _losses(head, z, chosen, (0.0, 0.0), spread)
    if reduction == "none":
        return losses.view(x.shape[:-1])
    return losses.sum() if reduction == "sum" else losses.mean()


def weighted_loss(
    head: EBVHead,
    x: Tensor,
    y: Tensor,
    weight: Tensor,
    reduction: Reduction = "mean",
    ignore_index: int = -100,
) -> Tensor:
    """Return the exact cross-entropy with a weight per class, for classes of unequal size.

    Without margins the result equals
    ``nn.functional.cross_entropy(head(x), y, weight, label_smoothing=...)``. As there, the mean
    is weighted by the weights of the targets.

    Parameters
    ----------
    head
        Head whose projection, class vectors, scale, margins and label smoothing are used.
    x
        Features, ``(*batch, in_features)``.
    y
        Class indices, or ``ignore_index`` for ignored rows, of shape ``(*batch,)``.
    weight
        A weight per class, at least 0.
    reduction
        ``"mean"`` (default), ``"sum"``, or ``"none"`` for one loss per row, 0 where ignored.
    ignore_index
        Target value of ignored rows; default -100.

    Raises
    ------
    UsageError
        Shapes or types do not fit.
    DataError
        A target is out of range, a weight is negative or not finite, or features are not finite.

    Examples
    --------
    >>> from growlabels.classes import Codebook
    >>> head = EBVHead(4, Codebook.for_classes(3))
    >>> rare = torch.tensor([1.0, 1.0, 9.0])
    >>> weighted_loss(head, torch.ones(2, 4), torch.tensor([0, 2]), rare).shape
    torch.Size([])
    """
    UsageError.require_choice("reduction", reduction, REDUCTIONS)
    head.check_rows(x, y, ignore_index)
    weights = _class_weights(head, weight)
    counted = y.flatten() != ignore_index
    target = y.flatten()[counted]
    z = head.embed(x).view(-1, head.codebook.dim)[counted]
    smoothing, spread = head.label_smoothing, head.label_smoothing / head.num_classes
    of_target = weights[target]
    own = (1 - smoothing + spread) * of_target
    others = spread * (weights.sum() - of_target)
    everyone = head.vectors.combine(weights[None] * spread)[0]
    shares = Shares(own, others, everyone, spread * of_target)
    losses = _losses(head, z, target, (head.margin, head.cosine_margin), shares)
    if reduction == "none":
        return losses.new_zeros(len(counted)).masked_scatter(counted, losses).view(y.shape)
    total = losses.sum()
    return total if reduction == "sum" else total / of_target.sum().to(total.dtype)


def _losses(
    head: EBVHead, z: Tensor, chosen: Tensor, margins: tuple[float, float], shares: Shares
) -> Tensor:
    with torch.autocast(z.device.type, enabled=False):
        return shared_loss(z, chosen, head.vectors, head.scale, margins, shares)


def _class_weights(head: EBVHead, weight: Tensor) -> Tensor:
    check_shape("weight", weight, (head.num_classes,))
    _check_shares("weight", weight)
    return weight.detach().double().to(head.vectors.device)


def _check_shares(name: str, values: Tensor) -> None:
    bad = ~(torch.isfinite(values) & (values >= 0))
    if bool(bad.any()):
        place = bad.nonzero()[0].tolist()
        value = float(values[tuple(place)])
        raise DataError(f"{name} must be finite and at least 0, it was {value} at {place}")
