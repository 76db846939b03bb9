"""Compute the exact cross-entropy over all class vectors in one pass, with its gradient.

Embeddings and class vectors have length 1, so the logits never exceed the scale. One fixed shift
therefore serves every row, and no running maximum is needed. The gradient is linear in the
unnormalised softmax weights. The pass that sums the exponentials therefore also sums the gradient.

The sums exclude the target y. Let ``S = sum_{j != y} e_j`` and ``G = sum_{j != y} e_j w_j``.
Then::

    loss          = log1p(S / e_y)
    d loss / d z  = scale (G - S t w_y) / (S + e_y)

This form stays precise for confident rows, where S is far below e_y; a full softmax would round
``1 - p_y`` to 0. Here t is the derivative of the target's logit with respect to its cosine, and 1
without a margin. A margin changes only ``e_y`` and ``t``.

If a graph of the gradient is requested (``create_graph``), it is computed from all logits instead.
"""

from typing import Any, Literal, NamedTuple, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from growlabels.classes.heads.margin import angular_margin
from growlabels.classes.products.class_vectors import ClassVectors
from growlabels.classes.products.cosines import cosines

Reduction = Literal["mean", "sum", "none"]
REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum", "none")

# The largest exponential is exp(60). Its sum over 10^8 classes is far below the largest float32.
# The headroom keeps the exponentials of small logits from underflow at large scales.
HEADROOM = 60.0


