"""Training that goes on where it was killed."""

import os
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from growlabels.base.errors import RunError, UsageError
from growlabels.base.files import atomic_write

_SHARE = 20


class TrainingCheckpoint:
    """A file with the state of a training, written between epochs.

    Parameters
    ----------
    path
        The file. It is replaced whole or not at all.
    every
        Least number of seconds between two writes. None, the default: 20 times what the last one
        took.

    Examples
    --------
    >>> import tempfile
    >>> from growlabels.classes import EBVClassifier
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = TrainingCheckpoint(f"{folder}/training.pt")
    ...     X, y = [[0.0], [1.0]] * 8, [0, 1] * 8
    ...     model = EBVClassifier(epochs=5).fit(X, y, checkpoint=checkpoint)
    ...     checkpoint.delete()
    >>> len(model.losses_)
    5
    """

    def __init__(self, path: str | os.PathLike[str], every: float | None = None) -> None:
        UsageError.require_path("checkpoint", path)
        self.path: Path = Path(path)
        self.every: float | None = every
        self._last: float = time.monotonic()
        self._took: float = 0.0

    def restore(
        self,
        trunk: nn.Module,
        head: nn.Module,
        optimizer: torch.optim.Optimizer,
        stop: Any = None,
    ) -> list[float]:
        """Take over the state of the file and return the loss of each epoch that is done.

        Without a file nothing is changed and the list is empty. The state of torch's generator is
        part of it, and so is that of early stopping, ``stop``.

        Raises
        ------
        RunError
            The file is damaged, or belongs to another model.
        """
        if not self.path.is_file():
            return []
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
            trunk.load_state_dict(state["trunk"])
            head.load_state_dict(state["head"])
            optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["random"])
            if torch.cuda.is_available() and state["cuda"]:
                torch.cuda.set_rng_state_all(state["cuda"])
            if stop is not None:
                stop.losses[:], stop.best, stop.state = state["stop"]
            return list(state["losses"])
        except Exception as error:  # torch raises many kinds for a damaged file
            raise RunError(
                f"the checkpoint {str(self.path)!r} is damaged or of another model "
                f"({type(error).__name__}); delete it to train from the start"
            ) from error

    def epoch_done(
        self,
        trunk: nn.Module,
        head: nn.Module,
        optimizer: torch.optim.Optimizer,
        losses: list[float],
        stop: Any = None,
    ) -> None:
        """Write the state after an epoch, unless the last write was a moment ago.

        By default a moment is 20 times as long as the last write took, so that writing takes less
        than a twentieth of the time; the first epoch is always written.
        """
        started = time.monotonic()
        if started - self._last < (_SHARE * self._took if self.every is None else self.every):
            return
        state = {
            "trunk": trunk.state_dict(),
            "head": head.state_dict(),
            "optimizer": optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "losses": losses,
        }
        if stop is not None:
            state["stop"] = [list(stop.losses), stop.best, stop.state]
        with atomic_write(self.path, "wb") as file:
            torch.save(state, file)
        self._last = time.monotonic()
        self._took = self._last - started

    def delete(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)
