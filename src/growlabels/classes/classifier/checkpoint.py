"""Training that goes on where it was killed."""

import os
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from growlabels.base.errors import RunError, UsageError
from growlabels.base.files import atomic_write


class TrainingCheckpoint:
    """A file with the state of a training, written between epochs.

    Parameters
    ----------
    path
        The file. It is replaced whole or not at all.
    every
        Least number of seconds between two writes. Default 20.

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

    def __init__(self, path: str | os.PathLike[str], every: float = 20.0) -> None:
        UsageError.require_path("checkpoint", path)
        self.path: Path = Path(path)
        self.every: float = every
        self._last = time.monotonic()

    def restore(
        self, trunk: nn.Module, head: nn.Module, optimizer: torch.optim.Optimizer
    ) -> list[float]:
        """Take over the state of the file and return the loss of each epoch that is done.

        Without a file nothing is changed and the list is empty. The state of torch's generator is
        part of it.

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
    ) -> None:
        """Write the state after an epoch, unless the last write was a moment ago."""
        if time.monotonic() - self._last < self.every:
            return
        state = {
            "trunk": trunk.state_dict(),
            "head": head.state_dict(),
            "optimizer": optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "losses": losses,
        }
        with atomic_write(self.path, "wb") as file:
            torch.save(state, file)
        self._last = time.monotonic()

    def delete(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)
