"""Report the largest cosines of a codebook and the theoretical lower bounds."""

from dataclasses import dataclass

from growlabels.classes.codes.bounds import levenshtein_bound, rankin_bound, welch_bound
from growlabels.classes.codes.closed_forms import Construction


@dataclass(frozen=True)
class Certificate:
    """Largest cosines between the first ``count`` class vectors, with lower bounds.

    Attributes
    ----------
    kind
        Name of the construction.
    dim
        Dimension of the vectors.
    count
        Number of vectors that the figures cover.
    alpha
        Largest absolute cosine between two different vectors, from 0 to 1. It is 0 for a single
        vector.
    signed
        Largest signed cosine between two different vectors, from -1 to 1. It limits how well a
        softmax over cosines can separate the classes. It is -1 for a single vector.
    proved
        Whether ``alpha`` and ``signed`` follow from a theorem. Otherwise they were measured over
        all pairs.
    welch
        Welch's lower bound on ``alpha`` for any ``count`` vectors in ``dim`` dimensions.
    rankin
        Rankin's lower bound on ``signed``.
    levenshtein
        Levenshtein's lower bound on ``alpha``; ``None`` where it does not hold (few vectors).
    method
        One sentence that says how ``alpha`` was obtained.

    Examples
    --------
    >>> from growlabels.classes import Codebook
    >>> certificate = Codebook.for_classes(2112, 64).certificate()
    >>> certificate.alpha, certificate.levenshtein, certificate.proved
    (0.125, 0.125, True)
    """

    kind: str
    dim: int
    count: int
    alpha: float
    signed: float
    proved: bool
    welch: float
    rankin: float
    levenshtein: float | None
    method: str

    def __str__(self) -> str:
        how = "proved" if self.proved else "measured"
        levenshtein = "does not apply" if self.levenshtein is None else f"{self.levenshtein:.6f}"
        return "\n".join(
            [
                f"{self.kind}, {self.count:,} unit vectors in {self.dim} dimensions",
                f"largest |cosine|      {self.alpha:.6f}  ({how}; lower bounds for any set: "
                f"Welch {self.welch:.6f}, Levenshtein {levenshtein})",
                f"largest signed cosine {self.signed:.6f}  ({how}; lower bound for any set: "
                f"Rankin {self.rankin:.6f})",
                f"method: {self.method}",
            ]
        )


def certify(construction: Construction, count: int) -> Certificate:
    """Make the certificate of the first ``count`` vectors of a construction."""
    alpha, signed = construction.cosines(count) if count > 1 else (0.0, -1.0)
    return Certificate(
        kind=construction.kind,
        dim=construction.dim,
        count=count,
        alpha=alpha,
        signed=signed,
        proved=construction.proved,
        welch=welch_bound(count, construction.dim),
        rankin=rankin_bound(count, construction.dim),
        levenshtein=levenshtein_bound(count, construction.dim),
        method=construction.method,
    )
