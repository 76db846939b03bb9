"""Explain a prediction: the contribution of each expert, and the origin of the label set."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.stream.experts.engine import Engine
from growlabels.stream.experts.label_sets import find_set
from growlabels.stream.experts.predict import PRIOR, choose, consult, observe
from growlabels.stream.experts.scratch import MIXED, PARTS, make_room
from growlabels.stream.experts.stack import EXPERTS
from growlabels.stream.experts.state import FEATURES, LABELS
from growlabels.stream.numeric.arithmetic import mix
from growlabels.stream.numeric.numba import borrowing, compiled
from growlabels.stream.numeric.rows import Rows


@borrowing(no_cpython_wrapper=True)
def _consult(mode, keep, experts, sets, stack, room, cells, features, known, shares, picked):
    view = observe(mode, experts, room, cells, 0, features, known, known, False)
    parts, near, absent = consult(mode, keep, experts, sets, room, view, known)
    z = room.labels[MIXED][:known]
    mix(stack.weights, parts, z)
    choose(stack.hits, experts, sets, room, z, parts[PRIOR], near, absent, picked)
    for part in range(PARTS + 1):
        for label in range(known):
            shares[part, label] = stack.weights[part] * parts[part, label]


@compiled(error_model="numpy")
def _consulted(mode, keep, experts, sets, stack, cells, features, known):
    """Return weight x log odds (experts + 1, labels) of a row, and the chosen labels."""
    shares, picked = np.empty((PARTS + 1, known)), np.zeros(known, np.bool_)
    room = make_room(mode, experts, cells[0], 0)
    _consult(mode, keep, experts, sets, stack, room, cells, features, known, shares, picked)
    return shares, picked


@dataclass(frozen=True)
class LabelReason:
    """Hold the contributions of the experts to one label.

    Attributes
    ----------
    label
        Label that is explained.
    probability
        Marginal probability of the label, in [0, 1].
    chosen
        Whether the label is in the predicted label set.
    parts
        Contribution of each expert and of the ``"intercept"``: the stack's weight times the
        expert's log odds. Their sum is the log odds of ``probability``.

    Examples
    --------
    >>> reason = LabelReason("cat", 0.75, True, {"recent": 0.9, "intercept": 0.2})
    >>> max(reason.parts, key=reason.parts.get)
    'recent'
    """

    label: Hashable
    probability: float
    chosen: bool
    parts: dict[str, float]


@dataclass(frozen=True)
class Explanation:
    """Hold the explanation of one prediction.

    Attributes
    ----------
    labels
        Reasons for the most probable labels and all predicted ones, in descending order of
        probability.
    chosen
        Label set that the decoder predicted.
    times_seen
        Number of learned rows with exactly this label set; 0 for a new combination.

    Examples
    --------
    >>> from growlabels.stream import IHOMER
    >>> model = IHOMER()
    >>> for i in range(50):
    ...     model.learn_one({"a": float(i % 2)}, {"odd", "any"} if i % 2 else {"any"})
    >>> why = model.explain_one({"a": 1.0}, k=1)
    >>> print(why.to_text().splitlines()[0])
    chosen: any, odd (seen 25 times)
    >>> sorted(why.labels[0].parts, key=str) == sorted(why.labels[1].parts, key=str)
    True
    """

    labels: tuple[LabelReason, ...]
    chosen: tuple[Hashable, ...]
    times_seen: int

    def to_text(self) -> str:
        """Return the explanation as lines, with the strongest expert of each label first."""
        known = f"seen {self.times_seen} times" if self.times_seen else "a new combination"
        lines = [f"chosen: {', '.join(map(str, self.chosen)) or 'no label'} ({known})"]
        for reason in self.labels:
            parts = sorted(reason.parts.items(), key=lambda part: -abs(part[1]))
            shares = ", ".join(f"{name} {value:+.2f}" for name, value in parts)
            mark = "*" if reason.chosen else " "
            lines.append(f"{mark} {reason.label} {reason.probability:.2f}: {shares}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_text()


def explain(engine: object, rows: Rows, names: Sequence[Hashable], k: int) -> Explanation:
    """Explain the prediction of the first row; the state does not change.

    Raises
    ------
    UsageError
        If the learner is not the stack of experts.
    """
    if not isinstance(engine, Engine):
        raise UsageError(
            "explain_one explains the stack of experts, which this learner does not have; "
            "use preset='default' and fewer labels than tree_above"
        )
    experts, sets, stack = engine.with_room(rows), engine.sets, engine.stack
    known = int(experts.totals[LABELS])
    features = max(int(experts.totals[FEATURES]), int(rows.x_index.max(initial=-1)) + 1)
    shares, picked = _consulted(
        engine.mode, engine.keep_recent, experts, sets, stack, tuple(rows)[:3], features, known
    )
    z = shares.sum(0)
    number, _ = find_set(sets, np.flatnonzero(picked))
    order = sorted(range(1, known), key=lambda i: (-z[i], i))
    shown = [i for place, i in enumerate(order) if place < k or picked[i]]
    reasons = [
        LabelReason(
            names[i - 1],
            float(1.0 / (1.0 + np.exp(-z[i]))),
            bool(picked[i]),
            dict(zip((*EXPERTS, "intercept"), shares[:, i].tolist(), strict=True)),
        )
        for i in shown
    ]
    chosen = tuple(names[i - 1] for i in np.flatnonzero(picked).tolist())
    return Explanation(tuple(reasons), chosen, int(sets.times[number]) if number >= 0 else 0)
