"""Define Codebook: fixed class vectors, their labels and their certificate."""

import os
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from growlabels.base.errors import DataError, RunError, UsageError
from growlabels.base.files import atomic_write, content_hash
from growlabels.base.labels import LabelMap
from growlabels.base.progress import Progress, silent
from growlabels.classes.codes import kerdock
from growlabels.classes.codes.certificate import Certificate, certify
from growlabels.classes.codes.choice import Wish, build, choose, choose_dim, whole_number
from growlabels.classes.codes.closed_forms import Construction
from growlabels.classes.codes.codebook_file import decode, encode
from growlabels.classes.codes.forms import QuadraticForms
from growlabels.classes.codes.measured import Measured
from growlabels.classes.codes.optimise import CRITERIA, Criterion

MAX_BYTES = 1 << 32  # largest array of vectors that one call returns


class Codebook:
    """Fixed unit vectors, one per class, with a known largest cosine between them.

    The method is equiangular basis vectors (Shen, Sun, Wei, CVPR 2023), with closed forms in
    place of a numerical search. The vector of class i is a formula in i. No vector is stored,
    new classes leave existing vectors unchanged, and the largest cosine is proved. Create a
    codebook with :meth:`for_classes`.

    Attributes
    ----------
    kind
        Name of the construction. Proved kinds are ``"identity"``, ``"simplex"``,
        ``"cross-polytope"``, ``"paley"``, ``"kerdock"``, ``"gold"``, ``"delsarte-goethals"``
        and ``"kerdock-blocks"``. Measured kinds are ``"optimised"`` and ``"imported"``.
    dim
        Dimension of the vectors.
    capacity
        Number of vectors that the construction provides.
    n_classes
        Number of classes that was asked for, at most ``capacity``.
    labels
        Append-only map between labels and indices. The index of a removed label is not reused
        for another label.
    reason
        One sentence that says why this construction was chosen.

    Examples
    --------
    >>> codebook = Codebook.for_classes(1000)
    >>> codebook.kind, codebook.dim, codebook.capacity
    ('kerdock', 1024, 525312)
    >>> codebook.add_labels(["ant", "bee"])
    [0, 1]
    >>> codebook.vectors([0, 1]) @ codebook.vectors([0, 1]).T
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    def __init__(
        self,
        construction: Construction,
        n_classes: int,
        reason: str,
        labels: LabelMap | None = None,
    ) -> None:
        self._construction = construction
        self.n_classes = n_classes
        self.reason = reason
        self.labels: LabelMap = LabelMap() if labels is None else labels

    @classmethod
    def for_classes(
        cls,
        capacity: int,
        dim: int | None = None,
        kind: str | None = None,
        *,
        criterion: Criterion | None = None,
        steps: int = 250,
        seed: int = 0,
        progress: Progress = silent,
    ) -> "Codebook":
        """Create a codebook for up to ``capacity`` classes.

        Parameters
        ----------
        capacity
            The largest number of classes that you expect, at least 1. Choose it generously:
            unused vectors cost nothing.
        dim
            Dimension of the vectors, at least 1. The default ``None`` selects 256 for up to 256
            classes, 1024 for up to 1,024 and 4096 for up to 65,536, so that there are as many
            dimensions as classes where that is cheap. Beyond, it is 1024 up to 525,312 classes,
            for the sake of time and memory, and then 4096 or more. See Notes for the construction
            that a given ``dim`` selects.
        kind
            Name of the construction to use; see :class:`Codebook`. It requires ``dim``. By
            default the first construction in Notes that fits is used.
        criterion
            ``"absolute"`` keeps all absolute cosines small: a Paley frame or a search replaces
            the cross-polytope. ``"signed"`` makes a search minimise the largest signed cosine.
            By default the order in Notes applies.
        steps
            Number of iterations of a numerical search, at least 1; default 250.
        seed
            Seed of a numerical search, at least 0; default 0.
        progress
            Function that a numerical search calls after each iteration. All other
            constructions are immediate.

        Raises
        ------
        UsageError
            ``capacity``, ``dim`` or ``steps`` is not a whole number of at least 1, ``seed`` is
            not one of at least 0, or ``dim`` is too small for ``capacity``.

        Notes
        -----
        With ``dim`` given, the first construction that holds ``capacity`` vectors is used:

        1. orthonormal vectors, up to dim classes (for dim = 4^k the first Kerdock vectors);
        2. the regular simplex, dim + 1 classes;
        3. the cross-polytope, up to 2 dim classes;
        4. a Kerdock set, dim = 4^k, up to dim (dim/2 + 1) classes;
        5. a Gold-type set, dim = 2^odd, up to dim (dim + 1) classes;
        6. a Delsarte-Goethals set, dim = 4^k, for more classes than Kerdock;
        7. a numerical search, if capacity^2 dim <= 2e9 and the lower bound on the largest
           absolute cosine is at most 0.6. In 2 and 3 dimensions it serves up to 16 dim classes
           and minimises the signed cosine by default;
        8. blocks of smaller Kerdock sets.

        If none fits, ``dim`` is too small.

        Examples
        --------
        >>> Codebook.for_classes(65, 64).kind
        'simplex'
        >>> Codebook.for_classes(150).reason
        'no dim was asked for: Kerdock vectors with dim = 256; the first 256 classes are ...'
        """
        capacity = whole_number("capacity", capacity)
        steps, seed = whole_number("steps", steps), whole_number("seed", seed, 0)
        if criterion is not None:
            UsageError.require_choice("criterion", criterion, CRITERIA)
        if dim is None:
            if kind is not None:
                raise UsageError.parameter("dim", "must be given together with kind", dim)
            return cls(*_with_count(choose_dim(capacity), capacity))
        wish = Wish(capacity, whole_number("dim", dim), criterion, steps, seed)
        if kind is None:
            return cls(*_with_count(choose(wish, progress), capacity))
        return cls(build(kind, wish, progress), capacity, f"kind = {kind!r} was asked for")

    @property
    def kind(self) -> str:
        return self._construction.kind

    @property
    def dim(self) -> int:
        return self._construction.dim

    @property
    def capacity(self) -> int:
        return self._construction.capacity

    def __repr__(self) -> str:
        return (
            f"Codebook({self.kind}, dim={self.dim}, capacity={self.capacity}, "
            f"n_classes={self.n_classes}, labels={len(self.labels)})"
        )

    def vectors(
        self,
        index: ArrayLike | slice | None = None,
        dtype: DTypeLike = np.float32,
    ) -> NDArray[Any]:
        """Return class vectors, one unit vector per row.

        Parameters
        ----------
        index
            Class indices below ``capacity``, in any order, or a slice of them. The default
            ``None`` selects the first ``n_classes``.
        dtype
            Floating-point type of the result. The default ``float32`` represents Kerdock
            vectors exactly.

        Returns
        -------
        array of shape (n, dim)
            The unit vectors in the order of ``index``.

        Raises
        ------
        UsageError
            An index is out of range, or the result would take more than 4 GiB.
        """
        wanted = range(self.n_classes)
        if isinstance(index, slice):
            wanted = range(self.capacity)[index]
        elif index is not None:
            wanted = self._checked(index)
        limit = MAX_BYTES // (self.dim * np.dtype(dtype).itemsize)
        if len(wanted) > limit:
            raise UsageError.parameter(
                "index",
                f"must select at most {limit:,} vectors at once (4 GiB)",
                len(wanted),
                "request them in slices",
            )
        return self._in_pieces(np.asarray(wanted, dtype=np.int64), np.dtype(dtype))

    def certificate(self, count: int | None = None) -> Certificate:
        """Return the largest cosines of the first ``count`` classes, with lower bounds.

        Parameters
        ----------
        count
            Number of classes, from 1 to ``capacity``. The default is ``n_classes``, or the
            number of labels if that is larger.
        """
        count = max(self.n_classes, len(self.labels)) if count is None else count
        count = whole_number("count", count)
        if count > self.capacity:
            raise UsageError.parameter("count", f"must be at most {self.capacity:,}", count)
        return certify(self._construction, count)

    @property
    def forms(self) -> QuadraticForms | None:
        """Quadratic forms of a codebook that has a fast transform; ``None`` for other kinds."""
        forms = getattr(self._construction, "forms", None)
        return forms if forms is not None and forms.dim == self.dim else None

    @property
    def sign_rows(self) -> NDArray[np.int8]:
        """Sign rows of a Kerdock codebook: a read-only (dim / 2, dim) array of +1 and -1.

        For b < dim/2, the vector of class b dim + c is ``sign_rows[b] * H[c] / sqrt(dim)``. H is
        the Sylvester matrix, H[c, x] = (-1)^popcount(c & x). The last basis, b = dim/2, consists
        of the standard unit vectors. Each group of four consecutive bases agrees on the upper
        half of the coordinates up to a linear term.
        """
        if self.kind != "kerdock":
            raise UsageError.parameter("kind", "must be 'kerdock' to have sign rows", self.kind)
        return kerdock.sign_rows(self.dim)

    def add_labels(self, labels: Iterable[Hashable]) -> list[int]:
        """Append labels, give each the next unused vector, and return their indices.

        A label that was removed before gets its old vector again.

        Raises
        ------
        UsageError
            A label is already present, or there are more labels than vectors. No label is added
            in either case.
        """
        UsageError.require_instance("labels", labels, Iterable, "pass a list of labels")
        new = list(labels)
        if len(self.labels) + len(new) > self.capacity:
            total = len(self.labels) + len(set(new).difference(self.labels))
            if total > self.capacity:
                raise UsageError.parameter(
                    "labels",
                    f"must be at most {self.capacity:,}, removed ones included, in a {self.kind} "
                    f"codebook of dim = {self.dim}",
                    total,
                    f"make a larger one with Codebook.for_classes({total}) and train again",
                )
        return self.labels.extend(labels if isinstance(labels, str | set | frozenset) else new)

    def remove_labels(self, labels: Iterable[Hashable]) -> list[int]:
        """Remove labels and return their indices; no other label gets their vectors."""
        if isinstance(labels, str):  # each letter would count as a label
            raise UsageError.parameter("labels", "must be a list of labels", labels)
        UsageError.require_instance("labels", labels, Iterable, "pass a list of labels")
        gone = list(dict.fromkeys(labels))
        for label in gone:  # an unknown label raises before any is removed
            self.labels.index(label)
        return [self.labels.remove(label) for label in gone]

    @property
    def hash(self) -> str:
        """SHA-256 of everything that determines the vectors; labels do not change it."""
        settings: dict[str, object] = {"kind": self.kind, "dim": self.dim}
        if isinstance(self._construction, Measured):
            settings["vectors"] = self._construction.sha256()
        return content_hash({**settings, "capacity": self.capacity})

    def to_bytes(self) -> bytes:
        """Return the content of the file that :meth:`save` writes."""
        stored = self._construction if isinstance(self._construction, Measured) else None
        metadata = {
            "kind": self.kind,
            "dim": str(self.dim),
            "n_classes": str(self.n_classes),
            "reason": self.reason,
            "method": self._construction.method,
            "labels": self.labels.to_json(),
        }
        return encode(metadata, None if stored is None else stored.stored)

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "codebook") -> "Codebook":
        """Read the result of :meth:`to_bytes`; error messages call it ``name``."""
        metadata, vectors = decode(data, name)
        try:
            kind, n_classes = metadata["kind"], int(metadata["n_classes"])
            if vectors is None:
                construction = build(kind, Wish(n_classes, int(metadata["dim"])))
            else:
                construction = Measured(kind, vectors, metadata["method"])
            labels = LabelMap.from_json(metadata["labels"])
            return cls(construction, n_classes, metadata["reason"], labels)
        except (KeyError, ValueError, DataError) as error:
            raise RunError(
                f"{name} does not contain a codebook that this growlabels can read: {error}"
            ) from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the codebook to one file in the safetensors layout.

        A structured codebook is stored without a tensor.
        """
        UsageError.require_path("path", path)
        data = self.to_bytes()
        with atomic_write(path, "wb") as file:
            file.write(data)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Codebook":
        """Read a file that :meth:`save` wrote.

        Raises
        ------
        UsageError
            The file does not exist.
        RunError
            The file is not a codebook, is damaged, or has another version.
        """
        UsageError.require_path("path", path)
        if not Path(path).is_file():
            raise UsageError.missing_file(path, "codebook")
        return cls.from_bytes(Path(path).read_bytes(), f"codebook {os.fspath(path)!r}")

    def _checked(self, index: ArrayLike | Sequence[int]) -> NDArray[np.int64]:
        indices = np.atleast_1d(np.asarray(index))
        if indices.size == 0:
            return np.zeros(0, dtype=np.int64)
        if indices.ndim != 1 or indices.dtype.kind not in "iu":
            raise UsageError.parameter(
                "index", "must be whole numbers in one row", f"{indices.dtype} of {indices.shape}"
            )
        wrong = (indices < 0) | (indices >= self.capacity)
        if wrong.any():
            raise UsageError.parameter(
                "index",
                f"must be from 0 to {self.capacity - 1}",
                int(indices[wrong][0]),
                "make a codebook of larger capacity",
            )
        return indices.astype(np.int64)

    def _in_pieces(self, indices: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the vectors, computed in blocks to keep the float64 working copy small."""
        result = np.empty((len(indices), self.dim), dtype=dtype)
        step = max(1, (1 << 22) // self.dim)
        for start in range(0, len(indices), step):
            result[start : start + step] = self._construction.vectors(indices[start : start + step])
        return result


def _with_count(found: tuple[Construction, str], count: int) -> tuple[Construction, int, str]:
    construction, reason = found
    return construction, count, reason
