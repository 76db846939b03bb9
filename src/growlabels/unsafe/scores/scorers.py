"""Scorers behind one protocol: every method that can fill a column of a scan."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from numbers import Real
from typing import Literal, get_args

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.features.store import FeatureShard
from growlabels.unsafe.features.unit import unit
from growlabels.unsafe.moderate.moderator import Moderator, moderate
from growlabels.unsafe.rows.examples import Example
from growlabels.unsafe.scores.dra import Denoiser, DenoiseSettings
from growlabels.unsafe.scores.fusion import FUSED, floats, fuse, over_targets, zscore
from growlabels.unsafe.scores.scan import Scan, Scorer, SetScores

_PARTS = ("windows", "kt", "tfidf", "repsim")
Over = Literal["mean", "max", "top3"]
Checkpoints = Literal["all", "start", "end"]


@dataclass(frozen=True)
class Forward:
    """A part of the default score: ``windows``, ``kt``, ``tfidf`` or ``repsim``."""

    name: str
    reads: str

    def __post_init__(self) -> None:
        UsageError.require_choice("name", self.name, _PARTS)

    def score(self, scan: Scan) -> SetScores:
        """Return what the pass over the store gave."""
        return SetScores(scan.pool.parts[self.name], scan.pool.target_parts[self.name])


@dataclass(frozen=True)
class FusedScore:
    """F4w, the default: weighted z-scores of windows, KT and TF-IDF."""

    name: str = "f4w"
    reads: str = "fused: z(TF-IDF) + z(KT) + 2 z(windows); forward passes only"
    weights: Mapping[str, float] = field(default_factory=lambda: dict(FUSED))

    def __post_init__(self) -> None:
        UsageError.require_instance("weights", self.weights, Mapping)
        if not self.weights:
            raise UsageError.parameter("weights", "must name at least one method", self.weights)
        for name, weight in self.weights.items():
            UsageError.require_choice("weights", name, _PARTS)
            _require_number(f"weight of {name!r}", weight)

    def score(self, scan: Scan) -> SetScores:
        """Add the parts."""
        rows, targets = scan.pool.parts, scan.pool.target_parts
        return SetScores(fuse(rows, rows, self.weights), fuse(targets, rows, self.weights))


@dataclass(frozen=True)
class Gradient:
    """Gradients of the LoRA factors, fine-tuned on the rows: Grad-Cos, Grad-Dot or LESS.

    Attributes
    ----------
    kind
        ``"cos"`` (DABUF), ``"dot"`` or ``"less"``.
    over
        Mean over the targets, as published; the largest; or the mean of the three largest.
    checkpoints
        Whose scores are added: all with the start, the start alone, or all after it.
    """

    name: str
    reads: str
    kind: Literal["cos", "dot", "less"] = "cos"
    over: Over = "mean"
    checkpoints: Checkpoints = "all"

    def __post_init__(self) -> None:
        UsageError.require_choice("kind", self.kind, ("cos", "dot", "less"))
        UsageError.require_choice("over", self.over, get_args(Over))
        UsageError.require_choice("checkpoints", self.checkpoints, get_args(Checkpoints))
        if self.kind == "less" and self.checkpoints == "start":
            raise UsageError("LESS has no score at the start; choose checkpoints 'all' or 'end'")

    def score(self, scan: Scan) -> SetScores:
        """Read the gradients of the scan."""
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
    """Token-normalised gradients at the last checkpoint."""

    name: str = "token-grad"
    reads: str = "each position's own gradient over its norm, best tenth of the positions"

    def score(self, scan: Scan) -> SetScores:
        """Read the gradients of the scan."""
        found = scan.gradients
        assert found.row_tokens is not None
        assert found.target_tokens is not None
        return scan.of_all_rows(SetScores(found.row_tokens, found.target_tokens))


@dataclass(frozen=True)
class Denoised:
    """DRA on sketched gradients or on the row means of the hidden states."""

    name: str
    reads: str
    on: Literal["gradients", "hidden"]
    settings: DenoiseSettings = field(default_factory=DenoiseSettings)

    def __post_init__(self) -> None:
        UsageError.require_choice("on", self.on, ("gradients", "hidden"))
        UsageError.require_instance("settings", self.settings, DenoiseSettings)

    def score(self, scan: Scan) -> SetScores:
        """Learn from the pool, or an even sample of it, then score shard by shard."""
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
    """Cosine of any text embedding with the targets.

    Attributes
    ----------
    embed
        Texts -> vectors, shape (texts, dim); called with a few rows at a time.
    name
        Its column.

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
        """Embed the targets, then the rows in pieces."""
        targets = self._vectors(list(scan.targets))
        pieces = [self._vectors(some) @ targets.T for some in _pieces(scan)]
        similar = np.concatenate(pieces), targets @ targets.T
        return SetScores(*(over_targets(part, scan.sets, self.over) for part in similar))

    def _vectors(self, examples: Sequence[Example]) -> np.ndarray:
        texts = [f"{example.prompt}\n{example.response}" for example in examples]
        return unit(_checked(self.name, self.embed(texts), len(texts)))


