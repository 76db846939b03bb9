"""Made streams of many labels whose drift is known: what a detector and a learner are tried on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import UsageError, is_whole, number_of
from growlabels.stream.rows.array_rows import ArrayRows

Kind = Literal["tree", "rbf", "hyperplane", "hypercube"]
Drift = Literal["none", "sudden", "gradual", "incremental", "recurrent"]
Concept = Mapping[str, NDArray[Any]]
DEPTH = 4
CENTROIDS = 40
SIDES = 2


@dataclass(frozen=True)
class MadeStream:
    """A made stream and the truth about it.

    Attributes
    ----------
    rows
        The stream.
    drifts
        The row at which each change begins.
    share
        (rows,): how far the change that began last has come, 0 to 1.
    concept
        (rows,): number of the concept that labelled the row; while a change is incremental, of
        the one that it comes from.
    noisy
        (rows, labels): where noise turned the label round.
    """

    rows: ArrayRows
    drifts: tuple[int, ...]
    share: NDArray[np.float64]
    concept: NDArray[np.int64]
    noisy: NDArray[np.bool_]


def make_stream(
    kind: Kind = "hyperplane",
    drift: Drift = "sudden",
    *,
    rows: int = 2000,
    features: int = 10,
    labels: int = 6,
    changes: int = 1,
    width: int = 200,
    noise: float = 0.0,
    seed: int = 0,
) -> MadeStream:
    """Make a stream whose labels depend on its features by a rule that changes.

    Parameters
    ----------
    kind
        What the rule is: ``tree``, a random tree of depth 4 for each label; ``rbf``, rows around
        random centres, each with a label set; ``hyperplane``, one for each label;
        ``hypercube``, a label inside its own cube of two features, so that labels overlap.
    drift
        ``none``; ``sudden``, a new rule at once; ``gradual``, rows of the old and of the new
        rule mixed, ever more new ones; ``incremental``, the rule itself moves; ``recurrent``,
        sudden changes between two rules.
    rows, features, labels
        Size of the stream.
    changes
        How many changes, evenly spaced.
    width
        Rows that a gradual or incremental change takes.
    noise
        Share of labels turned round, in [0, 1).
    seed
        Decides everything: the same seed, the same stream.

    Examples
    --------
    >>> made = make_stream("hypercube", "sudden", rows=400, seed=1)
    >>> made.rows.X.shape, made.rows.Y.shape, made.drifts, made.concept[[0, 199, 200]].tolist()
    ((400, 10), (400, 6), (200,), [0, 0, 1])
    """
    sizes = {"rows": rows, "features": features, "labels": labels, "width": width}
    _check(kind, drift, noise, **sizes, changes=changes, seed=seed)
    rng = np.random.default_rng(seed)
    if changes >= rows:
        raise UsageError.parameter("changes", f"must be below rows = {rows}", changes)
    changes = 0 if drift == "none" else changes
    starts = [rows * (i + 1) // (changes + 1) for i in range(changes)]
    rule, label = _KINDS[kind]
    made = [rule(rng, features, labels) for _ in range(2 if drift == "recurrent" else changes + 1)]
    concepts = [made[i % len(made)] for i in range(changes + 1)]
    if drift == "incremental":  # what cannot move, as the feature of a node, stays
        concepts = [{**concept, **_fixed(concepts[0])} for concept in concepts]
    row = np.arange(rows)
    last = np.searchsorted(np.array(starts, int), row, "right")  # changes that have begun
    since = row - np.array([0, *starts])[last]
    slow = drift in ("gradual", "incremental")
    share = np.where(last == 0, 0.0, np.minimum((since + 1) / width, 1.0) if slow else 1.0)
    X, Y = np.zeros((rows, features)), np.zeros((rows, labels), bool)
    chosen = np.zeros(rows, int)
    for i in range(rows):
        new, s = int(last[i]), float(share[i])
        if drift == "incremental":
            chosen[i] = new if s >= 1 or new == 0 else new - 1
            concept = _between(concepts[max(new - 1, 0)], concepts[new], s)
        else:
            chosen[i] = new if new == 0 or rng.random() < s else new - 1
            concept = concepts[chosen[i]]
        X[i], Y[i] = label(concept, rng)
    noisy = rng.random(Y.shape) < noise
    concept_of = chosen % 2 if drift == "recurrent" else chosen
    return MadeStream(ArrayRows(X, Y ^ noisy), tuple(starts), share, concept_of, noisy)


def _check(kind: str, drift: str, noise: float, **sizes: int) -> None:
    UsageError.require_choice("kind", kind, get_args(Kind))
    UsageError.require_choice("drift", drift, get_args(Drift))
    for name, value in sizes.items():
        least = {"features": 2, "changes": 0, "seed": 0}.get(name, 1)
        if not is_whole(value, least):
            raise UsageError.parameter(name, f"must be a whole number of at least {least}", value)
        if value >= 2**31 and name != "seed":
            raise UsageError.parameter(name, "must be below 2**31", value)
    if not 0 <= number_of(noise) < 1:
        raise UsageError.parameter("noise", "must be in [0, 1)", noise)


def _fixed(concept: Concept) -> dict[str, NDArray[Any]]:
    return {name: value for name, value in concept.items() if value.dtype.kind != "f"}


def _between(old: Concept, new: Concept, share: float) -> Concept:
    return {
        name: (1 - share) * value + share * new[name] if value.dtype.kind == "f" else value
        for name, value in old.items()
    }


def _hyperplane(rng: np.random.Generator, features: int, labels: int) -> Concept:
    normal = rng.normal(size=(labels, features))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return {"normal": normal, "offset": rng.uniform(0.0, 0.35, labels)}


def _by_hyperplane(concept: Concept, rng: np.random.Generator) -> tuple[Any, Any]:
    x = rng.random(concept["normal"].shape[1])
    return x, concept["normal"] @ (x - 0.5) > concept["offset"]


def _hypercube(rng: np.random.Generator, features: int, labels: int) -> Concept:
    axes = np.array([rng.choice(features, SIDES, replace=False) for _ in range(labels)])
    half = rng.uniform(0.15, 0.35, labels)
    centre = rng.uniform(half[:, None], 1 - half[:, None], (labels, SIDES))
    return {"axes": axes, "centre": centre, "half": half, "features": np.array(features)}


def _by_hypercube(concept: Concept, rng: np.random.Generator) -> tuple[Any, Any]:
    x = rng.random(int(concept["features"]))
    away = np.abs(x[concept["axes"]] - concept["centre"])
    return x, (away < concept["half"][:, None]).all(axis=1)


def _tree(rng: np.random.Generator, features: int, labels: int) -> Concept:
    inner, leaves = 2**DEPTH - 1, 2**DEPTH
    return {
        "feature": rng.integers(0, features, (labels, inner)),
        "threshold": rng.uniform(0.2, 0.8, (labels, inner)),
        "leaf": rng.random((labels, leaves)) < 0.3,
        "features": np.array(features),
    }


def _by_tree(concept: Concept, rng: np.random.Generator) -> tuple[Any, Any]:
    x = rng.random(int(concept["features"]))
    every = np.arange(len(concept["leaf"]))
    node = np.zeros(len(every), int)
    for _ in range(DEPTH):
        right = x[concept["feature"][every, node]] > concept["threshold"][every, node]
        node = 2 * node + 1 + right
    return x, concept["leaf"][every, node - (2**DEPTH - 1)]


def _rbf(rng: np.random.Generator, features: int, labels: int) -> Concept:
    return {
        "centre": rng.random((CENTROIDS, features)),
        "spread": rng.uniform(0.02, 0.1, CENTROIDS),
        "members": rng.random((CENTROIDS, labels)) < 0.3,
    }


def _by_rbf(concept: Concept, rng: np.random.Generator) -> tuple[Any, Any]:
    i = int(rng.integers(CENTROIDS))
    centre = concept["centre"][i]
    return rng.normal(centre, concept["spread"][i]), concept["members"][i]


_Rule = Callable[[np.random.Generator, int, int], Concept]
_Label = Callable[[Concept, np.random.Generator], tuple[Any, Any]]
_KINDS: Mapping[str, tuple[_Rule, _Label]] = {
    "tree": (_tree, _by_tree),
    "rbf": (_rbf, _by_rbf),
    "hyperplane": (_hyperplane, _by_hyperplane),
    "hypercube": (_hypercube, _by_hypercube),
}
