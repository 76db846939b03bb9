"""Compute DRA: denoised representations of gradients or hidden states.

This is a reimplementation from the description in "Detecting and Filtering Unsafe Training Data via
Data Attribution with Denoised Representation" (Pan et al., ICML 2026). Directions in which ordinary
rows vary, or which the targets do not share, carry little information. Rows are centred, and
whitened if there are enough of them. Only dimensions in which the targets agree with one another
are kept.
"""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from jaxtyping import Bool, Float

from growlabels.base.errors import UsageError
from growlabels.unsafe.features.unit import unit
from growlabels.unsafe.rows.target_sets import left_out, target_sets
from growlabels.unsafe.scores.fusion import floats
from growlabels.unsafe.scores.threshold import percentile

ROWS_PER_DIMENSION = 10
"""Fewest rows per dimension for whitening, which hurts with fewer."""


@dataclass(frozen=True)
class DenoiseSettings:
    """Select the steps of DRA.

    Attributes
    ----------
    whiten
        Whether to rotate to the pool's principal axes and divide by the standard deviations.
        None, the default, does so with at least ten rows per dimension.
    shrinkage
        Share of the mean variance that is mixed into each variance first, 0 to 1. Default 0.5.
    select
        Whether to keep only dimensions that separate left-out targets from the pool. Default True.
    guard
        Whether to fall back to the plain cosine if it ranks left-out targets higher. Default True.

    Examples
    --------
    >>> DenoiseSettings(whiten=False).shrinkage
    0.5
    """

    whiten: bool | None = None
    shrinkage: float = 0.5
    select: bool = True
    guard: bool = True

    def __post_init__(self) -> None:
        for name in ("select", "guard"):
            UsageError.require_choice(name, getattr(self, name), (True, False))
        UsageError.require_choice("whiten", self.whiten, (True, False, None))
        if not isinstance(self.shrinkage, Real) or not 0 <= self.shrinkage <= 1:
            raise UsageError.parameter("shrinkage", "must be from 0 to 1", self.shrinkage)


class Denoiser:
    """Fit DRA on a pool, or a sample of it, and on targets; then score any rows.

    Parameters
    ----------
    pool
        Representations of ordinary and suspect rows, at least one.
    targets
        Representations of the targets, at least one.
    settings
        Steps to take. None takes all of them.

    Raises
    ------
    UsageError
        Pool or targets are empty, not finite, or of different dimension.

    Attributes
    ----------
    is_plain
        Whether the guard chose the plain cosine.

    Examples
    --------
    >>> pool = np.random.default_rng(0).normal(size=(90, 3))
    >>> found = Denoiser(pool, np.array([[0.0, 0.0, 3.0], [0.1, 0.0, 2.0]]))
    >>> scores = found.score(np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))
    >>> scores.shape, bool(scores[0, 0] > scores[1, 0])
    ((2, 3), True)
    """

    def __init__(
        self,
        pool: Float[np.ndarray, "rows dim"],
        targets: Float[np.ndarray, "targets dim"],
        settings: DenoiseSettings | None = None,
    ) -> None:
        settings = DenoiseSettings() if settings is None else settings
        UsageError.require_instance("settings", settings, DenoiseSettings)
        pool = _vectors("pool", pool)
        targets = _vectors("targets", targets, pool.shape[1])
        self._mean = pool.mean(0)
        self._axes = whitening(pool - self._mean, settings)
        self._targets = targets
        sets = target_sets(len(targets))
        space, wanted = self._space(pool), self._space(targets)
        kept = [_kept(wanted, space, column > 0, settings.select) for column in sets.T]
        self._kept = np.stack(kept, 1)
        self._wanted, self._sets = wanted, sets
        self.is_plain = False
        if settings.guard and len(targets) > 2:
            plain = unit(pool) @ unit(targets).T @ sets, unit(targets) @ unit(targets).T @ sets
            denoised = self.score(pool), self.score(targets)
            self.is_plain: bool = _auc(*denoised) < _auc(*plain)

    def _space(self, rows: Float[np.ndarray, "rows dim"]) -> Float[np.ndarray, "rows dims"]:
        centred = rows - self._mean
        return centred if self._axes is None else centred @ self._axes

    def score(self, rows: Float[np.ndarray, "rows dim"]) -> Float[np.ndarray, "rows sets"]:
        """Return the mean cosine with the targets, one column per target set, in [-1, 1]."""
        rows = _vectors("rows", rows, len(self._mean), least=0)
        if self.is_plain:
            return unit(rows) @ unit(self._targets).T @ self._sets
        space = self._space(rows)
        scores = np.empty((len(rows), self._sets.shape[1]))
        for column in range(self._sets.shape[1]):
            kept = self._kept[:, column]
            cosines = unit(space[:, kept]) @ unit(self._wanted[:, kept]).T
            scores[:, column] = cosines @ self._sets[:, column]
        return scores


def _vectors(name: str, values: object, dims: int | None = None, least: int = 1) -> np.ndarray:
    found = floats(values)
    wrong = found.ndim != 2 or len(found) < least or not np.isfinite(found).all()
    if wrong or dims not in (None, found.shape[-1]):
        raise UsageError(
            f"{name} must be finite numbers of shape (rows, {dims or 'dimensions'}), at least "
            f"{least} row{'s' * (least != 1)}, got {type(values).__name__} of shape {found.shape}"
        )
    return found


def whitening(
    centred: Float[np.ndarray, "rows dim"], settings: DenoiseSettings
) -> Float[np.ndarray, "dim dims"] | None:
    """Return principal axes divided by shrunken deviations, or None if nothing is whitened."""
    rows, dim = centred.shape
    wanted = rows >= ROWS_PER_DIMENSION * dim if settings.whiten is None else settings.whiten
    if not wanted:
        return None
    variances, axes = np.linalg.eigh(centred.T @ centred / rows)
    variances = variances.clip(0)
    mixed = (1 - settings.shrinkage) * variances + settings.shrinkage * variances.mean()
    return axes / np.sqrt(np.where(mixed > 0, mixed, 1))


def _kept(
    targets: Float[np.ndarray, "targets dim"],
    pool: Float[np.ndarray, "rows dim"],
    inside: Bool[np.ndarray, " targets"],
    select: bool,
) -> Bool[np.ndarray, " dim"]:
    """Choose the dimensions in which the targets agree with one another.

    Targets are measured from the pool's mean in units of its deviation. Let ``t`` be a left-out
    target and ``m`` the mean of the others. A dimension is kept if the mean of ``m * t`` over the
    targets exceeds its standard error. With fewer than three targets, or if no dimension
    qualifies, all are kept.
    """
    used = targets[inside]
    every = np.ones(targets.shape[1], bool)
    if not select or len(used) < 3:
        return every
    spread = pool.std(0)
    scaled = (used - pool.mean(0)) / np.where(spread > 0, spread, 1)
    others = (scaled.sum(0) - scaled) / (len(used) - 1)
    agreed = others * scaled
    kept = agreed.mean(0) > agreed.std(0, ddof=1) / np.sqrt(len(used))
    return kept if kept.any() else every


def _auc(pool: Float[np.ndarray, "rows sets"], targets: Float[np.ndarray, "targets sets"]) -> float:
    """Return the mean percentile of the left-out targets among the pool."""
    return float(
        np.mean(
            [
                percentile(float(targets[target, column]), pool[:, column])
                for column, target in enumerate(left_out(len(targets)), 1)
            ]
        )
    )
