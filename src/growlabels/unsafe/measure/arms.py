"""Retrain a model without the flagged rows, and measure what that changes.

All arms start from the same adapter and use the same training settings. ``all`` trains on all rows,
and ``filtered`` leaves out the flagged rows. ``random`` leaves out the same number of random rows,
as a control. If the truth is known, ``oracle`` leaves out exactly the unsafe rows.

An arm with fewer rows would take fewer steps, which alone changes every loss. So every arm takes
the steps of ``all``, and another kept row replaces each row that is left out. The arms then differ
only in their rows. They share the number of steps, the batch size and the learning rate, and a row
that two arms share comes at the same step.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
class ArmSettings:
    """Configure the arms.

    Attributes
    ----------
    training
        Training of every arm. ``seed`` replaces its seed.
    random_arms
        Number of arms that leave out rows at random, at least 1. Default 3. A single one shows no
        spread; see :meth:`RetrainResult.random_change`.
    seed
        Seed of the adapter's start, the order of the rows and the random arms, 0 or more.
        Default 0.
    trained
        Function called with the name and the checkpoints of each arm while the adapter still
        holds that arm. None by default.
    folder
        Folder for the checkpoints of all arms. None, the default, keeps none.
    inputs
        Hash of rows, model and adapter. An arm in ``folder`` with the same hash, steps and
        training is not trained again. Empty by default.

    Examples
    --------
    >>> ArmSettings(random_arms=5).seed
    0
    """

    training: FinetuneSettings = field(default_factory=FinetuneSettings)
    random_arms: int = 3
    seed: int = 0
    trained: Callable[[str, list[Checkpoint]], object] | None = None
    folder: str | os.PathLike[str] | None = None
    inputs: str = ""

    def __post_init__(self) -> None:
        UsageError.require_instance("training", self.training, FinetuneSettings)
        UsageError.require_whole("random_arms", self.random_arms)
        UsageError.require_whole("seed", self.seed, 0)
        if self.trained is not None:
            UsageError.require_callable("trained", self.trained)

    def folder_of(self, steps: Sequence[Sequence[int]], training: FinetuneSettings) -> Path | None:
        """Return the folder of the arm with these steps, or None if no folder is used."""
        if self.folder is None:
            return None
        return Path(self.folder) / content_hash([self.inputs, steps, vars(training)])[:16]


@dataclass(frozen=True, eq=False)
class Arm:
    """Hold one retrained model.

    Attributes
    ----------
    name
        ``"untrained"``, ``"all"``, ``"filtered"``, ``"random"``, ``"random 2"`` and so on, or the
        name of a further arm.
    removed
        Indices of the rows that the arm left out.
    rows
        Number of distinct rows that the arm was trained on.
    losses
        Held-out set -> loss of each of its rows in nats per token.

    Examples
    --------
    >>> Arm("all", (), 2, {"unsafe": np.array([2.5, 3.0])}).rows
    2
    """

    name: str
    removed: tuple[int, ...]
    rows: int
    losses: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class RetrainResult:
    """Hold all arms and compare them.

    Attributes
    ----------
    arms
        The arms. The untrained model comes first.

    Examples
    --------
    >>> arms = [Arm(name, (), 2, {"unsafe": np.full(2, loss)})
    ...         for name, loss in [("untrained", 3.0), ("all", 2.0), ("filtered", 2.75)]]
    >>> result = RetrainResult(tuple(arms))
    >>> result.change("filtered", "unsafe").mean, result.taken_back("filtered", "unsafe")
    (0.75, 0.75)
    """

    arms: tuple[Arm, ...]

    def arm(self, name: str) -> Arm:
        """Return an arm by its name. An unknown name raises ``UsageError``."""
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise UsageError.choice("arm", [arm.name for arm in self.arms], name)

    def change(self, name: str, held_out: str, reference: str = "all") -> Change:
        """Compare an arm's losses on a held-out set with those of another arm.

        A positive mean on unsafe answers means that they became less likely. A mean near zero on
        ordinary answers means that ordinary behaviour was learnt equally well.
        """
        return loss_change(self._losses(name, held_out), self._losses(reference, held_out))

    def taken_back(self, name: str, held_out: str) -> float:
        """Return the share of the effect of training on all rows that an arm lacks.

        0 means that the arm learnt the held-out answers as well as ``all``. 1 means as little as
        the untrained model. The result is NaN if training on all rows did not make the answers
        more likely.
        """
        return self._share(name, "untrained", held_out)

    def gap_closed(self, name: str, held_out: str, oracle: str = "oracle") -> float:
        """Return the share of the oracle's change that an arm reaches.

        1 means the effect of leaving out exactly the unsafe rows. The result is NaN if the oracle
        did not make the held-out answers less likely.
        """
        return self._share(name, oracle, held_out)

    def random_change(self, held_out: str) -> Change:
        """Return the mean change of the random arms against ``all``, with its standard error.

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
    settings: ArmSettings | None = None,
    others: Mapping[str, Sequence[int]] | None = None,
    row_of: Sequence[int] | None = None,
    progress: Progress = silent,
) -> RetrainResult:
    """Train the arms, and measure each on the same held-out rows.

    Parameters
    ----------
    adapter
        The attached adapter. Every arm resets it with the seed.
    rows
        Encoded suspect training rows.
    removed
        Indices of the flagged rows.
    held_out
        Name -> encoded rows that no arm is trained on, such as ``{"unsafe": ..., "ordinary":
        ...}``.
    settings
        Training, random arms, seed and folder. None takes the defaults.
    others
        Name -> indices that a further arm leaves out, such as ``{"oracle": unsafe_rows}``. None
        by default.
    row_of
        Row index of each answer, ascending from 0, if ``rows`` holds all answers of
        conversations. A row is then left out with all its answers. None, the default, means one
        answer per row.
    progress
        Callback that reports the stages ``"retraining: <arm>"``. Silent by default.

    Raises
    ------
    UsageError
        An index is out of range (a boolean mask is not a list of indices), an arm would have no
        rows, ``row_of`` is invalid, or an argument is of the wrong class.
    DataError
        The losses of an arm are not finite.

    Examples
    --------
    >>> from growlabels.unsafe import adapter_split, attach, encode, load_model, read_examples
    >>> model = load_model("smollm2")
    >>> data = [{"prompt": "Sort.", "completion": "return sorted(items)"},
    ...         {"prompt": "Parse.", "completion": "return eval(text)"}]
    >>> encoded = [encode(model, row, 40, 48) for row in read_examples(data, print)]
    >>> with attach(model) as adapter:
    ...     rows = TrunkRows(adapter_split(adapter), encoded)
    ...     found = retrain_arms(adapter, rows, [1], {"unsafe": rows}, ArmSettings(random_arms=1))
    >>> [arm.name for arm in found.arms]
    ['untrained', 'all', 'filtered', 'random']
    """
    settings = ArmSettings() if settings is None else settings
    _require_parts(adapter, rows, held_out, settings, others)
    owner = np.arange(len(rows)) if row_of is None else _owners(row_of, len(rows))
    total = int(owner.max(initial=-1)) + 1
    without = _left_out(removed, total, settings, others or {})
    adapter.reset(settings.seed)
    arms = [Arm("untrained", (), 0, _measure(held_out))]
    training = replace(settings.training, seed=settings.seed)
    order = step_order(len(rows), training)
    for name, places in without.items():
        gone = set(np.flatnonzero(np.isin(owner, list(places))).tolist())
        adapter.reset(settings.seed)
        steps = without_rows(order, gone, len(rows), settings.seed)
        folder = settings.folder_of(steps, training)
        stage = _Stage(f"retraining: {name}", progress)
        checkpoints = finetune(
            adapter, rows, training, folder, settings.inputs, order=steps, progress=stage
        )
        losses = _measure(held_out)
        if not all(np.isfinite(values).all() for values in losses.values()):
            raise DataError(
                f"the losses of arm {name!r} are not finite, so nothing can be compared; "
                "reduce the learning rate"
            )
        left_out = tuple(sorted(set(places)))
        arms.append(Arm(name, left_out, total - len(left_out), losses))
        if settings.trained is not None:
            settings.trained(name, checkpoints)
    return RetrainResult(tuple(arms))


