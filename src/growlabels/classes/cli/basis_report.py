"""A codebook as a section of a report: its certificate and its cosines against the bounds."""

import numpy as np

from growlabels.classes.codes.codebook import Codebook
from growlabels.report import Headline, Plot, Report, Section, Table, histogram_plot

DRAWN = 1000  # vectors whose pairs are drawn
NONE = "does not apply"


def basis_report(codebook: Codebook, seed: int = 0) -> Report:
    """Describe a codebook: what is proved, what is possible, what the pairs look like."""
    certificate = codebook.certificate()
    how = "proved" if certificate.proved else "measured over all pairs"
    bounds = [
        ("largest |cosine|", certificate.alpha, "Welch 1974", certificate.welch),
        ("largest |cosine|", certificate.alpha, "Levenshtein 1982", certificate.levenshtein),
        ("largest signed cosine", certificate.signed, "Rankin 1955", certificate.rankin),
    ]
    section = Section(
        title="Certificate",
        text=[
            f"{certificate.count:,} unit vectors in {certificate.dim} dimensions, "
            f"{certificate.kind}: {certificate.method}.",
            f"Reason: {codebook.reason}. The codebook holds {codebook.capacity:,} vectors in all.",
        ],
        headlines=[
            Headline(
                "largest |cosine|",
                certificate.alpha,
                f"between two different vectors, 0 to 1, {how}; smaller is better",
                max(certificate.welch, certificate.levenshtein or 0.0),
                "no set of this size can be below",
                "",  # a bound, which need not be within reach
                digits=6,
            ),
            Headline(
                "largest signed cosine",
                certificate.signed,
                f"what a softmax over cosines is disturbed by, -1 to 1, {how}",
                certificate.rankin,
                "no set of this size can be below",
                "",  # Rankin's bound is out of reach above 2 dim vectors
                digits=6,
            ),
        ],
        plots=cosine_plots(codebook, seed),
        tables=[
            Table(
                "Bounds",
                ["quantity", "this codebook", "bound", "no set can be below"],
                [
                    [quantity, f"{value:.6f}", name, NONE if b is None else f"{b:.6f}"]
                    for quantity, value, name, b in bounds
                ],
                "Levenshtein's bound holds above dim (dim + 1) / 2 vectors.",
            )
        ],
    )
    return Report(
        title="Class vectors",
        summary=f"{certificate.count:,} fixed class vectors in {certificate.dim} dimensions, "
        f"largest |cosine| {certificate.alpha:.6f} ({how}).",
        sections=[section],
        settings={
            "classes": codebook.n_classes,
            "dim": codebook.dim,
            "kind": codebook.kind,
            "hash": codebook.hash,
        },
        seeds=[seed],
    )


def cosine_plots(codebook: Codebook, seed: int = 0) -> list[Plot]:
    """Return the histogram of the cosines, or none where all are 0."""
    return [cosine_plot(codebook, seed)] if codebook.certificate().alpha else []


def cosine_plot(codebook: Codebook, seed: int = 0) -> Plot:
    """Histogram of the cosines between classes, of all pairs or those among about 1,000 drawn."""
    certificate = codebook.certificate()
    count = certificate.count
    index = np.arange(count)
    which = f"all {count * (count - 1) // 2:,} pairs"
    if count > DRAWN:
        index = np.unique(np.random.default_rng(seed).integers(0, count, DRAWN))
        which = f"the {len(index) * (len(index) - 1) // 2:,} pairs of {len(index):,} drawn vectors"
    vectors = codebook.vectors(index)
    cosines = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return histogram_plot(
        "Cosines between class vectors",
        {"pairs": cosines.tolist()},
        "cosine",
        f"Histogram of the cosines of {which}, with the largest |cosine| marked.",
        f"Cosines of {which}.",
        {"largest |cosine|": certificate.alpha, "its negative": -certificate.alpha},
        bins=60,
    )
