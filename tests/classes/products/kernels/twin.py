"""Unit rows and stored class vectors to compare the compiled kernels with."""

import numpy as np
from numpy.typing import NDArray

from growlabels.classes.codes.codebook import Codebook


def unit_rows(rows: int, dim: int, seed: int) -> NDArray[np.float32]:
    z = np.random.default_rng(seed).normal(size=(rows, dim))
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)


def dense(n_classes: int, dim: int) -> NDArray[np.float64]:
    codebook = Codebook.for_classes(n_classes, dim, kind="kerdock")
    return codebook.vectors(range(n_classes), np.float64)
