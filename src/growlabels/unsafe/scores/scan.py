"""Define what a scorer reads from a scan and what it returns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from growlabels.base.errors import DataError
from growlabels.base.progress import Progress
from growlabels.unsafe.features.fill import ShardSettings
from growlabels.unsafe.features.store import FeatureShard, FeatureStore
from growlabels.unsafe.gradients.pool_gradients import (
    GradientSettings,
    PoolGradients,
    pool_gradients,
)
from growlabels.unsafe.model.encode import Encoded, encode
from growlabels.unsafe.model.model import CausalModel
from growlabels.unsafe.rows.examples import Example
from growlabels.unsafe.rows.target_sets import target_sets
from growlabels.unsafe.scores.forward_scores import PoolScores
from growlabels.unsafe.scores.fusion import FUSED, fuse
from growlabels.unsafe.scores.shortlist import below_the_scored, companions, likeliest_rows


@dataclass(frozen=True, eq=False)
class SetScores:
    """Hold scores of the rows and of the targets, one column per target set.

    The targets are scored as if they were rows. Each answer of a conversation has its own score,
    and the table keeps the row's highest. The first set holds all targets. Each other set leaves
    one target out, for the ``loo`` threshold and the warnings about the targets.

    Attributes
    ----------
    rows
        Scores of all answers, shape (answers, sets). Higher means more similar to the targets.
    targets
        Scores of the targets on the same scale, shape (targets, sets).

    Examples
    --------
    >>> SetScores(rows=np.zeros((5, 3)), targets=np.ones((2, 3))).rows.shape
    (5, 3)
    """

    rows: np.ndarray
    targets: np.ndarray


@runtime_checkable
class Scorer(Protocol):
    """Describe a method that scores a scan; pass your own in ``Scanner(methods=[...])``.

    Attributes
    ----------
    name
        Name of its column.
    reads
        What the method reads, as one phrase for the report.

    Examples
    --------
    >>> class Length:
    ...     name, reads = "length", "characters of the response"
    ...     def score(self, scan):
    ...         count = lambda examples: [[len(e.response)] for e in examples]
    ...         return scan.alike(count(scan.rows()), count(scan.targets))
    >>> isinstance(Length(), Scorer)
    True
    """

    @property
    def name(self) -> str: ...

    @property
    def reads(self) -> str: ...

    def score(self, scan: "Scan") -> SetScores:
        """Return the scores of every answer and of every target."""
        ...


@dataclass(eq=False)
class Scan:
    """Hold one pool and its targets, and cache what several scorers read.

    Attributes
    ----------
    model
        The model, without an adapter.
    store
        Features of the rows, shard by shard.
    pool
        Row id, row number and forward scores of every answer.
    features
        Features of the targets.
    targets
        The targets.
    rows
        Function that returns a new iterator over the scored rows, in order. A conversation comes
        once for each of its answers, with the preceding turns as the prompt.
    settings
        Settings with which the rows were read.
    gradient_settings
        Settings of the gradient methods.
    seed
        Seed of all random draws, 0 or more.
    progress
        Callback that reports each stage.

    Examples
    --------
    >>> def score(scan: Scan) -> SetScores:
    ...     lengths = [[len(row.response)] for row in scan.rows()]
    ...     return scan.alike(lengths, [[len(target.response)] for target in scan.targets])
    """

    model: CausalModel
    store: FeatureStore
    pool: PoolScores
    features: FeatureShard
    targets: Sequence[Example]
    rows: Callable[[], Iterator[Example]]
    settings: ShardSettings
    gradient_settings: GradientSettings
    seed: int
    progress: Progress
    _scores: dict[str, SetScores] = field(default_factory=dict, init=False, repr=False)
    _gradients: PoolGradients | None = field(default=None, init=False, repr=False)

    @property
    def sets(self) -> np.ndarray:
        """Return the weights of the targets in each target set, shape (targets, sets)."""
        return target_sets(len(self.targets))

    @property
    def folder(self) -> Path:
        """Return the run folder."""
        return self.store.run.path

    def scores(self, scorer: Scorer) -> SetScores:
        """Return the scores of a method, which is run at the first call only.

        Raises
        ------
        DataError
            The method does not return :class:`SetScores` of this scan's rows and targets.
        """
        if scorer.name not in self._scores:
            self._scores[scorer.name] = self._checked(scorer.name, scorer.score(self))
        return self._scores[scorer.name]

    def _checked(self, name: str, found: object) -> SetScores:
        sets = self.sets.shape[1]
        wanted = (len(self.pool.ids), sets), (len(self.targets), sets)
        got = type(found).__name__
        if isinstance(found, SetScores):
            parts = [np.asarray(part) for part in (found.rows, found.targets)]
            if [part.shape for part in parts] == [*wanted] and all(
                part.dtype.kind in "biuf" for part in parts
            ):
                return SetScores(*parts)
            got = " and ".join(f"{part.dtype} of shape {part.shape}" for part in parts)
        raise DataError(
            f"method {name!r} must return SetScores of numbers, with rows of shape {wanted[0]} "
            f"and targets of shape {wanted[1]}, got {got}; correct it, or use scan.alike"
        )

    def alike(self, rows: object, targets: object) -> SetScores:
        """Use one score per row, shape (rows,) or (rows, 1), that ignores the targets."""
        columns = self.sets.shape[1]
        wide = [np.asarray(part, float).reshape(-1, 1) for part in (rows, targets)]
        return SetScores(*(np.repeat(part, columns, axis=1) for part in wide))

    def encoded(self, examples: Sequence[Example]) -> list[Encoded]:
        """Encode rows as the model reads them."""
        limits = self.settings.max_prompt_tokens, self.settings.max_response_tokens
        return [encode(self.model, example, *limits) for example in examples]

    @cached_property
    def first_stage(self) -> np.ndarray:
        """Return F4w of all answers, which selects those of a large pool that get gradients."""
        parts = {name: self.pool.parts[name][:, 0] for name in FUSED}
        return fuse(parts)

    @cached_property
    def gradient_places(self) -> np.ndarray:
        """Return the indices of the answers in :attr:`gradients`: all, or the highest by F4w."""
        settings = self.gradient_settings
        return likeliest_rows(self.first_stage, settings.share, settings.share_above)

    @property
    def has_gradients(self) -> bool:
        """Return whether a method has already computed :attr:`gradients`."""
        return self._gradients is not None

    @property
    def gradient_layers(self) -> str | None:
        """Return the layers of the gradients as ``"22:30 of 30"``, or None without gradients."""
        if not self.has_gradients:
            return None
        layers = self.gradient_settings.lora.chosen(self.model.n_layers)
        return f"{layers.start}:{layers.stop} of {self.model.n_layers}"

    @property
    def gradients(self) -> PoolGradients:
        """Return the gradient scores; the first call fine-tunes an adapter to compute them.

        In a large pool, only the answers at :attr:`gradient_places` are scored. The adapter is
        trained on these and on an equal number of others.
        """
        if self._gradients is None:
            self._gradients = self._pool_gradients()
        return self._gradients

    def _pool_gradients(self) -> PoolGradients:
        places = self.gradient_places
        wanted = {*places.tolist(), *companions(places, len(self.first_stage)).tolist()}
        read = {
            place: row
            for place, example in enumerate(self.rows())
            if place in wanted
            for row in self.encoded([example])
        }
        scored = [read.pop(place) for place in places.tolist()]
        return pool_gradients(
            self.model,
            scored,
            self.encoded(self.targets),
            self.seed,
            self.folder,
            self.gradient_settings,
            self.progress,
            list(read.values()),
        )

    def of_all_rows(self, found: SetScores) -> SetScores:
        """Extend scores of the answers that have gradients to all answers, the rest below."""
        rows = below_the_scored(found.rows, self.gradient_places, self.first_stage)
        return SetScores(rows, found.targets)


def require_finite(
    method: str, answers: np.ndarray, targets: np.ndarray, numbers: np.ndarray
) -> None:
    """Raise if a score of an answer or a target is not finite; the message names the row."""
    if not np.isfinite(answers).all():
        raise DataError(
            f"method {method!r} returned a non-finite score for row "
            f"{numbers[~np.isfinite(answers)][0]}; leave the method out, or reduce the learning "
            "rate if it is a gradient method"
        )
    if not np.isfinite(targets).all():
        raise DataError(
            f"method {method!r} returned a non-finite score for a target, so no threshold can be "
            "set; leave the method out"
        )
