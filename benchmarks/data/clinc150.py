"""Load CLINC150: short requests with 150 intents, and requests with none of them."""

import json
from typing import NamedTuple

import numpy as np

from growlabels.base.errors import DataError
from growlabels.datasets._mirror import read_published


class Clinc150(NamedTuple):
    """Requests and intents; labels are int64 indices into ``intents``.

    Attributes
    ----------
    train_texts, train_labels
        15,000 rows, 100 per intent.
    validation_texts, validation_labels
        3,000 rows.
    test_texts, test_labels
        4,500 rows.
    out_of_scope_train, out_of_scope_validation, out_of_scope_test
        100, 100 and 1,000 requests that have none of the intents.
    intents
        150 names, sorted.
    """

    train_texts: list[str]
    train_labels: np.ndarray
    validation_texts: list[str]
    validation_labels: np.ndarray
    test_texts: list[str]
    test_labels: np.ndarray
    out_of_scope_train: list[str]
    out_of_scope_validation: list[str]
    out_of_scope_test: list[str]
    intents: list[str]


def load_clinc150() -> Clinc150:
    """Load CLINC150 from the mirror or from an earlier download.

    Raises
    ------
    UsageError
        If the file is not on this computer; the message says how to get it.
    DataError
        If the file differs from the published one.

    References
    ----------
    Larson et al., "An evaluation dataset for intent classification and out-of-scope
    prediction", EMNLP 2019.
    """
    content = read_published("clinc150")
    try:
        parts = json.loads(content)
        intents = sorted({intent for _, intent in parts["train"]})
        place = {intent: i for i, intent in enumerate(intents)}
        columns: list[list[str] | np.ndarray] = []
        for part in ("train", "val", "test"):
            columns.append([text for text, _ in parts[part]])
            columns.append(np.array([place[intent] for _, intent in parts[part]], dtype=np.int64))
        outside = [[text for text, _ in parts[f"oos_{part}"]] for part in ("train", "val", "test")]
    except (KeyError, ValueError) as error:
        raise DataError(f"clinc150 does not have the expected structure ({error!r})") from error
    return Clinc150(*columns, *outside, intents)  # type: ignore[arg-type]
