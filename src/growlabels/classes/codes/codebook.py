"""Codebook: fixed class vectors, the labels they belong to, and what is proved of them."""

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
from growlabels.classes.codes import kerdock as _kerdock
from growlabels.classes.codes.certificate import Certificate, certify
from growlabels.classes.codes.choice import Wish, build, choose, choose_dim, whole_number
from growlabels.classes.codes.closed_forms import Construction
from growlabels.classes.codes.codebook_file import decode, encode
from growlabels.classes.codes.forms import QuadraticForms
from growlabels.classes.codes.measured import Measured
from growlabels.classes.codes.optimise import CRITERIA, Criterion

MAX_BYTES = 1 << 32  # of vectors in one piece: a guard against asking for all of 525,312


class Codebook:
    """Fixed unit vectors, one per class, as far apart as a construction guarantees.

    Equiangular basis vectors (Shen, Sun, Wei, CVPR 2023) with closed forms in place of the
    search: the vector of class i is a formula in i, so nothing is stored, classes are appended
    without touching old ones, and the largest cosine is a theorem. Make one with
    :meth:`for_classes`.

    Attributes
    ----------
    kind
        ``"identity"``, ``"simplex"``, ``"cross-polytope"``, ``"paley"``, ``"kerdock"``,
        ``"gold"``, ``"delsarte-goethals"``, ``"kerdock-blocks"``, or without a proof
        ``"optimised"``, ``"imported"``.
    dim
        Dimension of the vectors.
    capacity
        How many vectors there are with the guarantee.
    n_classes
        How many classes it was made for, at most ``capacity``.
    labels
        Label <-> index, append-only; a removed label leaves a tombstone.
    reason
        Why this construction was chosen, in one sentence.

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
        self.labels = LabelMap() if labels is None else labels

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
        """Make a codebook for up to ``capacity`` classes.

        Parameters
        ----------
        capacity
            The largest number of classes you expect, at least 1. More is better than less:
            the vectors cost nothing until they are used.
        dim
            Dimension of the vectors. ``None`` takes 256 up to 256 classes, 1024 up to 525,312,
            then 4096 and more: at least as many dimensions as classes while that is cheap.
            Given, the first that fits: orthonormal (up to dim; where dim = 4^k the first
            Kerdock vectors), simplex (dim + 1), cross-polytope (2 dim), Kerdock (dim = 4^k, up
            to dim (dim/2 + 1)), Gold type (dim = 2^odd, up to dim (dim + 1)), Delsarte-Goethals
            (dim = 4^k, beyond Kerdock), numerical search (while capacity^2 dim <= 2e9 and .6 is
            no lower bound on the largest cosine; in 2 and 3 dimensions up to 16 dim vectors, for
            a small signed cosine), blocks of smaller Kerdock sets. Else ``dim`` is too small.
        kind
            Ask for one construction by name instead of the first that fits; needs ``dim``.
        criterion
            ``"absolute"``: keep every absolute cosine small, so no cross-polytope; a Paley frame
            or a search in its place. ``"signed"``: search for a small largest cosine. By default
            the order above, and a search for small absolute cosine.
        steps, seed
            Of a numerical search; structured sets ignore them.
        progress
            Called by a numerical search, the only choice that takes longer than a moment.

        Raises
        ------
        UsageError
            ``capacity``, ``dim`` or ``steps`` is no whole number of at least 1, ``seed`` none of
            at least 0, or ``dim`` is too small.

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
        """Return class vectors, one unit vector a row.

        Parameters
        ----------
        index
            Class indices below ``capacity`` (whole numbers in any order), a slice of them, or
            ``None``: the first ``n_classes``.
        dtype
            ``float32``, in which Kerdock vectors are exact, or another floating type.

        Returns
        -------
        array of shape (n, dim)

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
                f"must ask for at most {limit:,} vectors at once (4 GiB)",
                len(wanted),
                "ask for them in slices",
            )
        return self._in_pieces(np.asarray(wanted, dtype=np.int64), np.dtype(dtype))

    def certificate(self, count: int | None = None) -> Certificate:
        """Return what is known about the cosines of the first ``count`` classes.

        ``None`` means ``n_classes``, or the number of labels where that is larger.
        """
        count = max(self.n_classes, len(self.labels)) if count is None else count
        count = whole_number("count", count)
        if count > self.capacity:
            raise UsageError.parameter("count", f"must be at most {self.capacity:,}", count)
        return certify(self._construction, count)

    @property
    def forms(self) -> QuadraticForms | None:
        """The quadratic forms of a codebook of sign bases, which have a fast transform."""
        forms = getattr(self._construction, "forms", None)
        return forms if forms is not None and forms.dim == self.dim else None

    @property
    def sign_rows(self) -> NDArray[np.int8]:
        """Sign rows of a Kerdock codebook: (dim / 2, dim) of +1, -1, read-only.

        Class i = b dim + c is ``sign_rows[b] * H[c] / sqrt(dim)`` for b < dim/2, with the
        Sylvester matrix H[c, x] = (-1)^popcount(c & x); the last basis, b = dim/2, is the unit
        vectors. Groups of four neighbouring bases agree on the upper half of the coordinates up
        to a linear term.
        """
        if self.kind != "kerdock":
            raise UsageError.parameter("kind", "must be 'kerdock' to have sign rows", self.kind)
        return _kerdock.sign_rows(self.dim)

    def add_labels(self, labels: Iterable[Hashable]) -> list[int]:
        """Append labels, each with the next unused vector; returns their indices.

        A label that was removed before gets its old vector back.

        Raises
        ------
        UsageError
            A label is there already, or there are more labels than vectors; then none is added.
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
        """Retire labels; their vectors are not given to others. Returns their indices."""
        if isinstance(labels, str):  # each letter would be one
            raise UsageError.parameter("labels", "must be a list of labels", labels)
        UsageError.require_instance("labels", labels, Iterable, "pass a list of labels")
        gone = list(dict.fromkeys(labels))
        for label in gone:  # an unknown label raises before any is removed
            self.labels.index(label)
        return [self.labels.remove(label) for label in gone]

    @property
    def hash(self) -> str:
        """SHA-256 of what decides the vectors; labels and ``n_classes`` have no effect."""
        decisive: dict[str, object] = {"kind": self.kind, "dim": self.dim}
        if isinstance(self._construction, Measured):
            decisive["vectors"] = self._construction.sha256()
        return content_hash({**decisive, "capacity": self.capacity})

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
        """Read what :meth:`to_bytes` wrote; ``name`` is how errors call it."""
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
            raise RunError(f"{name} holds no codebook this growlabels knows: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one file in the safetensors layout; a structured codebook stores no tensor."""
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
            It is no codebook, damaged, or of another version.
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
        """Fill the result by blocks, so that the float64 working copy stays small."""
        result = np.empty((len(indices), self.dim), dtype=dtype)
        step = max(1, (1 << 22) // self.dim)
        for start in range(0, len(indices), step):
            result[start : start + step] = self._construction.vectors(indices[start : start + step])
        return result


def _with_count(found: tuple[Construction, str], count: int) -> tuple[Construction, int, str]:
    construction, reason = found
    return construction, count, reason
