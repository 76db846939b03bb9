"""Rows as a reader takes them, checked as scikit-learn checks them."""

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from growlabels.base.errors import DataError
from growlabels.classes.inputs.choice import Reader, readable
from growlabels.classes.inputs.frames import MixedRows
from growlabels.classes.inputs.readers import ArrayReader
from growlabels.classes.inputs.sparse import SparseReader


def checked_rows(model: Any, X: Any, reader: Reader | None) -> Any:
    """Return rows as their reader takes them.

    Parameters
    ----------
    model
        The classifier. Number and names of the columns of a table are set on it in a first fit,
        and compared with those of the fit afterwards.
    X
        Rows of any kind that :meth:`EBVClassifier.fit` takes.
    reader
        The reader of the fit; None in a first fit.
    """
    first = reader is None
    rows: Any = readable(X, reader)
    if first:
        for name in ("n_features_in_", "feature_names_in_"):
            vars(model).pop(name, None)
    if first and isinstance(rows, MixedRows):
        validate_data(model, X, skip_check_array=True)
    if rows is None and isinstance(reader, ArrayReader | SparseReader | None):
        return validate_data(
            model,
            X,
            reset=first,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            accept_sparse="csr",
        )
    if rows is None:
        rows = np.asarray(X)
        if len(rows) == 0:
            raise DataError("X holds no rows to predict")
    return rows
