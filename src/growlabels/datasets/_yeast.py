"""Yeast, the multi-label gene data that the package ``river`` carries."""

import csv
import gzip
from pathlib import Path

import numpy as np

from growlabels.base.errors import DataError, MissingExtraError
from growlabels.tables import MultiLabelData

N_LABELS = 14


def load_yeast() -> MultiLabelData:
    """Load Yeast: 2,417 genes, 103 measurements, 14 functions; no download.

    Returns
    -------
    MultiLabelData
        ``X`` (2417, 103) float64, ``Y`` (2417, 14) bool, and the names, in published order.

    Raises
    ------
    MissingExtraError
        The package ``river`` is not installed.

    References
    ----------
    Elisseeff and Weston, "A kernel method for multi-labelled classification", NIPS 2001.

    Examples
    --------
    >>> X, Y, feature_names, label_names = load_yeast()
    >>> X.shape, Y.shape, label_names[:2]
    ((2417, 103), (2417, 14), ['Class1', 'Class2'])
    """
    try:
        from river import datasets
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("river", "stream") from error
    path = Path(datasets.Yeast().path)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        cells = list(rows)
    labels = [i for i, name in enumerate(header) if name.startswith("Class")]
    features = [i for i, name in enumerate(header) if name.startswith("Att")]
    if len(labels) != N_LABELS or len(labels) + len(features) != len(header):
        raise DataError(f"{path.name} of river has other columns than known; use river>=0.22")
    values = np.array(cells)
    return MultiLabelData(
        values[:, features].astype(np.float64),
        values[:, labels] == "1",
        [header[i] for i in features],
        [header[i] for i in labels],
    )
