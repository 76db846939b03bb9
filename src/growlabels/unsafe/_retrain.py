"""Retraining: does the model change when the flagged rows are left out?

Arms, each trained from the same start with the same recipe: ``all`` rows; ``filtered``, without
the flagged rows; ``random``, without as many rows drawn at random, the control that shows what
fewer rows alone do. Where the truth is known, ``oracle`` leaves out exactly the unsafe rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress, silent
from growlabels.unsafe._finetune import FinetuneSettings, finetune
from growlabels.unsafe._lora import Adapter
from growlabels.unsafe._safety import Change, held_out_losses, loss_change
from growlabels.unsafe._trunk import TrunkRows


@dataclass(frozen=True, eq=False)
class Arm:
    """One retrained model.

    Attributes
    ----------
    name
        ``"untrained"``, ``"all"``, ``"filtered"``, ``"random"``, ``"random 2"`` ..., ``"oracle"``.
    removed
        Places of the rows it was not trained on.
    rows
        How many it was trained on.
    losses
        Held-out set -> loss of each of its rows, nats a token.
    """

    name: str
    removed: tuple[int, ...]
    rows: int
    losses: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class RetrainResult:
    """All arms, the untrained model first."""

    arms: tuple[Arm, ...]

    def arm(self, name: str) -> Arm:
        """Return one arm; an unknown name is a ``UsageError``."""
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise UsageError.choice("arm", [arm.name for arm in self.arms], name)

    def change(self, name: str, held_out: str, reference: str = "all") -> Change:
        """Compare an arm's losses on a held-out set with those of another arm.

        A positive mean on unsafe answers: leaving those rows out made them less likely. A
        mean near zero on ordinary answers: the rest was learnt all the same.
        """
        return loss_change(self.arm(name).losses[held_out], self.arm(reference).losses[held_out])

    def taken_back(self, name: str, held_out: str) -> float:
        """Share of what training on all rows taught that an arm does not have.

        0: nothing was taken back; 1: as if never trained; nan where training on all rows did
        not make the held-out answers more likely.
        """
        taught = self.change("untrained", held_out).mean
        return self.change(name, held_out).mean / taught if taught > 0 else float("nan")


def retrain_arms(
    adapter: Adapter,
    rows: TrunkRows,
    removed: Sequence[int],
    held_out: Mapping[str, TrunkRows],
    settings: FinetuneSettings | None = None,
    random_arms: int = 1,
    oracle: Sequence[int] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> RetrainResult:
    """Train the arms and measure each on the same held-out rows.

    Parameters
    ----------
    adapter
        The attached adapter; every arm starts it anew from ``seed``.
    rows
        The suspect training rows.
    removed
        Places in ``rows`` of the flagged ones.
    held_out
        Name -> rows that no arm is trained on, e.g. ``{"unsafe": ..., "ordinary": ...}``.
    settings
        How every arm is trained; the order of the rows is drawn from ``seed``.
    random_arms
        How many arms leave out rows at random.
    oracle
        Places of the rows that are unsafe in truth.
    seed
        Decides the start, the order and the random removals.
    progress
        Called with the stage ``"retraining: <arm>"``.

    Raises
    ------
    UsageError
        A place is not a row, or nothing would be left to train on.
    """
    settings = replace(settings or FinetuneSettings(), seed=seed)
    without: dict[str, Sequence[int]] = {"all": (), "filtered": removed}
    generator = np.random.default_rng(seed)
    for number in range(random_arms):
        name = "random" if number == 0 else f"random {number + 1}"
        count = min(len(set(removed)), len(rows))
        without[name] = generator.choice(len(rows), count, replace=False).tolist()
    if oracle is not None:
        without["oracle"] = oracle
    for name, places in without.items():
        _require_places(name, places, len(rows))
    adapter.reset(seed)
    arms = [Arm("untrained", (), 0, _measure(held_out))]
    for name, places in without.items():
        gone = set(places)
        kept = [place for place in range(len(rows)) if place not in gone]
        adapter.reset(seed)
        stage = _Stage(f"retraining: {name}", progress)
        finetune(adapter, rows.subset(kept), settings, progress=stage)
        arms.append(Arm(name, tuple(sorted(gone)), len(kept), _measure(held_out)))
    return RetrainResult(tuple(arms))


@dataclass(frozen=True)
class _Stage:
    """Progress under another stage's name."""

    name: str
    progress: Progress

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        self.progress(self.name, done, total)


def _measure(held_out: Mapping[str, TrunkRows]) -> dict[str, NDArray[np.float64]]:
    return {name: held_out_losses(rows) for name, rows in held_out.items()}


def _require_places(name: str, places: Sequence[int], count: int) -> None:
    wrong = [place for place in places if not 0 <= place < count]
    if wrong:
        raise UsageError.parameter(
            f"places removed in arm {name!r}", f"must be from 0 to {count - 1}", wrong[0]
        )
    if len(set(places)) >= count:
        raise UsageError(
            f"arm {name!r} would leave no rows to train on; choose a threshold that flags fewer"
        )
