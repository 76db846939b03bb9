"""Define the built-in methods, each as a scorer that computes one column of a scan."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from numbers import Real
from typing import Literal, get_args

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.features.store import FeatureShard
from growlabels.unsafe.features.unit import unit
from growlabels.unsafe.gradients.scorer import GradientKind
from growlabels.unsafe.moderate.moderator import Moderator, moderate
from growlabels.unsafe.rows.examples import Example
from growlabels.unsafe.scores.defaults import PARTS
from growlabels.unsafe.scores.dra import Denoiser, DenoiseSettings
from growlabels.unsafe.scores.fusion import FUSED, floats, fuse, over_targets, zscore
from growlabels.unsafe.scores.scan import Scan, Scorer, SetScores

Over = Literal["mean", "max", "top3"]
Checkpoints = Literal["all", "start", "end"]


@dataclass(frozen=True)
class Forward:
    """Return one score of the forward passes: ``windows``, ``kt``, ``tfidf`` or ``repsim``.

    Attributes
    ----------
    name
        Name of the method and of its column.
    reads
        What the method reads, as one phrase for the report.

    Examples
    --------
    >>> Forward("tfidf", "words of prompt and response").name
    'tfidf'
    """

    name: str
    reads: str

    def __post_init__(self) -> None:
        UsageError.require_choice("name", self.name, PARTS)

    def score(self, scan: Scan) -> SetScores:
        """Return the scores that the pass over the store computed."""
        return SetScores(scan.pool.parts[self.name], scan.pool.target_parts[self.name])


@dataclass(frozen=True)
class FusedScore:
    """Compute F4w, the default: weighted z-scores of windows, KT and TF-IDF.

    Attributes
    ----------
    name
        Name of the column. Default ``"f4w"``.
    reads
        What the method reads, as one phrase for the report.
    weights
        Forward method -> weight of its z-score. By default 1 for TF-IDF and KT, 2 for windows.

    Examples
    --------
    >>> FusedScore("words-and-windows", weights={"tfidf": 1.0, "windows": 1.0}).name
    'words-and-windows'
    """

    name: str = "f4w"
    reads: str = "fused: z(TF-IDF) + z(KT) + 2 z(windows); forward passes only"
    weights: Mapping[str, float] = field(default_factory=lambda: dict(FUSED))

    def __post_init__(self) -> None:
        UsageError.require_instance("weights", self.weights, Mapping)
        if not self.weights:
            raise UsageError.parameter("weights", "must name at least one method", self.weights)
        for name, weight in self.weights.items():
            UsageError.require_choice("weights", name, PARTS)
            _require_number(f"weight of {name!r}", weight)

    def score(self, scan: Scan) -> SetScores:
        """Return the weighted sum of the z-scores."""
        rows, targets = scan.pool.parts, scan.pool.target_parts
        return SetScores(fuse(rows, rows, self.weights), fuse(targets, rows, self.weights))


@dataclass(frozen=True)
class Gradient:
    """Score by gradients of LoRA factors fine-tuned on the rows: Grad-Cos, Grad-Dot or LESS.

    Attributes
    ----------
    name
        Name of the column.
    reads
        What the method reads, as one phrase for the report.
    kind
        ``"cos"`` (DABUF, default), ``"dot"`` or ``"less"``.
    over
        How to combine the targets: ``"mean"`` (default, as published), ``"max"``, or ``"top3"``,
        the mean of the three largest.
    checkpoints
        Checkpoints whose scores are added: ``"all"`` (default), ``"start"`` for the initial one,
        or ``"end"`` for all others.

    Examples
    --------
    >>> Gradient("nearest", "gradient cosine, nearest target", over="max").kind
    'cos'
    """

    name: str
    reads: str
    kind: GradientKind = "cos"
    over: Over = "mean"
    checkpoints: Checkpoints = "all"

    def __post_init__(self) -> None:
        UsageError.require_choice("kind", self.kind, get_args(GradientKind))
        UsageError.require_choice("over", self.over, get_args(Over))
        UsageError.require_choice("checkpoints", self.checkpoints, get_args(Checkpoints))
        if self.kind == "less" and self.checkpoints == "start":
            raise UsageError("LESS has no score at the start; choose checkpoints 'all' or 'end'")

    def score(self, scan: Scan) -> SetScores:
        """Return the scores, from the gradients of the scan."""
        found = scan.gradients
        parts = (self._of(part[self.kind], scan) for part in (found.rows, found.targets))
        return scan.of_all_rows(SetScores(*parts))

    def _of(self, similar: np.ndarray, scan: Scan) -> np.ndarray:
        if self.kind != "less":
            chosen = {"all": slice(None), "start": slice(1), "end": slice(1, None)}
            similar = similar[chosen[self.checkpoints]]
        return over_targets(similar.sum(0), scan.sets, self.over)


@dataclass(frozen=True)
class TokenGradient:
    """Score by token-normalised gradients at the last checkpoint.

    Attributes
    ----------
    name
        Name of the column. Default ``"token-grad"``.
    reads
        What the method reads, as one phrase for the report.

    Examples
    --------
    >>> TokenGradient().name
    'token-grad'
    """

    name: str = "token-grad"
    reads: str = "normalised gradient of each position, mean of the highest tenth"

    def score(self, scan: Scan) -> SetScores:
        """Return the scores, from the gradients of the scan."""
        found = scan.gradients
        assert found.row_tokens is not None
        assert found.target_tokens is not None
        return scan.of_all_rows(SetScores(found.row_tokens, found.target_tokens))


@dataclass(frozen=True)
class Denoised:
    """Score by DRA on sketched gradients or on the row means of the hidden states.

    Attributes
    ----------
    name
        Name of the column.
    reads
        What the method reads, as one phrase for the report.
    on
        Representation: ``"gradients"`` or ``"hidden"``.
    settings
        Steps of DRA. All of them by default.

    Examples
    --------
    >>> Denoised("plain", "row means", "hidden", DenoiseSettings(select=False)).on
    'hidden'
    """

    name: str
    reads: str
    on: Literal["gradients", "hidden"]
    settings: DenoiseSettings = field(default_factory=DenoiseSettings)

    def __post_init__(self) -> None:
        UsageError.require_choice("on", self.on, ("gradients", "hidden"))
        UsageError.require_instance("settings", self.settings, DenoiseSettings)

    def score(self, scan: Scan) -> SetScores:
        """Fit on the pool, or an evenly spaced sample of it, then score shard by shard."""
        if self.on == "gradients":
            rows, targets = scan.gradients.row_sketches, scan.gradients.target_sketches
            rows, targets = rows.astype(float), targets.astype(float)
            denoiser = Denoiser(rows, targets, self.settings)
            found = SetScores(denoiser.score(rows), denoiser.score(targets))
            return scan.of_all_rows(found)
        means = scan.pool.statistics
        targets = _joined(scan.features)
        denoiser = Denoiser(_flat(means.sample), targets, self.settings)
        rows = np.concatenate([denoiser.score(_joined(shard)) for shard in scan.store])
        return SetScores(rows, denoiser.score(targets))


@dataclass(frozen=True)
class Embedding:
    """Score by the cosine of any text embedding with the targets.

    Attributes
    ----------
    embed
        Function that turns texts into vectors, shape (texts, dim). It gets up to 256 at a time.
    name
        Name of the column. Default ``"embedding"``.
    reads
        What the method reads, as one phrase for the report.
    over
        How to combine the targets: ``"mean"`` (default), ``"max"`` or ``"top3"``.

    Examples
    --------
    >>> column = Embedding(lambda texts: np.array([[len(t), 1.0] for t in texts]), "length")
    """

    embed: Callable[[list[str]], np.ndarray]
    name: str = "embedding"
    reads: str = "embedding of prompt and response (text baseline)"
    over: Over = "mean"

    def __post_init__(self) -> None:
        UsageError.require_callable("embed", self.embed)
        UsageError.require_choice("over", self.over, get_args(Over))

    def score(self, scan: Scan) -> SetScores:
        """Embed the targets, then the rows in batches."""
        targets = self._vectors(list(scan.targets))
        pieces = [self._vectors(some) @ targets.T for some in _pieces(scan)]
        similar = np.concatenate(pieces), targets @ targets.T
        return SetScores(*(over_targets(part, scan.sets, self.over) for part in similar))

    def _vectors(self, examples: Sequence[Example]) -> np.ndarray:
        texts = [f"{example.prompt}\n{example.response}" for example in examples]
        return unit(_checked(self.name, self.embed(texts), len(texts)))


@dataclass(frozen=True)
class Moderation:
    """Score by the probability that a moderator returns, which ignores the targets.

    Attributes
    ----------
    moderator
        ``Keywords``, ``Classifier``, ``Guard``, ``Endpoint``, or a function of prompt and response
        in ``FromFunction``. A row that it cannot judge scores one half.
    name
        Name of the column. Default ``"moderation"``.
    reads
        What the method reads, as one phrase for the report.

    Examples
    --------
    >>> from growlabels.unsafe import Keywords
    >>> column = Moderation(Keywords(["eval", "exec"]), "keywords")
    """

    moderator: Moderator
    name: str = "moderation"
    reads: str = "a moderator; no targets"

    def __post_init__(self) -> None:
        UsageError.require_callable("moderator", self.moderator)

    def score(self, scan: Scan) -> SetScores:
        """Judge the rows in batches, then the targets."""
        rows = np.concatenate([self._ask(some) for some in _pieces(scan)])
        return scan.alike(rows, self._ask(list(scan.targets)))

    def _ask(self, examples: Sequence[Example]) -> np.ndarray:
        chances = [verdict.probability for verdict in moderate(self.moderator, examples)]
        return np.array([0.5 if chance is None else chance for chance in chances])


@dataclass(frozen=True)
class Fusion:
    """Add the scores of several methods as z-scores or as ranks.

    Attributes
    ----------
    name
        Name of the column.
    scorers
        Pairs of a method and its weight, at least one.
    by
        ``"z"`` (default) adds z-scores. ``"rank"`` adds ranks from 0 to 1 and ignores distances.

    Examples
    --------
    >>> both = [(FusedScore(), 2.0), (Forward("repsim", "last hidden state"), 1.0)]
    >>> Fusion("mixed", both, by="rank").reads
    'fused by rank: f4w + repsim'
    """

    name: str
    scorers: Sequence[tuple[Scorer, float]]
    by: Literal["z", "rank"] = "z"

    def __post_init__(self) -> None:
        UsageError.require_choice("by", self.by, ("z", "rank"))
        pairs = self.scorers if isinstance(self.scorers, Sequence) else ()
        for pair in pairs:
            if not (isinstance(pair, Sequence) and len(pair) == 2 and isinstance(pair[0], Scorer)):
                pairs = ()
        if not pairs:
            raise UsageError.parameter(
                "scorers", "must be a list of pairs of a method and its weight", self.scorers
            )
        for scorer, weight in pairs:
            _require_number(f"weight of {scorer.name!r}", weight)

    @property
    def reads(self) -> str:
        """Name the methods that it adds."""
        return f"fused by {self.by}: " + " + ".join(scorer.name for scorer, _ in self.scorers)

    def score(self, scan: Scan) -> SetScores:
        """Return the weighted sum of the methods."""
        scale = zscore if self.by == "z" else _rank
        rows: np.ndarray = np.zeros(())
        targets: np.ndarray = np.zeros(())
        for scorer, weight in self.scorers:
            found = scan.scores(scorer)
            rows = rows + weight * scale(found.rows, found.rows)
            targets = targets + weight * scale(found.targets, found.rows)
        return SetScores(rows, targets)


def _rank(scores: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Return the share of the pool below each score; equal scores count half."""
    ordered = np.sort(pool, axis=0)
    ranked = np.empty(scores.shape)
    for column in range(scores.shape[1]):
        sides = [
            np.searchsorted(ordered[:, column], scores[:, column], side)
            for side in ("left", "right")
        ]
        ranked[:, column] = (sides[0] + sides[1]) / (2 * len(pool))
    return ranked


def _flat(means: np.ndarray) -> np.ndarray:
    return means.reshape(len(means), -1).astype(np.float64)


def _joined(shard: FeatureShard) -> np.ndarray:
    return _flat(shard.hidden.means)


def _pieces(scan: Scan, size: int = 256) -> Iterator[list[Example]]:
    rows = scan.rows()
    while piece := list(islice(rows, size)):
        yield piece


def _require_number(name: str, value: object) -> None:
    if not isinstance(value, Real) or not np.isfinite(float(value)):
        raise UsageError.parameter(name, "must be a finite number", value)


def _checked(name: str, values: object, rows: int) -> np.ndarray:
    found = floats(values)
    if found.ndim != 2 or len(found) != rows or not np.isfinite(found).all():
        raise DataError(
            f"method {name!r} must return finite numbers of shape (rows, dimensions) for {rows} "
            f"rows, got shape {found.shape}; correct the callable"
        )
    return found
