"""Exact cross-entropy over all class vectors in one pass, forward and backward together.

With unit embeddings and unit class vectors the logits never exceed the scale, so one fixed
shift serves every row and no running maximum is needed. The gradient is linear in the weights
before normalisation, so the pass that adds up the exponentials adds up the gradient as well.

The target y stays out of the sums. With ``S = sum_{j != y} e_j`` and
``G = sum_{j != y} e_j w_j``::

    loss          = log1p(S / e_y)
    d loss / d z  = scale (G - S t w_y) / (S + e_y)

which keeps its precision when a row is already confident (S far below e_y), where a full
softmax rounds ``1 - p_y`` to nothing. A margin changes ``e_y`` and ``t``, the derivative of the
target's logit by its cosine (1 without a margin); nothing else.

Where a graph of the gradient is asked for (``create_graph``), it comes from all logits instead.
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

# exp(60) times 10^8 classes is still far from the largest float32; what the shift leaves above
# zero is gained below it, for logits that are small at large scales.
HEADROOM = 60.0


def cross_entropy(
    z: Float[Tensor, "rows dim"],
    target: Int[Tensor, " rows"],
    vectors: ClassVectors,
    scale: float,
    margin: float = 0.0,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    cosine_margin: float = 0.0,
) -> Float[Tensor, "..."]:
    """Cross-entropy of ``softmax(scale * z W^T)``, exact, without a row of logits in memory.

    Equal to ``torch.nn.functional.cross_entropy(scale * z @ W.T, target, ...)`` when the margins
    are 0, an empty mean (nan) included. Differentiable with respect to ``z``, more than once too:
    then the logits are kept.

    Parameters
    ----------
    z
        Unit rows, float32 or float64. What a gradient has along such a row, normalising takes
        away; the chosen class adds nothing there.
    target
        Class indices, or ``ignore_index`` for rows that do not count.
    vectors
        The class vectors.
    scale
        1 / tau, above 0 and at most 100.
    margin
        Angle in radians added to the angle between ``z`` and its target: additive angular
        margin (Deng et al., ArcFace, CVPR 2019).
    label_smoothing
        Share of the target spread evenly over all classes, from 0 to below 1.
    ignore_index
        Target value of rows that do not count.
    reduction
        ``"mean"`` over the rows that count, ``"sum"``, or ``"none"`` (0 where ignored).
    cosine_margin
        Taken from the target's cosine (Wang et al., CosFace, CVPR 2018).

    Returns
    -------
    Tensor
        A scalar, or one loss per row; the dtype of ``z``.

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
        (margin, cosine_margin),
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
    """How the target of each row is spread over the classes; numbers, or one a row.

    Attributes
    ----------
    own, others
        Share of the chosen class, and of all others together.
    everyone, minus
        The others' vectors, added up by their shares, are ``everyone`` (dim,) or (rows, dim)
        less ``minus`` times the vector of the chosen class.
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
    """Return ``-own log p - sum_j share_j log p_j`` a row, p with margins on the chosen class.

    Parameters
    ----------
    z, chosen, vectors, scale
        As in :func:`cross_entropy`.
    margins
        Angle and cosine.
    shares
        Of the classes.
    """
    return cast(Tensor, _OnePass.apply(z, chosen, vectors, scale, margins, shares))


class _OnePass(torch.autograd.Function):
    """Loss per row; the gradient is made on the way forward and kept."""

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
        # along the row itself the cosine does not change: a gradient that normalising takes away
        # again would leave only rounding of what is across
        across = vector - cosine[:, None] * unit
        gradient = share[:, None] * combined + pull[:, None] * across - shares.everyone
        ctx.save_for_backward(z, chosen, (scale * gradient).to(z.dtype))
        ctx.settings = vectors, scale, margins, shares
        return loss.to(z.dtype)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        z, chosen, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # a graph of the gradient
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
    """Return the loss by all logits: it can be differentiated any number of times."""
    unit, _, cosine = _towards(z, chosen, vectors)
    moved = angular_margin(cosine, *margins)[0]
    logits = (scale * cosines(z, vectors)).scatter(1, chosen[:, None], -torch.inf)
    loss = (shares.own + shares.others) * nn.functional.softplus(
        logits.logsumexp(1) - scale * moved
    )
    return (loss + _elsewhere(scale, moved, unit, cosine, shares)).to(z.dtype)


def _towards(z: Tensor, chosen: Tensor, vectors: ClassVectors) -> tuple[Tensor, Tensor, Tensor]:
    """Return rows and the vectors of their chosen classes in float64, and the cosine between.

    Lengths that float32 left a little off 1 would show in an angle near 0.
    """
    unit, vector = z.double(), vectors.select(chosen).double()
    lengths = unit.norm(dim=1) * vector.norm(dim=1)
    return unit, vector, (unit * vector).sum(1) / torch.where(lengths > 0, lengths, 1.0)


def _elsewhere(scale: float, moved: Tensor, unit: Tensor, cosine: Tensor, shares: Shares) -> Tensor:
    """Return what the other classes' shares add: their logits less that of the chosen class."""
    others = (unit * shares.everyone).sum(1) - shares.minus * cosine
    return scale * (shares.others * moved - others)
