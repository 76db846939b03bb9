"""The frozen trunk: layers below the adapter, computed once per row.

Whatever the adapter does, the hidden states that enter its first layer stay the same. They are
computed once; every later epoch, checkpoint and gradient pass runs only the layers above. The
model's own forward runs in both cases, with the other layers passing their input through, so
that positions, masks and norms are its own.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from growlabels.base.errors import GrowLabelsError, UsageError
from growlabels.base.files import way_out
from growlabels.base.progress import Progress, silent
from growlabels.unsafe.model.encode import Batch, Encoded, batches, pad, require_encoded
from growlabels.unsafe.model.model import CausalModel
from growlabels.unsafe.model.token_loss import token_losses

TOKENS_PER_BATCH = 1024


class SplitModel:
    """A causal model cut below one layer.

    Parameters
    ----------
    causal
        The model; an adapter may be attached to it, at or above the cut.
    first_layer
        The first layer above the cut; 0 means that nothing is below it.

    Examples
    --------
    ``split.trunk(input_ids)`` gives the hidden states at the cut, and
    ``split.losses(batch, hidden)`` continues from them; ``split.losses(batch)`` runs it all.
    """

    def __init__(self, causal: CausalModel, first_layer: int) -> None:
        self.causal = causal
        self.first_layer = first_layer
        self._layers = list(causal.layers)
        self._gives_tuple = self._probe()

    def _probe(self) -> bool:
        """Find whether layers return the hidden states alone or in a tuple."""
        seen: list[bool] = []
        hook = self._layers[0].register_forward_hook(
            lambda module, args, out: seen.append(isinstance(out, tuple))
        )
        try:
            with torch.no_grad():
                self._run(torch.zeros((1, 1), dtype=torch.int64, device=self.causal.device))
        finally:
            hook.remove()
        return seen[0]

    def _run(self, input_ids: Tensor) -> Any:
        """Run the layers and the final norm, not the output head.

        Without an attention mask the plain causal mask serves: rows are padded on the right.
        """
        return self.causal.model.base_model(input_ids=input_ids, use_cache=False)

    def trunk(self, input_ids: Tensor) -> Tensor:
        """Compute what enters the first layer above the cut, shape (rows, tokens, hidden)."""
        caught: list[Tensor] = []

        def catch(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            caught.append(args[0] if args else kwargs["hidden_states"])

        hook = self._layers[self.first_layer].register_forward_pre_hook(catch, with_kwargs=True)
        try:
            with torch.no_grad(), self._passing(self._layers[self.first_layer :]):
                self._run(input_ids)
        finally:
            hook.remove()
        return caught[0]

    def losses(self, batch: Batch, hidden: Tensor | None = None) -> Tensor:
        """Compute the mean negative log-likelihood of each row's response, in nats a token.

        Parameters
        ----------
        batch
            Rows of equal padded length.
        hidden
            Their :meth:`trunk`; without it the layers below the cut run too.

        Returns
        -------
        Tensor
            Shape (rows,), float32.
        """
        # A hidden state predicts the next token; the head runs on those alone, because
        # vocabulary times tokens is by far the largest array.
        predicts = batch.response_mask[:, 1:]
        head = self.causal.model.get_output_embeddings()
        hook = head.register_forward_pre_hook(lambda module, args: (args[0][:, :-1][predicts],))
        try:
            with self._entering(hidden):
                logits = self.causal.model(input_ids=batch.input_ids, use_cache=False).logits
        finally:
            hook.remove()
        wanted = batch.input_ids[:, 1:][predicts]
        nll = token_losses(logits, wanted)
        counts = predicts.sum(1)
        row = torch.repeat_interleave(torch.arange(len(counts), device=nll.device), counts)
        return torch.zeros(len(counts), device=nll.device).index_add(0, row, nll) / counts

    @contextmanager
    def _entering(self, hidden: Tensor | None) -> Iterator[None]:
        """Skip the layers below the cut and hand ``hidden`` to the first one above."""
        if hidden is None:
            yield
            return

        def replace(
            module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> tuple[tuple[Any, ...], dict[str, Any]]:
            if args:
                return (hidden, *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": hidden}

        first = self._layers[self.first_layer]
        hook = first.register_forward_pre_hook(replace, with_kwargs=True)
        try:
            with self._passing(self._layers[: self.first_layer]):
                yield
        finally:
            hook.remove()

    @contextmanager
    def _passing(self, layers: Sequence[nn.Module]) -> Iterator[None]:
        """Let layers hand on their input."""

        def forward(*args: Any, **kwargs: Any) -> Any:
            hidden = args[0] if args else kwargs["hidden_states"]
            return (hidden,) if self._gives_tuple else hidden

        own: list[Callable[..., Any] | None] = [layer.__dict__.get("forward") for layer in layers]
        try:
            for layer in layers:
                layer.__dict__["forward"] = forward
            yield
        finally:
            for layer, before in zip(layers, own, strict=True):
                del layer.__dict__["forward"]
                if before is not None:
                    layer.__dict__["forward"] = before


class TrunkRows:
    """Encoded rows with what enters the first layer above the cut.

    Parameters
    ----------
    split
        The model and the cut.
    encoded
        The rows.
    cached
        Whether the hidden states are kept (tokens x hidden size x 4 bytes) or computed each
        time they are asked for; for one pass over many rows the latter is right.
    folder
        Keep them in a file in this folder instead of in memory; the file goes with the object.
    progress
        Called with the stage ``"trunk"`` while a cache is filled.

    Examples
    --------
    ``for places in rows.batches(): batch, hidden = rows.batch(places)``
    """

    def __init__(
        self,
        split: SplitModel,
        encoded: Sequence[Encoded],
        cached: bool = True,
        folder: str | os.PathLike[str] | None = None,
        tokens_per_batch: int = TOKENS_PER_BATCH,
        progress: Progress = silent,
    ) -> None:
        UsageError.require_instance("split", split, SplitModel, "make it with adapter_split")
        require_encoded("encoded", encoded)
        UsageError.require_whole("tokens_per_batch", tokens_per_batch)
        if folder is not None:
            UsageError.require_path("folder", folder)
        self.split = split
        self.encoded: list[Encoded] = list(encoded)
        self._tokens_per_batch = tokens_per_batch
        self._starts = [0]
        for row in self.encoded:
            self._starts.append(self._starts[-1] + len(row))
        self._store: Tensor | None = None
        if cached and split.first_layer > 0 and self.encoded:
            self._store = self._room(folder)
            self._fill(progress)

    def __len__(self) -> int:
        return len(self.encoded)

    def batches(self) -> list[list[int]]:
        """Group the rows by length; see :func:`batches`."""
        return list(batches(self.encoded, self._tokens_per_batch))

    def batch(self, places: Sequence[int]) -> tuple[Batch, Tensor | None]:
        """Return rows, padded, and their hidden states at the cut (None for a cut at 0)."""
        batch = pad([self.encoded[place] for place in places], self.split.causal.device)
        if self.split.first_layer == 0:
            return batch, None
        if self._store is None:
            return batch, self.split.trunk(batch.input_ids)
        hidden = self._store.new_zeros((*batch.input_ids.shape, self._store.shape[1]))
        for slot, place in enumerate(places):
            start, length = self._starts[place], len(self.encoded[place])
            hidden[slot, :length] = self._store[start : start + length]
        return batch, hidden.to(batch.input_ids.device)

    def _room(self, folder: str | os.PathLike[str] | None) -> Tensor:
        shape = self._starts[-1], self.split.causal.hidden_size
        dtype = self.split.causal.model.dtype
        if folder is None:
            return torch.empty(shape, dtype=dtype)
        return _mapped(Path(folder), shape[0] * shape[1], dtype).view(shape)

    def _fill(self, progress: Progress) -> None:
        assert self._store is not None
        done = 0
        for places in self.batches():
            batch = pad([self.encoded[place] for place in places], self.split.causal.device)
            hidden = self.split.trunk(batch.input_ids).to(self._store.device)
            for slot, place in enumerate(places):
                start, length = self._starts[place], len(self.encoded[place])
                self._store[start : start + length] = hidden[slot, :length]
            done += len(places)
            progress("trunk", done, len(self.encoded))


def _mapped(folder: Path, count: int, dtype: torch.dtype) -> Tensor:
    """Map a nameless file; its space is taken at once, because a full disk would kill later."""
    size = count * dtype.itemsize
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=".trunk-")
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, size)
            room = torch.from_file(name, shared=True, size=count, dtype=dtype)
        finally:
            os.close(handle)
            # The mapping lives on; where the system forbids this the file goes with the folder.
            with contextlib.suppress(PermissionError):
                Path(name).unlink()
    except OSError as error:
        raise GrowLabelsError(
            f"cannot keep {size / 1e9:.2g} GB of hidden states in {str(folder)!r}: "
            f"{error.strerror or error}; {way_out(error)}"
        ) from error
    return room
