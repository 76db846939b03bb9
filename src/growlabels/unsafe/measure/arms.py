"""Retraining: does the model change when the flagged rows are left out?

Arms, each trained from the same start with the same recipe: ``all`` rows; ``filtered``, without
the flagged rows; ``random``, without as many rows drawn at random, the control that shows what
leaving out any rows does. Where the truth is known, ``oracle`` leaves out exactly the unsafe rows.

An arm with fewer rows would take fewer steps, and fewer steps alone change every loss. So all
arms take the steps of ``all``: a row that is left out is replaced, where it stood, by another row
that is kept. Arms then differ in nothing but rows: same number of steps, same rows a step, same
learning rate, and the rows that two arms share come at the same steps.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError, is_whole
from growlabels.base.files import content_hash
from growlabels.base.progress import Progress, silent
from growlabels.unsafe.measure.held_out_loss import Change, held_out_losses, loss_change
from growlabels.unsafe.model.finetune import Checkpoint, FinetuneSettings, finetune, step_order
from growlabels.unsafe.model.lora import Adapter, require_adapter
from growlabels.unsafe.model.trunk import TrunkRows


@dataclass(frozen=True, eq=False)
class Arm:
    """One retrained model.

    Attributes
    ----------
    name
        ``"untrained"``, ``"all"``, ``"filtered"``, ``"random"``, ``"random 2"`` ..., others.
    removed
        Places of the rows it was not trained on.
    rows
        How many different rows it was trained on.
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
        return loss_change(self._losses(name, held_out), self._losses(reference, held_out))

    def taken_back(self, name: str, held_out: str) -> float:
        """Share of what training on all rows taught that an arm does not have.

        0: nothing was taken back; 1: as if never trained; nan where training on all rows did
        not make the held-out answers more likely.
        """
        return self._share(name, "untrained", held_out)

    def gap_closed(self, name: str, held_out: str, oracle: str = "oracle") -> float:
        """Share of the oracle's change that an arm reaches.

        1: as if exactly the unsafe rows had been left out; nan where leaving those out did not
        make the held-out answers less likely.
        """
        return self._share(name, oracle, held_out)

    def random_change(self, held_out: str) -> Change:
        """Compare the random arms with ``all``: mean and standard error over the arms.

        ``rows`` of the result is the number of random arms.
        """
        random = [arm for arm in self.arms if arm.name.startswith("random")]
        before = self._losses("all", held_out).mean()
        return loss_change(
            np.array([arm.losses[held_out].mean() for arm in random]),
            np.full(len(random), before),
        )

    def _losses(self, name: str, held_out: str) -> NDArray[np.float64]:
        losses = self.arm(name).losses
        UsageError.require_choice("held_out", held_out, losses)
        return losses[held_out]

    def _share(self, name: str, of: str, held_out: str) -> float:
        whole = self.change(of, held_out).mean
        return self.change(name, held_out).mean / whole if whole > 0 else float("nan")


def retrain_arms(
    adapter: Adapter,
    rows: TrunkRows,
    removed: Sequence[int],
    held_out: Mapping[str, TrunkRows],
    settings: FinetuneSettings | None = None,
    random_arms: int = 3,
    others: Mapping[str, Sequence[int]] | None = None,
    seed: int = 0,
    trained: Callable[[str, list[Checkpoint]], object] | None = None,
    folder: str | os.PathLike[str] | None = None,
    inputs: str = "",
    progress: Progress = silent,
    row_of: Sequence[int] | None = None,
) -> RetrainResult:
    """Train the arms and measure each on the same held-out rows.

    Parameters
    ----------
    adapter
        The attached adapter; every arm starts it anew from ``seed``.
    rows
        The suspect training rows.
    removed
        Places of the flagged rows.
    held_out
        Name -> rows that no arm is trained on, e.g. ``{"unsafe": ..., "ordinary": ...}``.
    settings
        How every arm is trained; the order of the rows is drawn from ``seed``.
    random_arms
        How many arms leave out rows at random; one alone says little, see
        :meth:`RetrainResult.random_change`.
    others
        Name -> places left out, of further arms, e.g. ``{"oracle": rows that are unsafe in
        truth}``.
    seed
        Decides the start, the order and the random removals.
    trained
        Called with an arm's name and checkpoints while the adapter is as that arm left it.
    folder, inputs
        Where the checkpoints of each arm are kept, and a hash of rows, model and adapter: what was
        trained before with the same hash, steps and settings is not trained again.
    progress
        Called with the stage ``"retraining: <arm>"``.
    row_of
        Where some rows are conversations: ``rows`` are all answers, and this is the place of the
        row that each is of, ascending from 0. Rows are left out with all their answers.

    Raises
    ------
    UsageError
        A place is not a row (a mask holds none), nothing would be left to train on, there is no
        random arm, ``row_of`` is no such list, or something is of another class.
    DataError
        An arm's losses are not finite.
    """
    settings = FinetuneSettings() if settings is None else settings
    _require_parts(adapter, rows, held_out, settings, others)
    UsageError.require_whole("random_arms", random_arms)
    UsageError.require_whole("seed", seed, 0)
    if trained is not None:
        UsageError.require_callable("trained", trained)
    settings = replace(settings, seed=seed)
    owner = np.arange(len(rows)) if row_of is None else _owners(row_of, len(rows))
    total = int(owner.max(initial=-1)) + 1
    _require_places("filtered", removed, total)
    count = len(set(removed))
    without: dict[str, Sequence[int]] = {"all": (), "filtered": removed}
    generator = np.random.default_rng(seed)
    for number in range(random_arms):
        name = "random" if number == 0 else f"random {number + 1}"
        without[name] = generator.choice(total, count, replace=False).tolist()
    if taken := {"untrained", *without} & set(others or ()):
        raise UsageError.parameter("others", "must have names of their own", min(taken))
    for name, places in (others or {}).items():
        _require_places(name, places, total)
    without |= others or {}
    adapter.reset(seed)
    arms = [Arm("untrained", (), 0, _measure(held_out))]
    order = step_order(len(rows), settings)
    for name, places in without.items():
        gone = set(np.flatnonzero(np.isin(owner, list(places))).tolist())
        adapter.reset(seed)
        stage = _Stage(f"retraining: {name}", progress)
        steps = without_rows(order, gone, len(rows), seed)
        place = None
        if folder is not None:
            made_from = content_hash([inputs, steps, vars(settings)])
            place = Path(folder) / made_from[:16]
        checkpoints = finetune(adapter, rows, settings, place, inputs, order=steps, progress=stage)
        losses = _measure(held_out)
        if not all(np.isfinite(values).all() for values in losses.values()):
            raise DataError(
                f"the losses of arm {name!r} are not finite, so nothing can be compared; "
                "train with a smaller learning rate"
            )
        left_out = tuple(sorted(set(places)))
        arms.append(Arm(name, left_out, total - len(left_out), losses))
        if trained is not None:
            trained(name, checkpoints)
    return RetrainResult(tuple(arms))


