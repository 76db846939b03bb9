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

    What ``nn.functional.cross_entropy(logits, wanted, reduction="none")`` is, and more precise:
    of a token that the model is sure of the ordinary loss in float32 loses all digits of the
    gradient. The gradient can be taken once.

    >>> logits = torch.tensor([[0.0, 25.0]], requires_grad=True)
    >>> losses = token_losses(logits, torch.tensor([1]))
    >>> losses.backward()
    >>> f"{losses.item():.4g}", [f"{cell:.4g}" for cell in logits.grad[0].tolist()]
    ('1.389e-11', ['1.389e-11', '-1.389e-11'])
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
            target = own.gather(1, column)
            odds = own.exp_()
            right = odds.gather(1, column)
            wrong = odds.scatter_(1, column, 0.0).sum(1, keepdim=True)
            total = right + wrong
            # one minus the probability is made of the others: of a sure token nothing is left
            # in the difference of two numbers near one
            sure = right > wrong
            losses[part] = torch.where(sure, (wrong / right).log1p(), total.log() - target)[:, 0]
            if gradient is not None:
                odds.scatter_(1, column, -wrong)
                gradient[part] = odds.div_(total)
        ctx.gradient = gradient
        return losses

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, up: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        gradient, ctx.gradient = ctx.gradient, None
        return gradient.mul_(up[:, None]), None
