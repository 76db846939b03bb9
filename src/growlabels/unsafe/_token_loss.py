"""Cross-entropy over a vocabulary: the largest array of a small model, passed over once.

The gradient with respect to the logits, softmax minus one-hot, is made in the forward pass, some
positions at a time while they are in the cache, and is all that is kept.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

CELLS = 2**18
"""Logits in hand at a time: one megabyte of float32."""


def token_losses(
    logits: Float[Tensor, "positions vocabulary"], wanted: Int[Tensor, " positions"]
) -> Float[Tensor, " positions"]:
    """Compute the negative log-likelihood of the wanted tokens, nats, float32.

    Equal to ``nn.functional.cross_entropy(logits.float(), wanted, reduction="none")`` up to
    rounding; the gradient can be taken once.
    """
    return _TokenLosses.apply(logits, wanted)


class _TokenLosses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, wanted: Tensor) -> Tensor:
        losses = torch.empty(len(logits), device=logits.device)
        gradient = torch.empty_like(logits) if ctx.needs_input_grad[0] else None
        step = max(1, CELLS // max(1, logits.shape[1]))
        for start in range(0, len(logits), step):
            part = slice(start, start + step)
            column = wanted[part, None]
            own = logits[part].float()
            own = own - own.amax(1, keepdim=True)
            target = own.gather(1, column)[:, 0]
            odds = own.exp_()
            total = odds.sum(1)
            losses[part] = total.log() - target
            if gradient is not None:
                odds /= total[:, None]
                odds.scatter_add_(1, column, odds.new_full(column.shape, -1.0))
                gradient[part] = odds
        ctx.gradient = gradient
        return losses

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, up: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        gradient, ctx.gradient = ctx.gradient, None
        return gradient.mul_(up[:, None]), None
