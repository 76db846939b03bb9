"""What a scorer may read of a scan, and what it gives back."""

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
    """Scores of rows, and of the targets as if they were rows, a column per target set.

    Of a conversation each answer has its own score, and the row will have the highest. The first
    set holds all targets, each of the others leaves one out (the warning light and the ``loo``
    threshold read those).

    Attributes
    ----------
    rows
        Shape (answers of all rows, sets); higher is more like the targets.
    targets
        Shape (targets, sets), on the same scale.
    """

    rows: np.ndarray
    targets: np.ndarray


@runtime_checkable
class Scorer(Protocol):
    """A method that scores a scan; bring your own in ``Scanner(methods=[...])``.

    Attributes
    ----------
    name
        Its column.
    reads
        What it looks at, one phrase for the report.

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
        """Score every answer of every row, and every target."""
        ...


@dataclass(frozen=True, eq=False)
class Scan:
    """One pool and its targets, as scorers see them.

    Attributes
    ----------
    model
        The model, as it came.
    store
        Features of the rows, shard by shard.
    pool
        Of every answer the id and number of its row, and the scores of the forward methods.
    features
        Features of the targets.
    targets
        The targets.
    rows
        Gives the scored rows, in order, anew at every call; a conversation once for each of its
        answers, with the turns before it as prompt.
    settings, gradient_settings
        How the rows were read, and how gradients are made.
    seed
        For whatever is drawn.
    wants_tokens
        Whether some method needs token-normalised gradients.
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
    wants_tokens: bool = False
    _done: dict[str, SetScores] = field(default_factory=dict)

    @property
    def sets(self) -> np.ndarray:
        """Weights of the targets in each target set, shape (targets, sets)."""
        return target_sets(len(self.targets))

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.store.run.path

    def scores(self, scorer: Scorer) -> SetScores:
        """Score by a method, once.

        Raises
        ------
        DataError
            The method gives no :class:`SetScores` of this scan's rows and targets.
        """
        if scorer.name not in self._done:
            self._done[scorer.name] = self._checked(scorer.name, scorer.score(self))
        return self._done[scorer.name]

    def _checked(self, name: str, found: object) -> SetScores:
        sets = self.sets.shape[1]
        wanted = (len(self.pool.ids), sets), (len(self.targets), sets)
        gave = f"{type(found).__name__}"
        if isinstance(found, SetScores):
            parts = [np.asarray(part) for part in (found.rows, found.targets)]
            if [part.shape for part in parts] == [*wanted] and all(
                part.dtype.kind in "biuf" for part in parts
            ):
                return SetScores(*parts)
            gave = " and ".join(f"{part.dtype} of shape {part.shape}" for part in parts)
        raise DataError(
            f"method {name!r} must give SetScores of numbers, rows of shape {wanted[0]} and "
            f"targets of shape {wanted[1]}, gave {gave}; correct it, or use scan.alike"
        )

    def alike(self, rows: object, targets: object) -> SetScores:
        """Give rows and targets a score that no target decides, shape (rows,) or (rows, 1)."""
        columns = self.sets.shape[1]
        wide = [np.asarray(part, float).reshape(-1, 1) for part in (rows, targets)]
        return SetScores(*(np.repeat(part, columns, axis=1) for part in wide))

    def encoded(self, examples: Sequence[Example]) -> list[Encoded]:
        """Return what the model reads of some rows."""
        limits = self.settings.max_prompt_tokens, self.settings.max_response_tokens
        return [encode(self.model, example, *limits) for example in examples]

    @cached_property
    def first_stage(self) -> np.ndarray:
        """F4w of all rows, shape (rows,): decides which rows of a large pool get gradients."""
        parts = {name: self.pool.parts[name][:, 0] for name in FUSED}
        return fuse(parts)

    @cached_property
    def gradient_places(self) -> np.ndarray:
        """Places of the rows that :attr:`gradients` is about: all, or the likeliest."""
        settings = self.gradient_settings
        return likeliest_rows(self.first_stage, settings.share, settings.share_above)

    @cached_property
    def gradients(self) -> PoolGradients:
        """Gradients of rows and targets; computed at the first call, which fine-tunes.

        Of a large pool only the rows at :attr:`gradient_places` are scored; the adapter is
        trained on these and on as many others.
        """
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
            self.wants_tokens,
            self.gradient_settings,
            self.progress,
            list(read.values()),
        )

    def of_all_rows(self, found: SetScores) -> SetScores:
        """Turn scores of the rows that have gradients into scores of all: the others below."""
        rows = below_the_scored(found.rows, self.gradient_places, self.first_stage)
        return SetScores(rows, found.targets)


def require_finite(
    method: str, answers: np.ndarray, targets: np.ndarray, numbers: np.ndarray
) -> None:
    """Raise where a method has no score of an answer, named by its row, or of a target."""
    if not np.isfinite(answers).all():
        raise DataError(
            f"method {method!r} gives row {numbers[~np.isfinite(answers)][0]} no finite score; "
            "leave the method out, or train with a smaller learning rate if it is one of gradients"
        )
    if not np.isfinite(targets).all():
        raise DataError(
            f"method {method!r} gives a target no finite score, so nothing is known about "
            "the threshold; leave the method out"
        )