def without_rows(
    order: Sequence[Sequence[int]], removed: Collection[int], count: int, seed: int = 0
) -> list[list[int]]:
    """Put kept rows where removed ones stood, each as seldom as possible.

    Parameters
    ----------
    order
        Places of the rows of every step, from 0 to ``count - 1``.
    removed
        Places that must not be trained on; not all of them.
    seed
        Decides which kept rows stand in.

    Examples
    --------
    >>> steps = without_rows([[0, 1], [2, 3]], {1}, 4)
    >>> [len(step) for step in steps], steps[0][0], steps[1]
    ([2, 2], 0, [2, 3])
    """
    kept = [place for place in range(count) if place not in removed]
    stand_ins = cycle(np.random.default_rng(seed).permutation(kept).tolist())
    return [[next(stand_ins) if place in removed else place for place in step] for step in order]


@dataclass(frozen=True)
class _Stage:
    """Progress under another stage's name."""

    name: str
    progress: Progress

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        self.progress(self.name, done, total)


def _measure(held_out: Mapping[str, TrunkRows]) -> dict[str, NDArray[np.float64]]:
    return {name: held_out_losses(rows) for name, rows in held_out.items()}


def _require_parts(
    adapter: object, rows: object, held_out: Any, settings: object, others: object
) -> None:
    require_adapter(adapter)
    UsageError.require_instance("settings", settings, FinetuneSettings)
    UsageError.require_instance("held_out", held_out, Mapping, "give name -> rows")
    UsageError.require_instance("others", {} if others is None else others, Mapping)
    parts = {"rows": rows} | {f"held_out[{name!r}]": part for name, part in held_out.items()}
    for name, part in parts.items():
        UsageError.require_instance(name, part, TrunkRows, "make them with TrunkRows")


def _owners(row_of: Sequence[int], answers: int) -> NDArray[np.int64]:
    """Read which row each answer is of."""
    owner = np.asarray(row_of)
    whole = owner.shape == (answers,) and owner.dtype.kind in "iu" and owner.min(initial=0) >= 0
    if not whole or (np.diff(owner) < 0).any():
        raise UsageError(
            f"row_of must be {answers} places of rows, one for each answer, ascending from 0"
        )
    return owner.astype(np.int64)


def _require_places(name: str, places: Sequence[int], count: int) -> None:
    what = f"places removed in arm {name!r}"
    if not isinstance(places, Sequence | np.ndarray) or isinstance(places, str):
        raise UsageError.parameter(what, "must be a list of places", places)
    wrong = [place for place in places if not is_whole(place, 0) or place >= count]
    if wrong:
        raise UsageError.parameter(
            what,
            f"must be from 0 to {count - 1}",
            wrong[0],
            "np.flatnonzero(mask) gives the places of a mask"
            if isinstance(wrong[0], bool | np.bool_)
            else "",
        )
    if len(set(places)) >= count:
        raise UsageError(
            f"arm {name!r} would leave no rows to train on; choose a threshold that flags fewer"
        )
