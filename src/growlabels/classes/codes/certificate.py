"""What is known about the cosines of a codebook, with the bounds beside it."""

from dataclasses import dataclass

from growlabels.classes.codes.bounds import levenshtein_bound, rankin_bound, welch_bound
from growlabels.classes.codes.closed_forms import Construction


@dataclass(frozen=True)
class Certificate:
    """How close the vectors of the first ``count`` classes come to each other.

    Attributes
    ----------
    kind, dim, count
        The construction, the dimension, the number of vectors the figures are about.
    alpha
        Largest absolute cosine between two different vectors, 0 to 1; 0 where there is no pair.
    signed
        Largest signed cosine between two different vectors, -1 to 1: what a softmax over
        signed cosines is disturbed by. -1 where there is no pair.
    proved
        Whether ``alpha`` and ``signed`` follow from a theorem; else they were measured over
        all pairs.
    welch, levenshtein
        Lower bounds on ``alpha`` of any ``count`` vectors in ``dim`` dimensions;
        ``levenshtein`` is ``None`` where it does not hold (few vectors).
    rankin
        Lower bound on ``signed``.
    method
        How ``alpha`` is known, in one sentence.

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
                f"largest |cosine|      {self.alpha:.6f}  ({how}; no set can be below: "
                f"Welch {self.welch:.6f}, Levenshtein {levenshtein})",
                f"largest signed cosine {self.signed:.6f}  ({how}; no set can be below: "
                f"Rankin {self.rankin:.6f})",
                f"method: {self.method}",
            ]
        )


def certify(construction: Construction, count: int) -> Certificate:
    """State what is known about the first ``count`` vectors of a construction."""
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
