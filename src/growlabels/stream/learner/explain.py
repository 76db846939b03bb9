"""Why a row got its labels: what each expert said, and where the label set comes from."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.stream.experts.bundle import state_at
from growlabels.stream.experts.engine import Engine
from growlabels.stream.experts.label_sets import find_set
from growlabels.stream.experts.predict import PRIOR, choose, consult, observe
from growlabels.stream.experts.scratch import MIXED, PARTS
from growlabels.stream.experts.stack import EXPERTS
from growlabels.stream.experts.state import FEATURES, LABELS
from growlabels.stream.numeric.arithmetic import mix
from growlabels.stream.numeric.numba import borrowing
from growlabels.stream.numeric.rows import Rows


@borrowing()
def _consult(mode, keep, address, cells, features, known, shares, picked):
    """Write weight x log odds (experts + 1, labels) of a row, and the chosen labels."""
    state = state_at(address)
    experts, stack, sets, room = state.experts, state.stack, state.sets, state.room
    room.span[0] = room.span[1] = 0
    view = observe(mode, experts, room, cells, 0, features, known, known, False)
    parts, near, absent = consult(mode, keep, experts, sets, room, view, known)
    z = room.labels[MIXED][:known]
    mix(stack.weights, parts, z)
    choose(stack.hits, experts, sets, room, z, parts[PRIOR], near, absent, picked)
    for part in range(PARTS + 1):
        for label in range(known):
            shares[part, label] = stack.weights[part] * parts[part, label]


@dataclass(frozen=True)
class LabelReason:
    """What was said about one label.

    Attributes
    ----------
    label
        The label.
    probability
        Of the label by itself, in [0, 1].
    chosen
        Whether it is in the chosen label set.
    parts
        Expert -> stack weight times the expert's log odds; ``"intercept"`` too. Their sum is
        the log odds of ``probability``.
    """

    label: Hashable
    probability: float
    chosen: bool
    parts: dict[str, float]


@dataclass(frozen=True)
class Explanation:
    """Why a row got its labels.

    Attributes
    ----------
    labels
        The most probable labels and all chosen ones, most probable first.
    chosen
        The label set that the decoder took.
    times_seen
        Rows that had exactly this label set; 0: the labels were put together anew.
    """

    labels: tuple[LabelReason, ...]
    chosen: tuple[Hashable, ...]
    times_seen: int

    def to_text(self) -> str:
        """Return the explanation as lines, the strongest expert of each label first."""
        known = f"seen {self.times_seen} times" if self.times_seen else "a new combination"
        lines = [f"chosen: {', '.join(map(str, self.chosen)) or 'no label'} ({known})"]
        for reason in self.labels:
            parts = sorted(reason.parts.items(), key=lambda part: -abs(part[1]))
            said = ", ".join(f"{name} {value:+.2f}" for name, value in parts)
            mark = "*" if reason.chosen else " "
            lines.append(f"{mark} {reason.label} {reason.probability:.2f}: {said}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_text()


def explain(engine: object, rows: Rows, names: Sequence[Hashable], k: int) -> Explanation:
    """Explain the first row; the state stays as it is.

    Raises
    ------
    UsageError
        The learner is not the stack of experts.
    """
    if not isinstance(engine, Engine):
        raise UsageError(
            "explain_one explains the stack of experts, which this learner does not have; "
            "use preset='default' and fewer labels than tree_above"
        )
    experts, sets, stack = engine.with_room(rows), engine.sets, engine.stack
    known = int(experts.totals[LABELS])
    features = max(int(experts.totals[FEATURES]), int(rows.x_index.max(initial=-1)) + 1)
    shares, picked = np.empty((PARTS + 1, known)), np.zeros(known, np.bool_)
    address = engine.bundle(experts, stack, sets, engine.monitor)
    cells = rows.x_start, rows.x_index, rows.x_value
    _consult(engine.mode, engine.keep_recent, address, cells, features, known, shares, picked)
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
