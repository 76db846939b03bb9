"""Generate multi-label streams with known drift, to test learners and drift detectors."""

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
    """Hold a generated stream with the true positions of its drift.

    Attributes
    ----------
    rows
        The rows of the stream.
    drifts
        Index of the row at which each change begins.
    share
        Array of shape (rows,): progress of the latest change, from 0 to 1.
    concept
        Array of shape (rows,): index of the concept that labelled the row. During an incremental
        change it is the index of the old concept.
    noisy
        Array of shape (rows, labels): whether noise flipped the label.

    Examples
    --------
    >>> from growlabels.stream import make_stream
    >>> made = make_stream(drift="gradual", rows=400, width=100, noise=0.1, seed=1)
    >>> made.drifts, made.share[[199, 200, 299]].tolist(), made.noisy.shape
    ((200,), [0.0, 0.01, 1.0], (400, 6))
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
    """Generate a stream in which the rule from features to labels changes.

    Parameters
    ----------
    kind
        Kind of rule; default ``"hyperplane"``.

        - ``"tree"``: a random tree of depth 4 for each label.
        - ``"rbf"``: rows around random centres; each centre has a label set.
        - ``"hyperplane"``: a hyperplane for each label.
        - ``"hypercube"``: a square in two features for each label; the squares overlap.
    drift
        Kind of change; default ``"sudden"``.

        - ``"none"``: the rule never changes.
        - ``"sudden"``: the new rule replaces the old one at one row.
        - ``"gradual"``: rows of the new rule become more frequent among rows of the old one.
        - ``"incremental"``: the parameters move from the old rule to the new one.
        - ``"recurrent"``: sudden changes alternate between two rules.
    rows
        Number of rows, at least 1; default 2,000.
    features
        Number of features, at least 2; default 10.
    labels
        Number of labels, at least 1; default 6.
    changes
        Number of evenly spaced changes, at least 0 and below ``rows``; default 1.
    width
        Number of rows that a gradual or incremental change takes, at least 1; default 200.
    noise
        Share of flipped labels, in [0, 1); default 0.
    seed
        Seed of the generator, at least 0; default 0. The same seed gives the same stream.

    Returns
    -------
    MadeStream
        The rows, with the true positions of the drift.

    Raises
    ------
    UsageError
        If a parameter is out of range.

    Examples
    --------
    >>> from growlabels.stream import make_stream
    >>> made = make_stream("hypercube", "sudden", rows=400, seed=1)
    >>> made.rows.X.shape, made.rows.Y.shape, made.drifts, made.concept[[0, 199, 200]].tolist()
    ((400, 10), (400, 6), (200,), [0, 0, 1])
    """
    sizes = {"rows": rows, "features": features, "labels": labels, "width": width}
    _check(kind, drift, noise, **sizes, changes=changes, seed=seed)
    rng = np.random.default_rng(seed)
    changes = 0 if drift == "none" else changes
    starts = [rows * (i + 1) // (changes + 1) for i in range(changes)]
    rule, label = _KINDS[kind]
    made = [rule(rng, features, labels) for _ in range(2 if drift == "recurrent" else changes + 1)]
    concepts = [made[i % len(made)] for i in range(changes + 1)]
    if drift == "incremental":  # discrete parameters, such as the feature of a node, stay
        concepts = [{**concept, **_fixed(concepts[0])} for concept in concepts]
    last, share = _progress(rows, starts, width if drift in ("gradual", "incremental") else 1)
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


def _progress(
    rows: int, starts: list[int], width: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the number of changes begun by each row, and the progress of the latest one."""
    row = np.arange(rows)
    last = np.searchsorted(np.array(starts, int), row, "right")
    since = row - np.array([0, *starts])[last]
    return last, np.where(last == 0, 0.0, np.minimum((since + 1) / width, 1.0))


def _check(kind: str, drift: str, noise: float, **sizes: int) -> None:
    """Raise if a parameter of :func:`make_stream` is out of range."""
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
    if sizes["changes"] >= sizes["rows"]:
        must = f"must be below rows = {sizes['rows']}"
        raise UsageError.parameter("changes", must, sizes["changes"])


def _fixed(concept: Concept) -> dict[str, NDArray[Any]]:
    """Return the discrete parameters of a concept."""
    return {name: value for name, value in concept.items() if value.dtype.kind != "f"}


def _between(old: Concept, new: Concept, share: float) -> Concept:
    """Interpolate the continuous parameters of two concepts."""
    return {
        name: (1 - share) * value + share * new[name] if value.dtype.kind == "f" else value
        for name, value in old.items()
    }


def _hyperplane(rng: np.random.Generator, features: int, labels: int) -> Concept:
    """Draw one hyperplane for each label."""
    normal = rng.normal(size=(labels, features))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return {"normal": normal, "offset": rng.uniform(0.0, 0.35, labels)}


def _by_hyperplane(concept: Concept, rng: np.random.Generator) -> tuple[Any, Any]:
    """Draw a row; a label is true above its hyperplane."""
    x = rng.random(concept["normal"].shape[1])
    return x, concept["normal"] @ (x - 0.5) > concept["offset"]


def _hypercube(rng: np.random.Generator, features: int, labels: int) -> Concept:
    """Draw one square in two features for each label."""
    axes = np.array([rng.choice(features, SIDES, replace=False) for _ in range(labels)])
    half = rng.uniform(0.15, 0.35, labels)
    centre = rng.uniform(half[:, None], 1 - half[:, None], (labels, SIDES))
    return {"axes": axes, "centre": centre, "half": half, "features": np.array(features)}


def _by_hypercube(concept: Concept, rng: np.random.Generator) -> tuple[Any, Any]:
    """Draw a row; a label is true inside its square."""
    x = rng.random(int(concept["features"]))
    away = np.abs(x[concept["axes"]] - concept["centre"])
    return x, (away < concept["half"][:, None]).all(axis=1)


def _tree(rng: np.random.Generator, features: int, labels: int) -> Concept:
    """Draw one tree for each label."""
    inner, leaves = 2**DEPTH - 1, 2**DEPTH
    return {
        "feature": rng.integers(0, features, (labels, inner)),
        "threshold": rng.uniform(0.2, 0.8, (labels, inner)),
        "leaf": rng.random((labels, leaves)) < 0.3,
        "features": np.array(features),
    }


def _by_tree(concept: Concept, rng: np.random.Generator) -> tuple[Any, Any]:
    """Draw a row; its leaf in each tree decides the label."""
    x = rng.random(int(concept["features"]))
    every = np.arange(len(concept["leaf"]))
    node = np.zeros(len(every), int)
    for _ in range(DEPTH):
        right = x[concept["feature"][every, node]] > concept["threshold"][every, node]
        node = 2 * node + 1 + right
    return x, concept["leaf"][every, node - (2**DEPTH - 1)]


def _rbf(rng: np.random.Generator, features: int, labels: int) -> Concept:
    """Draw centres with their label sets."""
    return {
        "centre": rng.random((CENTROIDS, features)),
        "spread": rng.uniform(0.02, 0.1, CENTROIDS),
        "members": rng.random((CENTROIDS, labels)) < 0.3,
    }


def _by_rbf(concept: Concept, rng: np.random.Generator) -> tuple[Any, Any]:
    """Draw a row around a random centre, with the labels of the centre."""
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
