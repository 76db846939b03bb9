"""Exact gradients of each row's loss, one row a line, from one backward pass of the batch.

For a LoRA factor y = W x, row i's gradient is the sum over its tokens t of dL_i/dy_t x_t^T.
Rows do not meet anywhere in the model, so one backward pass of the sum of all rows' losses gives
every dL_i/dy_t; only those are asked of autograd. Padding has dL/dy = 0 and adds nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from growlabels.base.errors import UsageError
from growlabels.unsafe.model.encode import Batch
from growlabels.unsafe.model.lora import Adapter, require_adapter
from growlabels.unsafe.model.trunk import SplitModel


def row_gradients(
    split: SplitModel,
    adapter: Adapter,
    batch: Batch,
    hidden: Tensor | None = None,
) -> tuple[Float[Tensor, " rows"], Float[Tensor, "rows size"]]:
    """Compute each row's loss and its gradient with respect to all LoRA factors.

    Parameters
    ----------
    split
        The model, cut at or below the adapter's first layer.
    adapter
        The attached adapter.
    batch
        The rows.
    hidden
        Their trunk; without it all layers run.

    Returns
    -------
    losses
        Mean negative log-likelihood of each response, nats a token, shape (rows,).
    gradients
        Shape (rows, ``adapter.size``), float32; columns in the order of
        ``adapter.parameters()``, each factor flattened.

    Raises
    ------
    UsageError
        A split, an adapter or a batch of another class.
    """
    UsageError.require_instance("split", split, SplitModel, "make it with adapter_split")
    require_adapter(adapter)
    UsageError.require_instance("batch", batch, Batch, "TrunkRows.batch gives one")
    with _recording(adapter) as calls, torch.enable_grad():
        losses = split.losses(batch, hidden)
        deltas = torch.autograd.grad(losses.sum(), [output for _, _, output in calls])
    gradients = torch.zeros((len(losses), adapter.size), device=losses.device)
    for (columns, inputs, _), delta in zip(calls, deltas, strict=True):
        outer = torch.bmm(delta.transpose(1, 2).float(), inputs.float())
        gradients[:, columns] += outer.flatten(1)
    return losses.detach(), gradients


_Call = tuple[slice, Tensor, Tensor]


@contextmanager
def _recording(adapter: Adapter) -> Iterator[list[_Call]]:
    """Note the columns, the input and the output of every factor that runs."""
    calls: list[_Call] = []
    hooks: list[Any] = []
    end = 0
    try:
        for pair in adapter.linears.values():
            for linear in pair:
                start, end = end, end + linear.weight.numel()
                hooks.append(linear.register_forward_hook(_note(slice(start, end), calls)))
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _note(columns: slice, calls: list[_Call]) -> Any:
    def hook(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        calls.append((columns, args[0].detach(), output))

    return hook
