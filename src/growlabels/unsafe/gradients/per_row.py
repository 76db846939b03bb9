"""Compute the exact gradient of every row's loss with one backward pass of the batch.

For a LoRA factor y = W x, row i's gradient is the sum over its tokens t of dL_i/dy_t x_t^T.
The rows of a batch do not interact in the model. One backward pass of the summed losses therefore
yields every dL_i/dy_t, and autograd computes only those. Padding has dL/dy = 0 and adds nothing.
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
        The model, split at or below the adapter's first layer.
    adapter
        The attached adapter.
    batch
        The encoded rows, padded to one length.
    hidden
        Their hidden states below the split, shape (rows, tokens, dim). None, the default, runs
        all layers.

    Returns
    -------
    losses
        Mean negative log-likelihood of each response in nats per token, shape (rows,).
    gradients
        Gradients in float32, shape (rows, ``adapter.size``). The columns follow
        ``adapter.parameters()``, with each factor flattened.

    Raises
    ------
    UsageError
        ``split``, ``adapter`` or ``batch`` is of the wrong class.

    Examples
    --------
    >>> from growlabels.unsafe import TrunkRows, attach, encode, load_model, read_examples
    >>> model = load_model("smollm2")
    >>> rows = [{"prompt": "Sort.", "completion": "return sorted(items)"}]
    >>> encoded = [encode(model, row, 40, 48) for row in read_examples(rows, print)]
    >>> with attach(model) as adapter:
    ...     split = SplitModel(model, adapter.first_layer)
    ...     batch, hidden = TrunkRows(split, encoded).batch([0])
    ...     losses, gradients = row_gradients(split, adapter, batch, hidden)
    >>> gradients.shape == (1, adapter.size)
    True
    """
    UsageError.require_instance("split", split, SplitModel, "make it with adapter_split")
    require_adapter(adapter)
    UsageError.require_instance("batch", batch, Batch, "TrunkRows.batch gives one")
    with recorded_calls(adapter) as calls, torch.enable_grad():
        losses = split.losses(batch, hidden)
        deltas = torch.autograd.grad(losses.sum(), [output for _, _, output in calls])
    gradients = torch.zeros((len(losses), adapter.size), device=losses.device)
    for (columns, inputs, _), delta in zip(calls, deltas, strict=True):
        outer = torch.bmm(delta.transpose(1, 2).float(), inputs.float())
        gradients[:, columns] += outer.flatten(1)
    return losses.detach(), gradients


_Call = tuple[slice, Tensor, Tensor]


@contextmanager
def recorded_calls(adapter: Adapter) -> Iterator[list[_Call]]:
    """Record the columns, the input and the output of every factor that runs."""
    calls: list[_Call] = []
    hooks: list[Any] = []
    end = 0
    try:
        for pair in adapter.linears.values():
            for linear in pair:
                start, end = end, end + linear.weight.numel()
                hooks.append(linear.register_forward_hook(_recorder(slice(start, end), calls)))
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _recorder(columns: slice, calls: list[_Call]) -> Any:
    def hook(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        calls.append((columns, args[0].detach(), output))

    return hook
