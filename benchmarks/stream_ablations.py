"""IHOMER with a part left out, for ``stream_quality.py``: reaches into the learner on purpose.

An expert is left out, and the stack fixed, by a penalty that keeps its weight where it starts.
Without the decoder each label is decided by itself, by the same threshold for F1 or by 1/2.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.stream import IHOMER, ArrayRows
from growlabels.stream.experts import engine as engine_module
from growlabels.stream.experts.stack import EXPERTS, Stack, new_stack

ABLATIONS = {
    **{f"without {name}": place for place, name in enumerate(EXPERTS)},
    "no stack: equal weights": None,
    "no decoder: threshold for F1": None,
    "no decoder: threshold 1/2": None,
}
FIXED = 1e30


def ablated(part: str, rows: ArrayRows) -> NDArray[np.bool_]:
    """Predict, then learn every row; return the choices (rows, labels)."""
    if part.startswith("no decoder"):
        return _label_by_label(rows, part.endswith("F1"))
    place = ABLATIONS[part]

    def stack() -> Stack:
        made = new_stack()
        if place is None:
            made.hessian[np.diag_indices_from(made.hessian)] = FIXED
        else:
            made.weights[:-1] = 1.0 / (len(EXPERTS) - 1)
            made.weights[place] = 0.0
            made.hessian[place, place] = FIXED
        return made

    engine_module.new_stack = stack  # for restarts
    model = IHOMER()
    model._engine.stack = stack()
    chosen = _wide(model.prequential_many(rows.X, rows.Y), model, rows)
    engine_module.new_stack = new_stack
    return chosen


def _label_by_label(rows: ArrayRows, for_f1: bool) -> NDArray[np.bool_]:
    model = IHOMER()
    chosen = np.zeros(rows.Y.shape, bool)
    tp = wrong = 0
    for row in range(len(rows)):
        x, y = rows.X[row : row + 1], rows.Y[row : row + 1]
        theta = min(max((2 * tp + 1) / (2 * tp + wrong + 2) / 2, 0.02), 0.5) if for_f1 else 0.5
        chosen[row] = _wide(model.predict_proba_many(x) > theta, model, rows)[0]
        model.learn_many(x, y)
        tp += int((chosen[row] & y[0]).sum())
        wrong += int((chosen[row] ^ y[0]).sum())
    return chosen


def _wide(chosen: Any, model: IHOMER, rows: ArrayRows) -> NDArray[np.bool_]:
    """Put the columns of ``labels_`` where the columns of Y are."""
    dense = chosen.toarray() if hasattr(chosen, "toarray") else chosen
    wide = np.zeros((len(dense), rows.Y.shape[1]), bool)
    wide[:, np.array(model.labels_, int)] = dense
    return wide
