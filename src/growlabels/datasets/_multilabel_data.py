"""The shape in which every multi-label set is handed over."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class MultiLabelData(NamedTuple):
    """A multi-label data set; unpacks as ``X, Y, feature_names, label_names``.

    Attributes
    ----------
    X
        Rows x features: a float64 array, or a SciPy CSR matrix where the file is sparse.
    Y
        Rows x labels, boolean.
    feature_names, label_names
        Names of the columns of ``X`` and ``Y``.
    """

    X: "np.ndarray | csr_matrix"
    Y: np.ndarray
    feature_names: list[str]
    label_names: list[str]