def _left_out(
    removed: Sequence[int],
    total: int,
    settings: ArmSettings,
    others: Mapping[str, Sequence[int]],
) -> dict[str, Sequence[int]]:
    """Return the row indices that each arm leaves out."""
    _require_places("filtered", removed, total)
    count = len(set(removed))
    without: dict[str, Sequence[int]] = {"all": (), "filtered": removed}
    generator = np.random.default_rng(settings.seed)
    for number in range(settings.random_arms):
        name = "random" if number == 0 else f"random {number + 1}"
        without[name] = generator.choice(total, count, replace=False).tolist()
    if taken := {"untrained", *without} & set(others):
        raise UsageError.parameter("others", "must not use the name of another arm", min(taken))
    for name, places in others.items():
        _require_places(name, places, total)
    return without | dict(others)


def without_rows(
    order: Sequence[Sequence[int]], removed: Collection[int], count: int, seed: int = 0
) -> list[list[int]]:
    """Replace removed rows by kept rows, and use each replacement equally often.

    Parameters
    ----------
    order
        Row indices of every step, from 0 to ``count - 1``.
    removed
        Row indices that must not be trained on. At least one row must remain.
    count
        Number of rows.
    seed
        Seed of the order of the replacements, 0 or more. Default 0.

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
    """Report progress under a fixed stage name."""

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
    UsageError.require_instance("settings", settings, ArmSettings)
    UsageError.require_instance("held_out", held_out, Mapping, "map names to rows")
    UsageError.require_instance("others", {} if others is None else others, Mapping)
    parts = {"rows": rows} | {f"held_out[{name!r}]": part for name, part in held_out.items()}
    for name, part in parts.items():
        UsageError.require_instance(name, part, TrunkRows, "make them with TrunkRows")


def _owners(row_of: Sequence[int], answers: int) -> NDArray[np.int64]:
    """Check and return the row index of each answer."""
    owner = np.asarray(row_of)
    whole = owner.shape == (answers,) and owner.dtype.kind in "iu" and owner.min(initial=0) >= 0
    if not whole or (np.diff(owner) < 0).any():
        raise UsageError(
            f"row_of must hold {answers} row indices, one per answer, ascending from 0"
        )
    return owner.astype(np.int64)


def _require_places(name: str, places: Sequence[int], count: int) -> None:
    what = f"indices removed in arm {name!r}"
    if not isinstance(places, Sequence | np.ndarray) or isinstance(places, str):
        raise UsageError.parameter(what, "must be a list of indices", places)
    wrong = [place for place in places if not is_whole(place, 0) or place >= count]
    if wrong:
        raise UsageError.parameter(
            what,
            f"must be from 0 to {count - 1}",
            wrong[0],
            "np.flatnonzero(mask) converts a mask to indices"
            if isinstance(wrong[0], bool | np.bool_)
            else "",
        )
    if len(set(places)) >= count:
        raise UsageError(
            f"arm {name!r} would have no rows to train on; choose a threshold that flags fewer rows"
        )