def cross_entropy(
    z: Float[Tensor, "rows dim"],
    target: Int[Tensor, " rows"],
    vectors: ClassVectors,
    scale: float,
    margins: tuple[float, float] = (0.0, 0.0),
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Float[Tensor, "..."]:
    """Return the exact cross-entropy of ``softmax(scale * z W^T)`` without storing logits.

    When the margins are 0, the result equals
    ``torch.nn.functional.cross_entropy(scale * z @ W.T, target, ...)``, including NaN for an
    empty mean. It is differentiable with respect to ``z`` any number of times. Second and higher
    derivatives store all logits.

    Parameters
    ----------
    z
        Unit rows, float32 or float64. The target class contributes no gradient along the row
        itself, because normalisation removes that component.
    target
        Class indices, or ``ignore_index`` for ignored rows.
    vectors
        The class vectors W.
    scale
        Inverse temperature 1 / tau, above 0 and at most 100.
    margins
        Angular margin and cosine margin; default (0, 0). The first, in radians, is added to the
        angle between ``z`` and its target (Deng et al., ArcFace, CVPR 2019). The second, from 0
        to below 1, is subtracted from the target's cosine (Wang et al., CosFace, CVPR 2018).
    label_smoothing
        Share of the target that is spread evenly over all classes, from 0 to below 1; default 0.
    ignore_index
        Target value of ignored rows; default -100.
    reduction
        ``"mean"`` (default) over the rows that are not ignored, ``"sum"``, or ``"none"`` for one
        loss per row, 0 where ignored.

    Returns
    -------
    Tensor
        A scalar, or one loss per row, with the dtype of ``z``.

    Examples
    --------
    >>> from growlabels.classes.products.class_vectors import DenseVectors
    >>> vectors = DenseVectors(torch.eye(3), 3)
    >>> cross_entropy(torch.eye(3)[:1], torch.tensor([0]), vectors, scale=10.0)
    tensor(9.0796e-05)
    """
    counted = target != ignore_index
    everything = bool(counted.all())
    spread = label_smoothing / vectors.n_classes
    losses = shared_loss(
        z if everything else z[counted],
        target if everything else target[counted],
        vectors,
        scale,
        margins,
        Shares(
            1 - label_smoothing + spread,
            label_smoothing - spread,
            spread * vectors.total(),
            spread,
        ),
    )
    if not everything:
        losses = z.new_zeros(len(z)).masked_scatter(counted, losses)
    if reduction == "none":
        return losses
    total = losses.sum()
    return total if reduction == "sum" else total / counted.sum()


class Shares(NamedTuple):
    """How the target of each row is spread over the classes.

    Attributes
    ----------
    own
        Share of the chosen class: a number, or one per row.
    others
        Total share of all other classes: a number, or one per row.
    everyone
        Weighted sum of class vectors, (dim,) or (rows, dim). The weighted sum over the other
        classes is ``everyone`` minus ``minus`` times the vector of the chosen class.
    minus
        Factor of the chosen class's vector in that difference: a number, or one per row.
    """

    own: Tensor | float
    others: Tensor | float
    everyone: Tensor
    minus: Tensor | float


def shared_loss(
    z: Float[Tensor, "rows dim"],
    chosen: Int[Tensor, " rows"],
    vectors: ClassVectors,
    scale: float,
    margins: tuple[float, float],
    shares: Shares,
) -> Float[Tensor, " rows"]:
    """Return ``-own log p - sum_j share_j log p_j`` for each row.

    Parameters
    ----------
    z
        Unit rows, float32 or float64.
    chosen
        One class index per row. The sums exclude this class, and the margins apply to it.
    vectors
        The class vectors.
    scale
        Inverse temperature, above 0 and at most 100.
    margins
        Angular margin in radians, and cosine margin.
    shares
        Shares of the classes in the targets.
    """
    return cast(Tensor, _OnePass.apply(z, chosen, vectors, scale, margins, shares))


class _OnePass(torch.autograd.Function):
    """Loss per row; the forward pass also computes the gradient and saves it."""

    @staticmethod
    def forward(
        ctx: Any,
        z: Tensor,
        chosen: Tensor,
        vectors: ClassVectors,
        scale: float,
        margins: tuple[float, float],
        shares: Shares,
    ) -> Tensor:
        shift = scale - HEADROOM
        sums, combined = vectors.sum_exp(z, chosen, scale, shift)
        unit, vector, cosine = _towards(z, chosen, vectors)
        moved, slope = angular_margin(cosine, *margins)
        chosen_exp = torch.exp(scale * moved - shift)
        total = shares.own + shares.others
        loss = total * torch.log1p(sums / chosen_exp) + _elsewhere(
            scale, moved, unit, cosine, shares
        )
        share = total / (sums + chosen_exp)
        pull = (shares.others - share * sums) * slope + shares.minus
        # Normalisation removes the gradient along the row. Removing it here avoids the rounding
        # error that it would leave in the other directions.
        across = vector - cosine[:, None] * unit
        gradient = share[:, None] * combined + pull[:, None] * across - shares.everyone
        ctx.save_for_backward(z, chosen, (scale * gradient).to(z.dtype))
        ctx.settings = vectors, scale, margins, shares
        return loss.to(z.dtype)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        z, chosen, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True
            losses = _of_all_logits(z, chosen, *ctx.settings)
            gradient = torch.autograd.grad(losses, z, outer[0], create_graph=True)[0]
        else:
            gradient = outer[0][:, None] * gradient
        return gradient, *(None,) * 5


def _of_all_logits(
    z: Tensor,
    chosen: Tensor,
    vectors: ClassVectors,
    scale: float,
    margins: tuple[float, float],
    shares: Shares,
) -> Tensor:
    """Return the loss from all logits, which can be differentiated any number of times."""
    unit, _, cosine = _towards(z, chosen, vectors)
    moved = angular_margin(cosine, *margins)[0]
    logits = (scale * cosines(z, vectors)).scatter(1, chosen[:, None], -torch.inf)
    loss = (shares.own + shares.others) * nn.functional.softplus(
        logits.logsumexp(1) - scale * moved
    )
    return (loss + _elsewhere(scale, moved, unit, cosine, shares)).to(z.dtype)


def _towards(z: Tensor, chosen: Tensor, vectors: ClassVectors) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows and their chosen class vectors in float64, and their cosines.

    The lengths of float32 rows differ slightly from 1. The division corrects this error, which
    would be large in an angle near 0.
    """
    unit, vector = z.double(), vectors.select(chosen).double()
    lengths = unit.norm(dim=1) * vector.norm(dim=1)
    return unit, vector, (unit * vector).sum(1) / torch.where(lengths > 0, lengths, 1.0)


def _elsewhere(scale: float, moved: Tensor, unit: Tensor, cosine: Tensor, shares: Shares) -> Tensor:
    """Return the term of the other classes' shares: the chosen logit minus their own logits."""
    others = (unit * shares.everyone).sum(1) - shares.minus * cosine
    return scale * (shares.others * moved - others)
