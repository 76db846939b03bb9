"""Fit the temperature of EBVClassifier on rows that are kept back from training."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from growlabels.base.errors import DataError
from growlabels.classes.calibration.calibrating import LOGITS
from growlabels.classes.calibration.rejection import fit_temperature
from growlabels.classes.classifier.split import draw_held_out
from growlabels.classes.classifier.training import TrainingRows
from growlabels.classes.inputs.labels import Columns

FEWEST, MOST = 50, 500  # rows that a temperature is fitted on


def draw_for_temperature(targets: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """Say which rows are kept back for the temperature.

    They are a random share of the rows, at most 500, and at most half of the rows of a class.
    Where fewer than 50 could be kept back, none are.

    >>> int(draw_for_temperature(np.arange(1000) % 4, 0.1, 0).sum())
    100
    >>> int(draw_for_temperature(np.arange(1000), 0.1, 0).sum())  # one row of each class
    0
    """
    random = np.random.default_rng(seed)
    count = len(targets)
    order = random.permutation(count)
    grouped = order[np.argsort(targets[order], kind="stable")]
    size: Any = np.bincount(targets, minlength=1)
    start = size.cumsum() - size
    rank = np.arange(count) - start[targets[grouped]]
    spare = grouped[rank < size[targets[grouped]] // 2]
    wanted = min(MOST, round(share * count), len(spare))
    held = np.zeros(count, bool)
    if wanted >= FEWEST:
        held[random.permutation(spare)[:wanted]] = True
    return held


def kept_back(model: Any, rows: TrainingRows) -> tuple[TrainingRows, TrainingRows]:
    """Divide the rows of a first fit into those to learn and those to keep back.

    With ``patience`` the rows kept back serve early stopping as well.
    """
    if model.patience is None:
        held = draw_for_temperature(rows.targets, model.calibration_fraction, model.seed)
    else:
        held = draw_held_out(rows.targets, model.validation_fraction, model.seed)
        if not held.any():
            raise DataError("no class has enough rows to keep one back for early stopping")
    return rows.take(np.flatnonzero(~held)), rows.take(np.flatnonzero(held))


@torch.no_grad()
def temperature_of(
    trunk: nn.Module, head: nn.Module, rows: TrainingRows, columns: Columns
) -> float:
    """Return the temperature that fits the probabilities of these rows best; 1 for no rows.

    Rows of retired classes do not count. With very many classes fewer rows are used, so that there
    are at most 2^26 logits.
    """
    known = columns.column[rows.targets] >= 0
    places = np.flatnonzero(known)[: max(FEWEST, LOGITS // max(1, len(columns.column)))]
    if not len(places):
        return 1.0
    device = next(head.parameters()).device
    logits = []
    for part in np.array_split(places, -(-len(places) // 256)):
        batch = [each.to(device) for each in rows.inputs.batch(part)]
        logits.append(columns.in_order(head(trunk(*batch)).cpu()))
    return fit_temperature(torch.cat(logits).numpy(), columns.column[rows.targets[places]])