@dataclass(frozen=True)
class Moderation:
    """The opinion of a moderator; the targets play no part in it.

    Attributes
    ----------
    moderator
        Such as ``Keywords``, ``Classifier``, ``Guard``, ``Endpoint``, or a function of prompt and
        response in ``FromFunction``. Where it cannot say, the score is one half.

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
        """Ask about the rows in pieces, then about the targets."""
        rows = np.concatenate([self._ask(some) for some in _pieces(scan)])
        return scan.alike(rows, self._ask(list(scan.targets)))

    def _ask(self, examples: Sequence[Example]) -> np.ndarray:
        chances = [verdict.probability for verdict in moderate(self.moderator, examples)]
        return np.array([0.5 if chance is None else chance for chance in chances])


@dataclass(frozen=True)
class Fusion:
    """Several methods added: by z-scores, or by ranks from 0 to 1.

    Attributes
    ----------
    scorers
        The methods, with their weights.
    by
        ``"z"`` keeps distances, ``"rank"`` only the order.
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
        """Which methods it adds."""
        return f"fused by {self.by}: " + " + ".join(scorer.name for scorer, _ in self.scorers)

    def score(self, scan: Scan) -> SetScores:
        """Add the methods."""
        scale = zscore if self.by == "z" else _rank
        rows: np.ndarray = np.zeros(())
        targets: np.ndarray = np.zeros(())
        for scorer, weight in self.scorers:
            found = scan.scores(scorer)
            rows = rows + weight * scale(found.rows, found.rows)
            targets = targets + weight * scale(found.targets, found.rows)
        return SetScores(rows, targets)


def _rank(scores: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Share of the pool below a score, equal ones counted half, column by column."""
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
            f"method {name!r} must give finite numbers of shape (rows, dimensions) for {rows} "
            f"rows, gave shape {found.shape}; correct the callable"
        )
    return found


TFIDF = Forward("tfidf", "words of prompt and response; no model (text baseline)")
GRAD_COS = Gradient("grad-cos", "cosine of LoRA gradients, fine-tuned on these rows (DABUF)")
_ALL: Sequence[Scorer] = (
    FusedScore(),
    Forward(
        "windows",
        "best four consecutive response tokens, hidden states at 40, 53, 63 % of the depth",
    ),
    Forward("kt", "row means of middle and last layers, whitened with the suspects left out"),
    TFIDF,
    Forward("repsim", "mean last hidden state of the response, cosine (baseline)"),
    Denoised("dra-hidden", "denoised row means of middle and last layers (DRA)", "hidden"),
    GRAD_COS,
    Gradient("grad-cos-max", "the same, nearest target only", over="max"),
    Gradient("grad-cos-start", "the same, before any fine-tuning", checkpoints="start"),
    Gradient("grad-dot", "inner product of LoRA gradients", kind="dot"),
    Gradient("less", "cosine of AdamW's direction with the targets' gradients (LESS)", kind="less"),
    TokenGradient(),
    Denoised("dra-grad", "denoised sketches of the gradients (DRA)", "gradients"),
    Fusion("rank-tfidf-grad-cos", ((TFIDF, 1.0), (GRAD_COS, 1.0)), "rank"),
)
BUILT_IN: Mapping[str, Scorer] = {scorer.name: scorer for scorer in _ALL}


def resolve_scorers(methods: Sequence[str | Scorer]) -> list[Scorer]:
    """Turn names into scorers; the same name twice is one column."""
    if not isinstance(methods, Sequence) or isinstance(methods, str) or not methods:
        raise UsageError.parameter("methods", "must be a list of one or more", methods)
    found: dict[str, Scorer] = {}
    for method in methods:
        known = method in BUILT_IN if isinstance(method, str) else isinstance(method, Scorer)
        if not known or isinstance(method, type):
            raise UsageError.choice("methods", BUILT_IN, method)
        scorer = BUILT_IN[method] if isinstance(method, str) else method
        if found.setdefault(scorer.name, scorer) != scorer:
            raise UsageError(f"two methods are called {scorer.name!r}; name one of them otherwise")
    return list(found.values())


def wants_tokens(scorers: Sequence[Scorer]) -> bool:
    """Whether one of the methods, or a part of a fusion, is token-normalised."""
    return any(
        isinstance(scorer, TokenGradient)
        or (isinstance(scorer, Fusion) and wants_tokens([part for part, _ in scorer.scorers]))
        for scorer in scorers
    )


def scorer_names() -> tuple[str, ...]:
    """Return the names that ``Scanner(methods=...)`` knows.

    >>> scorer_names()[0]
    'f4w'
    """
    return tuple(BUILT_IN)
