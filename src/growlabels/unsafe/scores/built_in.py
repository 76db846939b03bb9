"""List the built-in methods, and turn names of methods into scorers."""

from collections.abc import Mapping, Sequence

from growlabels.base.errors import UsageError
from growlabels.unsafe.scores.scan import Scorer
from growlabels.unsafe.scores.scorers import (
    Denoised,
    Forward,
    FusedScore,
    Fusion,
    Gradient,
    TokenGradient,
)

_TFIDF = Forward("tfidf", "words of prompt and response; no model (text baseline)")
_GRAD_COS = Gradient("grad-cos", "cosine of LoRA gradients, fine-tuned on these rows (DABUF)")
_ALL: Sequence[Scorer] = (
    FusedScore(),
    Forward(
        "windows",
        "best four consecutive response tokens, hidden states at 40, 53 and 63 % of the depth",
    ),
    Forward("kt", "row means of middle and last layers, whitened without the suspects"),
    _TFIDF,
    Forward("repsim", "cosine of the mean last hidden state of the response (baseline)"),
    Denoised("dra-hidden", "denoised row means of middle and last layers (DRA)", "hidden"),
    _GRAD_COS,
    Gradient("grad-cos-max", "as grad-cos, nearest target only", over="max"),
    Gradient("grad-cos-start", "as grad-cos, before any fine-tuning", checkpoints="start"),
    Gradient("grad-dot", "inner product of LoRA gradients", kind="dot"),
    Gradient("less", "cosine of AdamW's direction with the targets' gradients (LESS)", kind="less"),
    TokenGradient(),
    Denoised("dra-grad", "denoised sketches of the gradients (DRA)", "gradients"),
    Fusion("rank-tfidf-grad-cos", ((_TFIDF, 1.0), (_GRAD_COS, 1.0)), "rank"),
)
BUILT_IN: Mapping[str, Scorer] = {scorer.name: scorer for scorer in _ALL}


def resolve_scorers(methods: Sequence[str | Scorer]) -> list[Scorer]:
    """Turn names into scorers. A name that comes twice is one column."""
    if not isinstance(methods, Sequence) or isinstance(methods, str) or not methods:
        raise UsageError.parameter("methods", "must be a list of at least one method", methods)
    found: dict[str, Scorer] = {}
    for method in methods:
        known = method in BUILT_IN if isinstance(method, str) else isinstance(method, Scorer)
        if not known or isinstance(method, type):
            raise UsageError.choice("methods", BUILT_IN, method)
        scorer = BUILT_IN[method] if isinstance(method, str) else method
        if found.setdefault(scorer.name, scorer) != scorer:
            raise UsageError(f"two methods are called {scorer.name!r}; rename one of them")
    return list(found.values())


def wants_tokens(scorers: Sequence[Scorer]) -> bool:
    """Return whether one of the methods, or a part of a fusion, is token-normalised."""
    return any(
        isinstance(scorer, TokenGradient)
        or (isinstance(scorer, Fusion) and wants_tokens([part for part, _ in scorer.scorers]))
        for scorer in scorers
    )


def scorer_names() -> tuple[str, ...]:
    """Return the names that ``Scanner(methods=...)`` accepts.

    >>> scorer_names()[0]
    'f4w'
    """
    return tuple(BUILT_IN)
